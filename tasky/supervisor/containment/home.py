"""Where this server may have cgroups of its own: below the one that it is in, which is the one delegated to it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from . import files, proc

CONTROLLERS: Final = frozenset({"cpu", "memory", "pids"})
#: Where the server is itself while its home has controllers for others: what has both processes and controllers, the
#: kernel allows in the root only. systemd (DelegateSubgroup=) can put it there, too.
_SUPERVISOR: Final = "supervisor"
_OCTAL: Final = re.compile(r"\\(\d{3})")


class Unavailable(Exception):
    """There are no cgroups for us here; says why."""


@dataclass(frozen=True, slots=True)
class Home:
    """The cgroup in which ours are made: its folder, and its name as /proc/PID/cgroup has it."""

    folder: str
    name: str

    @property
    def is_root(self) -> bool:
        """Of the machine: there, processes and controllers may be together."""
        return not Path(self.folder, "cgroup.events").exists()

    @property
    def processes(self) -> list[int]:
        return [int(pid) for pid in files.read(self.folder, "cgroup.procs").split()]

    def available(self) -> frozenset[str]:
        """The controllers that cgroups below it can have, once `Controllers` has done what it can."""
        passed = CONTROLLERS & set(files.read(self.folder, "cgroup.subtree_control").split())
        if self.is_root or set(self.processes) <= {os.getpid()}:
            passed |= CONTROLLERS & set(files.read(self.folder, "cgroup.controllers").split())
        return passed


def find() -> Home:
    """Raises Unavailable."""
    name = proc.cgroup(os.getpid())
    if not name:
        raise Unavailable("this machine has no cgroup v2")
    if "/.." in name:
        raise Unavailable("its own cgroup is outside of what it can see")
    for root, mount in _mounts():
        inside = os.path.relpath(name, root)
        folder = os.path.normpath(f"{mount}/{inside}")
        if not inside.startswith("..") and _are_in(folder):
            return _with_supervisor_outside(Home(folder, name))
    raise Unavailable("its own cgroup is not mounted here")


def _mounts() -> list[tuple[str, str]]:
    """Of cgroup v2: which cgroup is mounted, and where (proc(5), mountinfo)."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
        mount, _, kind = line.partition(" - ")
        fields = mount.split(" ")
        if kind.startswith("cgroup2 "):
            found.append((_plain(fields[3]), _plain(fields[4])))
    return found


def _plain(path: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), path)


def _are_in(folder: str) -> bool:
    try:
        return os.getpid() in Home(folder, "").processes
    except OSError:
        return False


def _with_supervisor_outside(home: Home) -> Home:
    folder, last = os.path.split(home.folder)
    if last == _SUPERVISOR:
        with contextlib.suppress(OSError):
            parent = Home(folder, os.path.dirname(home.name))  # noqa: PTH120
            if not parent.processes and os.access(f"{folder}/cgroup.procs", os.W_OK):
                return parent
    return home


def instance(state_dir: Path) -> str:
    """The name of a server's folder: its state directory has one server at a time."""
    return f"tasky-{hashlib.sha256(os.path.realpath(state_dir).encode()).hexdigest()[:12]}"


class Controllers:
    """What a home passes on to the folder below it, as far as that is possible without moving others."""

    def __init__(self, home: Home, folder: str, handed: Mapping[str, Any] | None = None) -> None:
        """`handed` by another server of the same process, which has changed something already."""
        self._home: Final = home
        self._moved: bool = handed["moved"] if handed else False
        self._enabled: list[str] = handed["enabled"] if handed else []
        possible = home.available()
        there = set(files.read(home.folder, "cgroup.subtree_control").split())
        if possible - there and not home.is_root:
            self._move()
        self.names: Final = frozenset(
            name
            for name in sorted(possible)
            if (name in there or self._enable(name)) and _passes(folder, name)
        )

    def handed(self) -> dict[str, Any]:
        """What `close` has to undo, as JSON."""
        return {"moved": self._moved, "enabled": self._enabled}

    def close(self) -> None:
        """As it was before, after `folder` was removed."""
        for name in self._enabled:
            with contextlib.suppress(OSError):  # another one here uses it by now
                files.write(self._home.folder, "cgroup.subtree_control", f"-{name}")
        if self._moved:
            with contextlib.suppress(OSError):
                files.write(self._home.folder, "cgroup.procs", "0")
            files.remove(f"{self._home.folder}/{_SUPERVISOR}")

    def _move(self) -> None:
        folder = f"{self._home.folder}/{_SUPERVISOR}"
        with contextlib.suppress(OSError):
            Path(folder).mkdir(exist_ok=True)
            if os.getpid() in self._home.processes:
                files.write(folder, "cgroup.procs", "0")
                self._moved = True

    def _enable(self, name: str) -> bool:
        if _passes(self._home.folder, name):
            self._enabled.append(name)
            return True
        return False


def _passes(folder: str, name: str) -> bool:
    try:
        files.write(folder, "cgroup.subtree_control", f"+{name}")
    except OSError:
        return False
    return True
