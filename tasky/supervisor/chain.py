"""What is executed before a worker, in its process, to make that what the definition says: each a tool of the system
that does its part and executes the next. No shell sees a value; a worker that asks for nothing has none.

Popen could do some of it: by forking the whole server (user), or by Python between fork and exec, where it may lock up.

The order: into the cgroup as the server's user, who alone may; then the niceness, which may need rights, too; then the
user; and last the rlimits. They are only ever lowered, which needs none; and a user's processes are counted against an
rlimit that is there when that user is taken on: over it, the worker would not start, instead of not forking.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Collection, Mapping
from typing import Final

from ..config import tools
from ..errors import SpawnError
from ..model.limits import Kept, Means, kept
from ..model.worker import WorkerDefinition
from .containment import enter
from .identity import Identity

_RLIMITS: Final[Mapping[str, tuple[str, int]]] = {
    "memory": ("data", resource.RLIMIT_DATA),
    "processes": ("nproc", resource.RLIMIT_NPROC),
    "open_files": ("nofile", resource.RLIMIT_NOFILE),
    "file_size": ("fsize", resource.RLIMIT_FSIZE),
}
#: What has the loader of programs, or the C library, read or run something: for the worker, not for the tools before
#: it, which may have more rights (ld.so(8) on secure execution).
_LOADED: Final = ("LD_", "GCONV_PATH", "GLIBC_TUNABLES", "LOCPATH")


def chain(
    definition: WorkerDefinition,
    who: Identity | None,
    *,
    entry: str | None,
    controllers: Collection[str],
) -> list[str]:
    """What to put before the argv. `entry` is the file that takes it into its cgroup, `controllers` what that limits.
    SpawnError if a tool is missing."""
    found: list[str] = [] if entry is None else enter(entry)
    if definition.nice:
        found += [_tool("nice"), "-n", str(definition.nice)]
    options = [] if who is None else who.options()
    if definition.no_new_privs:
        options.append("--no-new-privs")
    if options:
        found += [_tool("setpriv"), *options, "--"]
    as_root = (os.geteuid() if who is None else who.uid) == 0
    if rlimits := _rlimits(kept(definition.limits, controllers, as_root=as_root)):
        found += [_tool("prlimit"), *rlimits, "--"]
    return found


def set_apart(
    environment: Mapping[str, str], who: Identity | None
) -> tuple[list[str], Mapping[str, str]]:
    """What to put between the chain and the argv, and the environment to begin with."""
    if who is None:
        return [], environment
    late = {name: value for name, value in environment.items() if name.startswith(_LOADED)}
    if not late:
        return [], environment
    early = {name: value for name, value in environment.items() if name not in late}
    return [_tool("env"), *(f"{name}={value}" for name, value in late.items())], early


def _rlimits(limits: list[Kept]) -> list[str]:
    options = []
    for one in limits:
        if one.means is Means.RLIMIT:
            name, number = _RLIMITS[one.limit]
            _, hard = resource.getrlimit(number)
            value = int(one.value)
            least = value if hard == resource.RLIM_INFINITY else min(value, hard)
            options.append(f"--{name}={least}:{least}")
    return options


def _tool(name: str) -> str:
    path = tools.find(name)
    if path is None:
        raise SpawnError(f"it cannot be started: the program {name} is not there")
    return path
