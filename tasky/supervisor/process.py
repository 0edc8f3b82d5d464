"""One attempt: a process with its pipes, from its start to its last byte. Lives in the loop's thread.

The process ends the attempt, not its pipes: a grandchild that holds one open has a second to finish, then it is killed.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from ..model.messages import (
    CANCEL,
    ArtifactMessage,
    ErrorMessage,
    Item,
    LineDecoder,
    LogMessage,
    Note,
    ProgressMessage,
    ResultMessage,
    Text,
)
from ..model.outcome import Ending, ExitStatus, Reason, WorkerError
from ..model.params import Masker
from ..model.task import Progress
from ..model.worker import Input, Protocol, WorkerDefinition
from ..store import Scribe, Stream
from .containment import ProcessGroup
from .loop import READ, WRITE, Loop, Timer
from .spawner import Spawned, send

log = logging.getLogger(__name__)

#: The most that is read from a pipe in a turn: a flood must not hold up the others.
_READ_SIZE: Final = 64 * 1024
#: Log bytes on their way to the disk: above, the worker's pipes are left alone; below, they are read again.
_HIGH_WATER: Final = 256 * 1024
_LOW_WATER: Final = 64 * 1024
#: How long after the exit the pipes may stay open (contract section 5), in ns.
DRAIN_GRACE: Final = 1_000_000_000
#: How long killed members of the group may take to disappear before the attempt ends without them, in ns.
_REAP_PATIENCE: Final = 5_000_000_000
_MAX_NOTES: Final = 100
_LAST_WORDS: Final = 300


class Process:
    """Reads, writes, signals and reaps. `ended(process)` is called once, when nothing of it is left."""

    def __init__(
        self,
        spawned: Spawned,
        *,
        task_id: str,
        definition: WorkerDefinition,
        masker: Masker | None,
        max_line: int,
        loop: Loop,
        scribe: Scribe,
        ended: Callable[[Process], None],
    ) -> None:
        self.task_id: Final = task_id
        self.progress: Progress | None = None
        self.result: str | None = None
        self.error: WorkerError | None = None
        self.artifacts: Final[list[ArtifactMessage]] = []
        self.reason: Reason | None = None
        self.status: ExitStatus | None = None
        self.logged = False
        self.last_words = ""
        self._spawned = spawned
        self._definition = definition
        self._masker = masker
        self._loop = loop
        self._scribe = scribe
        self._ended = ended
        self._group = ProcessGroup(spawned.pid)
        jsonl = definition.protocol is Protocol.JSONL
        self._decoders = {
            spawned.stdout: LineDecoder(max_line, jsonl),
            spawned.stderr: LineDecoder(max_line, False),
        }
        self._streams = {spawned.stdout: Stream.STDOUT, spawned.stderr: Stream.STDERR}
        self._exited = False
        self._kill_timer: Timer | None = None
        self._deadline: int | None = None
        self._drain_timer: Timer | None = None
        self._handed = 0
        self._written = 0
        self._held = False
        self._notes = 0
        self._watch()

    # ------------------------------------------------------------------ what the supervisor asks for

    def stop(self, reason: Reason, grace: int) -> None:
        """SIGTERM, and SIGKILL `grace` ns later. Asked again, it only ever shortens the grace."""
        if self._exited:
            return
        if self.reason is None:
            self.reason = reason
            if self._definition.input is Input.OPEN and self._spawned.stdin is not None:
                self._spawned.unsent += CANCEL
                self._send()
            self._group.terminate()
        deadline = time.monotonic_ns() + grace
        if self._deadline is None or deadline < self._deadline:
            self._deadline = deadline
            if self._kill_timer is not None:
                self._kill_timer.cancel()
            self._kill_timer = self._loop.later(grace, self._group.kill)

    def freeze(self) -> None:
        if not self._exited:
            self._group.freeze()

    def thaw(self) -> None:
        if not self._exited:
            self._group.thaw()

    def ending(self, timeout: int | None) -> Ending:
        assert self.status is not None, "the process has not ended"
        return Ending(
            status=self.status,
            reason=self.reason,
            error=self.error,
            timeout=timeout,
            last_words=self.last_words,
        )

    # ------------------------------------------------------------------ descriptors

    def _watch(self) -> None:
        spawned = self._spawned
        self._loop.watch(spawned.stdout, READ, lambda _: self._readable(spawned.stdout))
        self._loop.watch(spawned.stderr, READ, lambda _: self._readable(spawned.stderr))
        self._loop.watch(spawned.pidfd, READ, lambda _: self._exit())
        if spawned.unsent:
            assert spawned.stdin is not None
            self._loop.watch(spawned.stdin, WRITE, lambda _: self._send())

    def _send(self) -> None:
        stdin = self._spawned.stdin
        if stdin is None:
            return
        send(self._spawned, keep_open=self._definition.input is Input.OPEN)
        if not self._spawned.unsent:
            self._loop.unwatch(stdin)

    def _readable(self, fd: int) -> None:
        if self._read(fd) and self._handed - self._written > _HIGH_WATER:
            self._hold()

    def _read(self, fd: int) -> bool:
        """One piece of a pipe; False if there was none now, or never will be again."""
        try:
            data = os.read(fd, _READ_SIZE)
        except BlockingIOError:
            return False
        if not data:
            self._close_stream(fd)
            return False
        self._take(self._streams[fd], self._decoders[fd].feed(data))
        return True

    def _close_stream(self, fd: int) -> None:
        self._loop.unwatch(fd)
        os.close(fd)
        stream = self._streams.pop(fd)
        self._take(stream, self._decoders.pop(fd).close())
        if self._exited and not self._streams:
            self._conclude()

    # ------------------------------------------------------------------ back-pressure

    def _hold(self) -> None:
        """Leaves the pipes alone until the scribe has caught up; the worker then blocks in its write."""
        if self._held:
            return
        self._held = True
        for fd in self._streams:
            self._loop.unwatch(fd)
        if (
            self._handed - self._written < _LOW_WATER
        ):  # it caught up before it could see that we hold
            self._release()

    def _release(self) -> None:
        if not self._held:
            return
        self._held = False
        for fd in list(self._streams):
            self._loop.watch(fd, READ, lambda _, fd=fd: self._readable(fd))
        if self._exited:
            self._drain()

    def _on_written(self, count: int) -> None:
        """Called in the scribe's thread: the only one that changes `_written`."""
        self._written += count
        if self._held and self._handed - self._written < _LOW_WATER:
            self._loop.call(self._release)

    # ------------------------------------------------------------------ what it says

    def _take(self, stream: Stream, items: Sequence[Item]) -> None:
        for item in items:
            match item:
                case Text(data=data):
                    self._log(stream, data)
                case ProgressMessage(progress=progress):
                    self.progress = self._masked_progress(progress)
                case LogMessage():
                    self._log(Stream.LOG, self._log_line(item))
                case ResultMessage(output=output):
                    self.result = _dump(self._masked(output))
                case ErrorMessage():
                    message = self._masked(item.message)
                    self.error = WorkerError(message, item.code, self._masked(item.details))
                case ArtifactMessage():
                    self.artifacts.append(item)
                case Note(text=text):
                    self._note(text)

    def _log(self, stream: Stream, data: bytes) -> None:
        if self._masker is not None:
            data = self._masker.data(data)
        if stream is Stream.STDERR:
            self._remember(data)
        self.logged = True
        self._handed += len(data)
        self._scribe.append(self.task_id, stream, time.time_ns(), data, self._on_written)

    def _log_line(self, item: LogMessage) -> bytes:
        document = {**item.fields, "level": item.level, "message": item.message}
        return _dump(document).encode() + b"\n"

    def _remember(self, data: bytes) -> None:
        """The last line that is not blank on stderr is often the reason of a failure."""
        line = data.rstrip().rpartition(b"\n")[2].strip()
        if line:
            self.last_words = line[:_LAST_WORDS].decode(errors="backslashreplace")

    def _note(self, text: str) -> None:
        self._notes += 1
        if self._notes == _MAX_NOTES:
            text = "further remarks of this kind are left out"
        if self._notes <= _MAX_NOTES:
            self._log(Stream.TASKY, text.encode(errors="backslashreplace") + b"\n")

    def _masked(self, value: Any) -> Any:
        return value if self._masker is None else self._masker.value(value)

    def _masked_progress(self, progress: Progress) -> Progress:
        if self._masker is None or progress.message is None:
            return progress
        return Progress(percent=progress.percent, message=self._masker.text(progress.message))

    # ------------------------------------------------------------------ the end

    def _exit(self) -> None:
        """The process has ended. It is not reaped yet: as a zombie it keeps its group's number ours."""
        self._exited = True
        self._loop.unwatch(self._spawned.pidfd)
        self.status = _exit_status(self._spawned.pidfd, os.WEXITED | os.WNOWAIT)
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        if self._streams:
            self._drain_timer = self._loop.later(DRAIN_GRACE, self._drain_is_over)
            self._drain()
        else:
            self._conclude()

    def _drain(self) -> None:
        """Reads what is there now; what comes later, the loop brings."""
        for fd in list(self._streams):
            if not self._held:
                self._readable(fd)
                if fd in self._streams:
                    self._readable(fd)

    def _drain_is_over(self) -> None:
        """Somebody else holds a pipe, or the log is slow: end the rest of the tree, read what is left, close."""
        self._group.kill()
        if (
            self._held
        ):  # what the worker wrote before its end is not dropped because the disk is slow
            self._drain_timer = self._loop.later(DRAIN_GRACE, self._drain_is_over)
            return
        for fd in list(self._streams):
            while self._read(fd) and self._handed - self._written <= _HIGH_WATER:
                pass
        for fd in list(self._streams):
            self._close_stream(fd)

    def _conclude(self) -> None:
        """All was read: ends what is left of the group, then reaps the leader, which gives its number back."""
        if self._drain_timer is not None:
            self._drain_timer.cancel()
        self._group.kill()
        _exit_status(self._spawned.pidfd, os.WEXITED)
        self._spawned.popen.returncode = 0  # reaped here: Popen must not wait for it ever again
        os.close(self._spawned.pidfd)
        if self._spawned.stdin is not None:
            self._loop.unwatch(self._spawned.stdin)
            os.close(self._spawned.stdin)
            self._spawned.stdin = None
        self._await_empty(time.monotonic_ns() + _REAP_PATIENCE, 1_000_000)

    def _await_empty(self, deadline: int, pause: int) -> None:
        """The end is told only when the group has no process left."""
        if self._group.empty():
            self._ended(self)
        elif time.monotonic_ns() > deadline:
            log.warning("task=%s processes of its group do not end", self.task_id)
            self._ended(self)
        else:
            again = min(pause * 2, 100_000_000)
            self._loop.later(pause, lambda: self._await_empty(deadline, again))


def _exit_status(pidfd: int, options: int) -> ExitStatus:
    """waitid on the pidfd: exact, and no other process is ever touched."""
    try:
        result = os.waitid(os.P_PIDFD, pidfd, options)
    except ChildProcessError as error:
        log.error("a process was reaped by somebody else: %s", errno.errorcode[error.errno or 0])
        return ExitStatus(lost=True)
    assert result is not None
    if result.si_code == os.CLD_EXITED:
        return ExitStatus(code=result.si_status)
    return ExitStatus(signal=result.si_status)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
