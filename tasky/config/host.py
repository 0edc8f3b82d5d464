"""What only this machine can tell of a definition: is its program there and can it be run, do its user and group exist
and may the server change to them, are the tools for it there, is its folder there, and could a stranger change it."""

from __future__ import annotations

import grp
import os
import pwd
import resource
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from ..model.fields import Mistake, Wrong, nest, quoted, wrong
from ..model.notify import Hook
from ..model.worker import WorkerDefinition
from . import owners, tools
from .files import mode_of
from .programs import find_program, shown
from .secrets import read_secret

T = TypeVar("T")

#: Bits of CapEff in /proc/PID/status (capabilities(7)).
_CAP_SETGID: Final = 6
_CAP_SETUID: Final = 7
_CAP_SYS_NICE: Final = 23


def settle(
    definition: WorkerDefinition, folder: Path, *, check_owners: bool = True
) -> tuple[WorkerDefinition, list[Mistake]]:
    """The definition with its program's absolute path (`folder` is that of its file), and what is wrong with it on this
    machine. Keys without a value are passed over."""
    mistakes: list[Mistake] = []

    def look(convert: Callable[[], T], default: T, *path: str | int) -> T:
        try:
            return convert()
        except Wrong as error:
            mistakes.extend(nest(error.mistakes, *path))
            return default

    user, group, command, cwd = (
        definition.user,
        definition.group,
        definition.command,
        definition.cwd,
    )
    if user is not None:
        user = look(partial(_user, user), None, "user")
    if group is not None:
        group = look(partial(_group, group, user), None, "group")
    if command:
        command = look(partial(_command, definition, folder, check_owners), command, "command", 0)
    if definition.nice < 0:
        look(partial(_check_nice, definition.nice), None, "nice")
    if cwd is not None:
        look(partial(_check_folder, cwd), None, "cwd")
    mistakes += _missing_tools(definition)
    hooks = tuple(
        look(partial(_signed, hook, folder), hook, "notify", index, "secret_file")
        for index, hook in enumerate(definition.notify)
    )
    return replace(definition, user=user, group=group, command=command, notify=hooks), mistakes


def runs_as_root(definition: WorkerDefinition) -> bool:
    """Of a settled one."""
    return (os.geteuid() if definition.user is None else _uid(definition.user)) == 0


def _command(definition: WorkerDefinition, folder: Path, check_owners: bool) -> tuple[str, ...]:
    search = definition.env.get("PATH") or os.environ.get("PATH") or tools.PATH
    program = find_program(definition.command[0], folder, search)
    if check_owners:
        others = []
        if definition.user is not None:  # who may change what runs as that user only
            with_user = _uid(definition.user)
            others = [] if with_user is None else [with_user]
        owners.check(Path(program), owners.trusted(*others))
    return (program, *definition.command[1:])


def _missing_tools(definition: WorkerDefinition) -> Iterator[Mistake]:
    for key, tool in tools.needed(definition):
        if tools.find(tool) is None:
            package = tools.PACKAGES[tool]
            message = f"needs the program {tool} (package {package}), which is not in {tools.PATH}"
            yield Mistake((key,), message)


# ---------------------------------------------------------------------- user and group


def _uid(name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def _user(name: str) -> str | None:
    """The user to become; None if the server is that user already."""
    number = _uid(name)
    if number is None:
        raise wrong(f"there is no user {quoted(name)} on this machine")
    if number == os.geteuid():
        return None
    if not _can(_CAP_SETUID) or not _can(_CAP_SETGID):
        raise wrong(f"only a server that runs as root can become {name}: remove the key")
    return name


def _group(name: str, user: str | None) -> str | None:
    """The group to take on; None if it is the server's, and that does not change its user."""
    try:
        number = grp.getgrnam(name).gr_gid
    except KeyError:
        raise wrong(f"there is no group {quoted(name)} on this machine") from None
    if user is None and number == os.getegid():
        return None
    if not _can(_CAP_SETGID):
        raise wrong(f"only a server that runs as root can take on the group {name}: remove the key")
    return name


def _can(capability: int) -> bool:
    """Root can, unless its server was started with less (in a container, or by a unit)."""
    if os.geteuid() != 0:
        return False
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> capability & 1)
    return True


# ---------------------------------------------------------------------- niceness, folder, secrets


def _signed(hook: Hook, folder: Path) -> Hook:
    """With the absolute path of its secret's file, if it has one of its own."""
    if hook.secret_file is None:
        return hook
    file = Path(os.path.normpath(folder / hook.secret_file))
    read_secret(file)
    return replace(hook, secret_file=str(file))


def _check_nice(nice: int) -> None:
    """Who may be nicer to a process than to others: root, and those to whom a limit (RLIMIT_NICE) says so."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NICE)
    if os.nice(0) + nice < 20 - allowed and not _can(_CAP_SYS_NICE):
        raise wrong(
            f"only a server that runs as root can give {nice}: 0 or more, or remove the key"
        )


def _check_folder(cwd: str) -> None:
    if not stat.S_ISDIR(mode_of(cwd)):
        raise wrong(f"there is no directory {shown(cwd)}")
    if not os.access(cwd, os.X_OK):
        raise wrong(f"{shown(cwd)} cannot be entered by the server: permission denied")
