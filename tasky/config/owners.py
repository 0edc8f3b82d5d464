"""Who could change what a worker is: its definition, its program, and every folder on the way there. Whoever can runs
anything as the server's user, so it must be nobody but that user and root (as ssh looks at a user's files).

The owner counts, and the mode; access lists (ACLs) are not looked at.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shlex
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from ..model.fields import Wrong, quoted, wrong

_WHOLE_MAP: Final = ["0", "0", "4294967295"]


def trusted(*others: int) -> frozenset[int]:
    """The users who may: root, the server's, these others; and in a container whose root is not the machine's (a user
    namespace), who cannot be told there."""
    return frozenset({0, os.geteuid(), *_strangers_of_the_namespace(), *others})


def check(path: Path, users: frozenset[int]) -> None:
    """Wrong, saying how to mend it, if somebody besides these users could change what `path` leads to. Nothing is said
    of what is not there."""
    for place in _way(path):
        try:
            status = os.stat(place)  # noqa: PTH116
        except OSError:
            continue
        if fault := _fault(place, status, users):
            what = f"{quoted(place, 4096)} "
            what += "on the way to it " if place not in (str(path), os.path.realpath(path)) else ""
            raise wrong(f"{what}{fault}. Who can change it could run anything as the server's user")


def fault_of(path: Path, *others: int) -> str | None:
    """The same, of a file that root, this user or these others may change, as text; None where nothing is wrong."""
    try:
        check(path, trusted(*others))
    except Wrong as error:
        return str(error)
    return None


def _way(path: Path) -> Iterator[str]:
    """The file and the folders that lead to it, with links and without."""
    seen = set()
    for start in (Path(os.path.abspath(path)), Path(os.path.realpath(path))):  # noqa: PTH100
        for place in (start, *start.parents):
            if place not in seen:
                seen.add(place)
                yield str(place)


def _fault(place: str, status: os.stat_result, users: frozenset[int]) -> str | None:
    shell = shlex.quote(place)
    if status.st_uid not in users:
        return f"belongs to {_user(status.st_uid)}: chown it to root or the server's user"
    if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX:
        return None  # what is in it can only be replaced by its owner
    if status.st_mode & stat.S_IWOTH:
        return f"can be changed by everybody: chmod o-w {shell}"
    if status.st_mode & stat.S_IWGRP and not _members(status.st_gid) <= users:
        return f"can be changed by the group {_group(status.st_gid)}: chmod g-w {shell}"
    return None


def _members(gid: int) -> frozenset[int]:
    """The users in a group, as far as the system lists its users; -1 stands for those of a group without a name."""
    try:
        named = grp.getgrgid(gid).gr_mem
    except KeyError:
        return frozenset({-1})
    users = {user.pw_uid for user in pwd.getpwall() if user.pw_gid == gid}
    for name in named:
        with contextlib.suppress(KeyError):  # nobody, then
            users.add(pwd.getpwnam(name).pw_uid)
    return frozenset(users)


@lru_cache(maxsize=1)
def _strangers_of_the_namespace() -> frozenset[int]:
    """What the users of the machine look like who are none here (user_namespaces(7))."""
    try:
        if Path("/proc/self/uid_map").read_text().split() == _WHOLE_MAP:
            return frozenset()
        return frozenset({int(Path("/proc/sys/kernel/overflowuid").read_text())})
    except (OSError, ValueError):
        return frozenset()


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the unknown user {uid}"


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
