"""The user and the groups that a worker runs as, where they are not those of the server."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from dataclasses import dataclass

from ..errors import SpawnError
from ..model.worker import WorkerDefinition


@dataclass(frozen=True, slots=True)
class Identity:
    uid: int
    gid: int
    #: The supplementary ones.
    groups: frozenset[int]
    is_other_user: bool

    def options(self) -> list[str]:
        """For setpriv (util-linux). With Popen's user=, CPython forks the whole server instead of using vfork."""
        group = f"--regid={self.gid}"
        if self.is_other_user:
            return [f"--reuid={self.uid}", group, "--init-groups"]
        return [group, "--clear-groups"]

    def may(self, want: int, path: str) -> bool:
        """Whether the mode of what is there allows it `want` (4 read, 2 write, 1 execute); yes where that cannot be
        told. OSError if nothing is there."""
        status = os.stat(path)  # noqa: PTH116
        if self.uid == 0 or _has_acl(path):
            return True
        if status.st_uid == self.uid:
            return bool(status.st_mode & want << 6)
        if status.st_gid == self.gid or status.st_gid in self.groups:
            return bool(status.st_mode & want << 3)
        return bool(stat.S_IMODE(status.st_mode) & want)


def identity(definition: WorkerDefinition) -> Identity | None:
    """None if it is the server's. SpawnError if there is no such user or group."""
    if definition.user is None and definition.group is None:
        return None
    try:
        gid = None if definition.group is None else grp.getgrnam(definition.group).gr_gid
    except KeyError:
        raise SpawnError("it cannot be started: its group does not exist") from None
    if definition.user is None:
        assert gid is not None
        return Identity(os.geteuid(), gid, frozenset(), False)
    try:
        user = pwd.getpwnam(definition.user)
    except KeyError:
        raise SpawnError("it cannot be started: its user does not exist") from None
    groups = frozenset(os.getgrouplist(definition.user, user.pw_gid))
    return Identity(user.pw_uid, user.pw_gid if gid is None else gid, groups, True)


def _has_acl(path: str) -> bool:
    try:
        os.getxattr(path, "system.posix_acl_access")
    except OSError:
        return False
    return True
