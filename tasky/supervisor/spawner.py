"""Starts a process, in its tree and with its pipes.

Popen is used for starting only, and only where direct.py cannot do it; from then on the pidfd and waitid own the
process.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import subprocess
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from ..crash import Point, crash_at
from ..errors import SpawnError
from ..logs import about
from ..model.worker import Protocol
from . import direct, inherit
from .containment import Containment, Tree
from .launch import Launch
from .stdin import Stdin

log = logging.getLogger(__name__)

_SHORTAGES: Final = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOSPC, errno.EDQUOT}
)

#: Why there is no process.
KEPT_OUT: Final = "it cannot be started: it could not enter its cgroup"
UNWANTED: Final = "nobody waits for it any more"


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
        with contextlib.ExitStack() as undo:
            spawned = _start(launch, containment, undo, wanted)
            undo.pop_all()
    except (OSError, ValueError, LookupError) as error:
        raise _spawn_error(error, launch) from error
    stdin = spawned.stdin
    if stdin is not None:
        stdin.flush()
        if stdin.done:
            stdin.close()
    return spawned


def _start(
    launch: Launch,
    containment: Containment,
    undo: contextlib.ExitStack,
    wanted: Callable[[], bool],
) -> Spawned:
    """The process with its pipes; what fails half-way leaves what it made to `undo`."""
    tree = containment.tree(launch.task_id, launch.attempt, launch.definition.limits)
    undo.callback(tree.close)
    crash_at(Point.CONTAINED)
    with contextlib.ExitStack() as childs:
        stdout, childs_stdout = _pipe(undo, childs)
        stderr, childs_stderr = _pipe(undo, childs)
        stdin = None
        if launch.definition.protocol is Protocol.JSONL:
            childs_stdin, ours = os.pipe()
            childs.callback(os.close, childs_stdin)
            undo.callback(os.close, ours)
            os.set_blocking(ours, False)
            stdin = Stdin(ours, launch.task_line(), launch.keeps_stdin_open)
        else:
            childs_stdin = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            childs.callback(os.close, childs_stdin)
        start = _start_directly if direct.is_there() else _start_by_popen
        stdio = (childs_stdin, childs_stdout, childs_stderr)
        pid, pidfd = start(launch, tree, containment.controllers, stdio, wanted)
    return Spawned(pid, tree, pidfd, stdin, stdout, stderr)


def _start_directly(
    launch: Launch,
    tree: Tree,
    controllers: Collection[str],
    stdio: tuple[int, int, int],
    wanted: Callable[[], bool],
) -> tuple[int, int]:
    """The process and its pidfd."""
    argv, environment = launch.command(None, controllers)
    if not wanted():
        raise SpawnError(UNWANTED)
    try:
        pid, pidfd = direct.start(
            argv,
            environment,
            folder=launch.cwd,
            entry=tree.entry,
            stdio=stdio,
            umask=launch.definition.umask,
            lower_open_files=launch.definition.limits.open_files is None,
        )
    except OSError as error:
        if tree.entry is not None and error.filename == tree.entry and not is_shortage(error):
            raise SpawnError(KEPT_OUT) from error
        raise
    tree.lead(pid)
    crash_at(Point.SPAWNED)
    return pid, pidfd


def _start_by_popen(
    launch: Launch,
    tree: Tree,
    controllers: Collection[str],
    stdio: tuple[int, int, int],
    wanted: Callable[[], bool],
) -> tuple[int, int]:
    """The process and its pidfd."""
    argv, environment = launch.command(tree.entry, controllers)
    umask = launch.definition.umask
    if not wanted():
        raise SpawnError(UNWANTED)
    popen = subprocess.Popen(
        argv,
        stdin=stdio[0],
        stdout=stdio[1],
        stderr=stdio[2],
        close_fds=True,
        start_new_session=True,
        cwd=launch.cwd,
        env=environment,
        umask=-1 if umask is None else umask,
    )
    popen.returncode = 0  # it must never wait for the process: its number may be another's by then
    inherit.give_back(popen.pid, launch.definition.limits)
    tree.lead(popen.pid)
    crash_at(Point.SPAWNED)
    try:
        return popen.pid, os.pidfd_open(popen.pid)
    except OSError:  # out of descriptors: without one it cannot be supervised
        tree.kill()
        os.waitpid(popen.pid, 0)
        tree.leader_is_gone()
        raise


def _pipe(undo: contextlib.ExitStack, childs: contextlib.ExitStack) -> tuple[int, int]:
    """A pipe to read from without blocking. The child's end must block: its program expects that."""
    ours, theirs = os.pipe()
    undo.callback(os.close, ours)
    childs.callback(os.close, theirs)
    os.set_blocking(ours, False)
    return ours, theirs


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
