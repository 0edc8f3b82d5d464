"""Starts processes, in one thread that lives as long as the server: an executable on a hung file system holds up other
starts, but never the loop.

Popen is used for starting only; from then on the pidfd and waitid own the process.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import pwd
import queue
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..errors import SpawnError
from ..model.messages import encode_task
from ..model.params import expand
from ..model.worker import Input, Protocol, WorkerDefinition

log = logging.getLogger(__name__)

_DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: Shortages that pass: the start is tried again.
SHORTAGES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})


class Shortage(SpawnError):
    """The system is short of processes, memory or descriptors."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """What to start. `workdir` is the task's own folder, which is there."""

    task_id: str
    definition: WorkerDefinition
    params: Mapping[str, Any]
    attempt: int
    workdir: str


@dataclass(slots=True)
class Spawned:
    """A process that was started. The parent's ends of the pipes do not block; `stdin` is None where there is none, or
    all was written; `unsent` is what its pipe had no room for."""

    popen: subprocess.Popen[bytes]
    pidfd: int
    stdin: int | None
    stdout: int
    stderr: int
    unsent: bytes

    @property
    def pid(self) -> int:
        return self.popen.pid


class Spawner(threading.Thread):
    """Carries out jobs, one after the other."""

    def __init__(self) -> None:
        super().__init__(name="spawner", daemon=True)
        self._jobs: Final[queue.SimpleQueue[Callable[[], None] | None]] = queue.SimpleQueue()

    def post(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)

    def close(self) -> None:
        """Ends the thread after the jobs that it has."""
        self._jobs.put(None)
        self.join()

    def run(self) -> None:
        # A worker inherits the mask of the thread that starts it; with SIGTERM blocked it could not be cancelled.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        while job := self._jobs.get():
            try:
                job()
            except Exception:  # the top of the thread
                log.exception("unexpected error in the spawner")


def spawn(launch: Launch) -> Spawned:
    """Starts the process and sends it its task line. Raises SpawnError, Shortage where a later try may do."""
    definition = launch.definition
    task_line = b""
    if definition.protocol is Protocol.JSONL:
        task_line = encode_task(
            launch.task_id, definition.name, launch.params, launch.attempt, launch.workdir
        )
    try:
        with contextlib.ExitStack() as undo:
            spawned = _start(launch, task_line, undo)
            undo.pop_all()
    except (OSError, ValueError, LookupError) as error:
        raise _spawn_error(error, launch) from error
    send(spawned, keep_open=definition.input is Input.OPEN)
    return spawned


def send(spawned: Spawned, *, keep_open: bool) -> None:
    """Writes what is unsent, as far as the pipe has room; then closes stdin unless it is to stay open.

    A worker that does not read its input, or has ended, is no error: its result and exit status judge it.
    """
    if spawned.stdin is None:
        return
    try:
        while spawned.unsent:
            spawned.unsent = spawned.unsent[os.write(spawned.stdin, spawned.unsent) :]
    except BlockingIOError:
        return
    except BrokenPipeError:
        spawned.unsent = b""
        keep_open = False
    if not keep_open:
        os.close(spawned.stdin)
        spawned.stdin = None


def _start(launch: Launch, task_line: bytes, undo: contextlib.ExitStack) -> Spawned:
    """The process with its pipes; what fails half-way leaves what it made to `undo`."""
    definition = launch.definition
    with contextlib.ExitStack() as childs:
        out, err = _pipe(undo, childs), _pipe(undo, childs)
        stdin, childs_stdin = None, subprocess.DEVNULL
        if task_line:
            childs_stdin, stdin = os.pipe()
            childs.callback(os.close, childs_stdin)
            undo.callback(os.close, stdin)
            os.set_blocking(stdin, False)
        popen = subprocess.Popen(
            command_line(definition, launch.params, launch.workdir),
            stdin=childs_stdin,
            stdout=out[1],
            stderr=err[1],
            close_fds=True,
            start_new_session=True,
            cwd=definition.cwd or launch.workdir,
            env=environment(launch),
        )
    try:
        pidfd = os.pidfd_open(popen.pid)
    except OSError:  # out of descriptors: without one it cannot be supervised
        popen.kill()
        popen.wait()
        raise
    return Spawned(popen, pidfd, stdin, out[0], err[0], task_line)


def _pipe(undo: contextlib.ExitStack, childs: contextlib.ExitStack) -> tuple[int, int]:
    """A pipe to read from without blocking. The child's end must block: its program expects that."""
    ours, theirs = os.pipe()
    undo.callback(os.close, ours)
    childs.callback(os.close, theirs)
    os.set_blocking(ours, False)
    return ours, theirs


def command_line(
    definition: WorkerDefinition, params: Mapping[str, Any], workdir: str
) -> list[str]:
    """The argv: never a shell. Another user is taken on by setpriv (util-linux): with Popen's user=,
    CPython forks the whole server instead of using vfork."""
    argv = [*definition.command, *expand(definition.args, params, definition.parameters)]
    if definition.user is None:
        return argv
    shutil.chown(workdir, definition.user)
    group = pwd.getpwnam(definition.user).pw_gid
    return [
        "setpriv",
        f"--reuid={definition.user}",
        f"--regid={group}",
        "--init-groups",
        "--",
        *argv,
    ]


def environment(launch: Launch) -> dict[str, str]:
    """PATH, what the definition names, TASKY_*: nothing else of the server's environment."""
    definition = launch.definition
    passed = {name: os.environ[name] for name in definition.pass_env if name in os.environ}
    return {
        "PATH": os.environ.get("PATH", _DEFAULT_PATH),
        **passed,
        **definition.env,
        "TASKY_TASK_ID": launch.task_id,
        "TASKY_WORKER": definition.name,
        "TASKY_ATTEMPT": str(launch.attempt),
        "TASKY_WORKDIR": launch.workdir,
        "TASKY_PROTOCOL": "1",
    }


def _spawn_error(error: Exception, launch: Launch) -> SpawnError:
    log.warning(
        "task=%s worker=%s could not be started: %s", launch.task_id, launch.definition.name, error
    )
    if isinstance(error, ValueError):
        return SpawnError("could not be started: its command line has a NUL byte")
    if not isinstance(error, OSError):
        return SpawnError("could not be started: its user does not exist")
    name = errno.errorcode.get(error.errno or 0, "unknown error")
    kind = Shortage if error.errno in SHORTAGES else SpawnError
    return kind(f"could not be started: {os.strerror(error.errno or 0)} ({name})")
