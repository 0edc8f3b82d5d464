"""Starts a process, in its tree and with its pipes."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, TypedDict

from ..crash import Point, crash_at
from ..errors import SpawnError
from ..logs import about
from ..model.worker import Protocol
from . import by_popen, direct
from .containment import Containment, Tree
from .launch import Launch
from .stdin import Stdin

log = logging.getLogger(__name__)

_SHORTAGES: Final = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOSPC, errno.EDQUOT}
)

#: Why there is no process, or was none of the worker's.
KEPT_OUT: Final = "it cannot be started: it could not enter its cgroup"


class _Options(TypedDict):
    folder: str
    with_stdin: bool
    umask: int | None
    lower_open_files: bool


class Shortage(SpawnError):
    """The system is short of processes, memory or descriptors."""


@dataclass(frozen=True, slots=True)
class Spawned:
    """A process that was started. The parent's ends of the pipes do not block; `stdin` is None where the worker has
    none, `stdout` and `stderr` where it has closed them."""

    pid: int
    tree: Tree
    pidfd: int
    stdin: Stdin | None
    stdout: int | None
    stderr: int | None

    @property
    def descriptors(self) -> list[int]:
        stdin = self.stdin.fd if self.stdin else None
        return [fd for fd in (self.pidfd, self.stdout, self.stderr, stdin) if fd is not None]

    def discard(self) -> None:
        """Kills and reaps it unused. May block for a moment."""
        self.tree.kill()
        os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED)
        self.tree.leader_is_gone()
        self.tree.close()
        for fd in self.descriptors:
            os.close(fd)


def is_shortage(error: Exception) -> bool:
    """One that passes: a later try may do."""
    return isinstance(error, OSError) and error.errno in _SHORTAGES


def spawn(
    launch: Launch, containment: Containment, wanted: Callable[[], bool] = lambda: True
) -> Spawned:
    """Starts the process and sends it its task line. Raises SpawnError, Shortage where a later try may do. `wanted` is
    asked once more at the last moment: what comes before may take long."""
    try:
        spawned = _in_its_tree(launch, containment, wanted)
    except (OSError, ValueError, LookupError) as error:
        raise _spawn_error(error, launch) from error
    stdin = spawned.stdin
    if stdin is not None:
        stdin.flush()
        if stdin.done:
            stdin.close()
    return spawned


def _in_its_tree(launch: Launch, containment: Containment, wanted: Callable[[], bool]) -> Spawned:
    tree = containment.tree(launch.task_id, launch.attempt, launch.definition.limits)
    try:
        return _start(launch, tree, containment.controllers, wanted)
    except BaseException:
        tree.close()
        raise


def _start(
    launch: Launch, tree: Tree, controllers: Collection[str], wanted: Callable[[], bool]
) -> Spawned:
    crash_at(Point.CONTAINED)
    directly = direct.is_there()
    argv, environment = launch.command(None if directly else tree.entry, controllers)
    task_line = launch.task_line()
    if not wanted():
        raise SpawnError("nobody waits for it any more")
    definition = launch.definition
    options: _Options = {
        "folder": launch.cwd,
        "with_stdin": definition.protocol is Protocol.JSONL,
        "umask": definition.umask,
        "lower_open_files": definition.limits.open_files is None,
    }
    try:
        if directly:
            started = direct.start(argv, environment, entry=tree.entry, **options)
        else:
            started = by_popen.start(argv, environment, **options)
    except OSError as error:
        if tree.entry is not None and error.filename == tree.entry and not is_shortage(error):
            raise SpawnError(KEPT_OUT) from error
        raise
    tree.lead(started.pid)
    crash_at(Point.SPAWNED)
    stdin = None
    if started.stdin is not None:
        stdin = Stdin(started.stdin, task_line, launch.keeps_stdin_open)
    return Spawned(started.pid, tree, started.pidfd, stdin, started.stdout, started.stderr)


def _spawn_error(error: Exception, launch: Launch) -> SpawnError:
    """What clients are told has no path in it; the server's log has."""
    which = about(task=launch.task_id, worker=launch.definition.name)
    log.warning("it cannot be started: %s", error, extra=which)
    if isinstance(error, OSError) and error.errno is not None:
        name = errno.errorcode.get(error.errno, "unknown error")
        # Popen names what failed: the program, or the folder to run it in.
        in_folder = error.filename == launch.cwd
        what = "its working directory cannot be entered" if in_folder else "it cannot be started"
        kind = Shortage if is_shortage(error) else SpawnError
        return kind(f"{what}: {os.strerror(error.errno)} ({name})")
    if isinstance(error, LookupError):
        return SpawnError("it cannot be started: its user does not exist")
    return SpawnError("it cannot be started: an argument or a variable of it is not valid")
