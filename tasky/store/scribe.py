"""The one thread that writes the files of tasks: logs, artifacts, and the removal of what is left."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, NamedTuple, TypeAlias

from ..crash import Point, crash_at
from ..logs import about
from ..model.states import State
from ..model.task import Artifact
from . import artifacts
from .folders import Folders
from .leftovers import tidy
from .log import LogReader, Stream
from .log_writer import Segment
from .logs import Logs
from .trash import Trash

_TURN: Final = 256  # jobs between two writes
_LINGER: Final = 0.05  # seconds that an empty work folder may wait for others
_OUTPUT: Final = 1 << 20  # bytes of stdout that become a task's output
_OWING: Final = 1.0  # seconds between two looks whether there is room again
_BACKLOG: Final = 1000  # folders in the trash that are too many to wait for a quiet moment

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Remains:
    """What a task left. `output` is the plain text of its stdout where that was wanted and there was any: without the
    newline at its end, as a shell's $(...) would give it, but for one newline only; bytes that are not UTF-8 are
    escaped (\\xff). `truncated`: there was more than that."""

    output: str | None = None
    truncated: bool = False
    artifacts: tuple[Artifact, ...] = ()


class _Append(NamedTuple):
    task_id: str
    segment: Segment
    done: Callable[[int], None] | None
    attempt: int


class _Finish(NamedTuple):
    task_id: str
    artifacts: Sequence[artifacts.Announcement]
    want_output: bool
    done: Callable[[Remains], None]
    attempt: int


class _Discard(NamedTuple):
    task_ids: tuple[str, ...]


class _Remove(NamedTuple):
    folder: str


_Job: TypeAlias = _Append | _Finish | _Discard | _Remove | None


class Scribe(threading.Thread):
    """Carries out jobs in the order given; no method but `close` waits. Callers bound what they send by the `done` of
    what they sent before. `state_of` tells a task's state, None where there is no such task; `has_room`, whether logs
    may take more of the disk; `on_logged(task_id)` is called when lines of a log are on disk."""

    def __init__(
        self,
        folders: Folders,
        max_log: int,
        state_of: Callable[[str], State | None],
        has_room: Callable[[], bool] = lambda: True,
        on_logged: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(name="scribe", daemon=True)
        self._folders: Final = folders
        self._on_logged: Final = on_logged
        self._queue: Final[SimpleQueue[_Job]] = SimpleQueue()
        self._gate: Final = threading.Lock()  # nothing is queued behind the end
        self._open = True
        self._logs: Final = Logs(folders, max_log, has_room)
        self._pending: Final[dict[str, list[_Append]]] = {}
        self._to_clear: Final[deque[str]] = deque()
        self._trash: Final = Trash(folders.trash)
        #: Of each task whose log was open at the end: its attempt, the lines of that which are lost and not told, and
        #: whether none ever was.
        self.left: list[tuple[str, int, int, bool]] = []
        self._leftovers: Final = tidy(folders, state_of, self._trash, folders.uploaded())

    def append(
        self,
        task_id: str,
        stream: Stream,
        time: int,
        data: bytes,
        done: Callable[[int], None] | None = None,
        *,
        attempt: int = 1,
    ) -> None:
        """Whole lines for the task's log. `done(len(data))` is called in this thread when they are out of memory."""
        job = _Append(task_id, Segment(stream, time, data), done, attempt)
        if not self._put(job) and done is not None:
            done(len(data))

    def finish(
        self,
        task_id: str,
        *,
        artifacts: Sequence[artifacts.Announcement] = (),
        want_output: bool,
        done: Callable[[Remains], None],
        attempt: int = 1,
    ) -> None:
        """An attempt has ended: close its log, keep the artifacts, remove the work folder. `done` is called in this
        thread, whatever happens; the next attempt must not begin before."""
        if not self._put(_Finish(task_id, artifacts, want_output, done, attempt)):
            done(Remains())

    def go_on(self, task_id: str, attempt: int, lost: int, complete: bool) -> None:
        """With a log of another scribe's: see `left`. Before the start."""
        self._logs.go_on(task_id, attempt, lost=lost, complete=complete)

    def clear(self, task_id: str) -> None:
        """The task has ended and left nothing to keep: remove its work folder. This has no hurry, so that the thread is
        not woken for each of a thousand short tasks a second."""
        with self._gate:
            self._to_clear.append(task_id)
            if self._open and len(self._to_clear) == 1:
                self._queue.put(_Discard(()))  # wakes it, to wait for more

    def discard(self, task_ids: Iterable[str]) -> None:
        """Remove all files of deleted tasks."""
        self._put(_Discard(tuple(task_ids)))  # if it is too late: the next start finds them

    def remove(self, folder: str) -> None:
        """Remove a folder of the state directory."""
        self._put(_Remove(folder))

    def close(self) -> None:
        """Carry out what was given, and end. What is in the trash then, the next start finds."""
        with self._gate:
            if self._open:
                self._open = False
                self._queue.put(None)
        if self.ident is None:
            self._end()
        else:
            self.join()

    def _put(self, job: _Job) -> bool:
        with self._gate:
            if self._open:
                self._queue.put(job)
            return self._open

    # The thread

    def run(self) -> None:
        working = True
        while working:
            for job in self._take():
                if job is None:
                    working = False
                else:
                    _guard(self._carry_out, job)
            for task_id in list(self._pending):
                _guard(self._write, task_id)
            if self._logs.owing:
                _guard(self._logs.pay)
        self._end()

    def _take(self) -> list[_Job]:
        """What is queued. While nothing is, there is time for what has no hurry."""
        if self._trash.waiting > _BACKLOG:
            _guard(self._tidy)
        while self._queue.empty() and not self._to_clear and _guard(self._tidy):
            pass
        try:
            batch = [self._queue.get(timeout=self._patience())]
        except Empty:
            self._clear_all()
            return []
        if len(self._to_clear) > _TURN:
            self._clear_all()
        batch += [self._queue.get_nowait() for _ in range(min(self._queue.qsize(), _TURN - 1))]
        return batch

    def _patience(self) -> float | None:
        """How long to wait for a job."""
        if self._to_clear:
            return _LINGER
        return _OWING if self._logs.owing else None

    def _tidy(self) -> bool:
        """A slice of cleaning; False when there is nothing more to clean."""
        return self._trash.sweep() or next(self._leftovers, False)

    def _carry_out(self, job: _Append | _Finish | _Discard | _Remove) -> None:
        match job:
            case _Append(task_id=task_id):
                self._pending.setdefault(task_id, []).append(job)
            case _Finish():
                self._finish(job)
            case _Discard(task_ids=task_ids):
                for task_id in task_ids:
                    self._discard(task_id)
            case _Remove(folder=folder):
                self._remove(folder)

    def _write(self, task_id: str) -> None:
        """Write what came in this turn for one task's log."""
        jobs = self._pending.pop(task_id, None)
        if jobs is None:
            return
        try:
            self._logs.write(task_id, [job.segment for job in jobs], jobs[0].attempt)
            self._on_logged(task_id)
        finally:
            for job in jobs:
                if job.done is not None:
                    job.done(len(job.segment.data))

    def _finish(self, job: _Finish) -> None:
        remains = Remains()
        try:
            remains = self._settle(job)
        finally:
            job.done(remains)

    def _settle(self, job: _Finish) -> Remains:
        work = self._folders.work(job.task_id)
        kept: list[Artifact] = []
        self._write(job.task_id)
        if job.artifacts:
            files = str(self._folders.files(job.task_id))
            kept, notes = artifacts.collect(work, files, job.artifacts)
            self._note(job, notes)
        writer = self._logs.finish(job.task_id)
        output, truncated = None, False
        if job.want_output and writer is not None:
            output, truncated = _output(job, LogReader(self._folders.name(job.task_id)))
            if not writer.complete:
                output, truncated = output or "", True
        self._clear(work)
        return Remains(output, truncated, tuple(kept))

    def _discard(self, task_id: str) -> None:
        self._write(task_id)
        self._logs.forget(task_id)
        self._remove(self._folders.work(task_id))
        self._remove(self._folders.name(task_id))
        crash_at(Point.DISCARDED)

    def _note(self, job: _Finish, notes: Iterable[str]) -> None:
        now = time.time_ns()
        segments = [
            Segment(Stream.TASKY, now, f"{note}\n".encode("utf-8", "backslashreplace"))
            for note in notes
        ]
        if segments:
            self._logs.write(job.task_id, segments, job.attempt)
            self._on_logged(job.task_id)

    def _clear(self, work: str) -> None:
        """Remove a work folder. Most are empty: then this is one call."""
        try:
            os.rmdir(work)  # noqa: PTH106 - plain strings: this is done for every task
        except FileNotFoundError:
            pass
        except OSError:
            self._remove(work)

    def _clear_all(self) -> None:
        while self._to_clear:
            self._clear(self._folders.work(self._to_clear.popleft()))

    def _remove(self, folder: str) -> None:
        try:
            self._trash.take(folder)
        except OSError as error:
            log.warning("what a task left cannot be removed: %s", error)

    def _end(self) -> None:
        self._clear_all()
        self.left = self._logs.close()
        self._leftovers.close()
        self._trash.close()


def _output(job: _Finish, reader: LogReader) -> tuple[str | None, bool]:
    try:
        data, truncated = reader.stdout(_OUTPUT, job.attempt)
    except OSError as error:
        log.error("its output cannot be read: %s", error, extra=about(task=job.task_id))
        return None, False
    if not data:
        return None, False
    return data.removesuffix(b"\n").decode("utf-8", "backslashreplace"), truncated


def _guard(action: Callable[..., bool | None], *args: object) -> bool:
    """What goes wrong with one task must not end the thread."""
    try:
        return bool(action(*args))
    except Exception:
        log.exception("unexpected error in the scribe")
        return False
