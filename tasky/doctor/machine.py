"""Python, the kernel, the user, the system's tools."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import time
from pathlib import Path
from typing import Final

from ..config import tools as system
from .finding import Finding, ok, problem, warning
from .running import Running, name_of, named

#: CPython issue 104372.
_SPAWNS_ALONE: Final = (3, 11, 4)
#: Bytes that a struct timex has at most, and what adjtimex(2) gives for a clock that is not synchronized.
_TIMEX: Final = 512
_UNSYNCHRONIZED: Final = 5


def python() -> Finding:
    version = platform.python_version()
    if sys.version_info < _SPAWNS_ALONE:
        return warning(
            "python",
            f"{version} stands still while a program is being started: one on a hung file system holds up everything."
            " Use 3.11.4 or newer",
        )
    return ok("python", version)


def kernel() -> Finding:
    """Tried: what a release has may be in an older one, and kept from us in a container."""
    name = f"{platform.system()} {platform.release()}"
    try:
        descriptor = os.pidfd_open(os.getpid())
        os.close(descriptor)
    except OSError as error:
        return problem("kernel", f"{name} gives no pidfd ({error.strerror}): Linux 5.4 is needed")
    return ok("kernel", name)


def clock() -> Finding:
    """A wrong date harms no running task; ids, retention and `at=` go by it."""
    now = time.time()
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    installed = Path(__file__).stat().st_mtime
    if now < installed:
        return warning(
            "clock", f"{shown} is before Tasky was installed: set it, or have it set (chrony, ntp)"
        )
    return ok("clock", f"{shown}, {_kept()}")


def _kept() -> str:
    """Whether something keeps it right: the kernel's own word (adjtimex(2)), which changes nothing here."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX))
    except (OSError, AttributeError):  # another C library
        return "and it is not known whether it is kept right"
    if state < 0:
        return "and it is not known whether it is kept right"
    return "which nothing keeps right (chrony, ntp)" if state == _UNSYNCHRONIZED else "kept right"


def user(server: Running) -> Finding:
    """Who the server is, or would be. Of definitions, another user sees other mistakes than it does."""
    name = server.user if named(server.uid) else f"{server.uid}, who has no name here"
    if server.uid == 0:
        return warning(
            "user",
            f"{name}: workers run as root unless they have `user:`. A user of its own is safer for the server",
        )
    text = f"{name}; workers run as this user, too, and can do to the server what it can"
    if not server.is_this_user:
        this = name_of(os.geteuid())
        text += f". This is {this}: sudo -u {server.user} tasky doctor sees all as the server does"
    return ok("user", text)


def tools() -> Finding:
    """In the places where the server looks for them."""
    if not os.access("/bin/sh", os.X_OK):
        return problem("tools", "there is no /bin/sh, which takes each worker into its cgroup")
    missing = [name for name in system.PACKAGES if system.find(name) is None]
    if missing:
        packages = ", ".join(sorted({system.PACKAGES[name] for name in missing}))
        return warning(
            "tools",
            f"missing: {', '.join(missing)}. Workers that need them (for `user`, `limits`, `nice`) are refused:"
            f" install {packages}",
        )
    return ok("tools", ", ".join(["sh", *system.PACKAGES]))
