"""The one thread that writes the files of tasks: logs, artifacts, and the removal of what is left."""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, NamedTuple, TypeAlias

from ..model.task import Artifact
from . import artifacts
from .folders import Folders
from .log import LogReader, Stream
from .log_writer import LogWriter, Segment
from .trash import Trash

_TURN: Final = 256  # jobs between two writes
_OPEN: Final = 512  # logs that stay open
_OUTPUT: Final = 1 << 20  # bytes of stdout that become a task's output

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Remains:
    """What a task left. `output` is the plain text of its stdout where that was wanted and there was any."""

    output: str | None = None
    truncated: bool = False
    artifacts: tuple[Artifact, ...] = ()
    log_lines: int = 0


class _Append(NamedTuple):
    task_id: str
    segment: Segment
    done: Callable[[int], None] | None


class _Finish(NamedTuple):
    task_id: str
    artifacts: Sequence[artifacts.Announcement]
    want_output: bool
    time: int
    done: Callable[[Remains], None]


class _Discard(NamedTuple):
    task_ids: tuple[str, ...]


_Job: TypeAlias = _Append | _Finish | _Discard | None


class Scribe(threading.Thread):
    """Carries out jobs in the order given; no method but `close` waits. Callers bound what they send by the `done` of
    what they sent before. A full disk loses lines of a log (which says so when it can), and nothing else."""

    def __init__(self, folders: Folders, max_log: int) -> None:
        super().__init__(name="scribe", daemon=True)
        self._folders: Final = folders
        self._max_log: Final = max_log
        self._queue: Final[SimpleQueue[_Job]] = SimpleQueue()
        self._gate: Final = threading.Lock()
        self._open = True
        self._logs: Final[OrderedDict[str, LogWriter]] = OrderedDict()
        self._pending: Final[dict[str, list[_Append]]] = {}
        self._trash: Final = Trash(folders.trash)
        self._sweep: Iterator[None] | None = None
        self.errors = 0  # writes that failed

    def append(
        self,
        task_id: str,
        stream: Stream,
        time: int,
        data: bytes,
        done: Callable[[int], None] | None = None,
    ) -> None:
        """Whole lines for the task's log. `done(len(data))` is called in this thread when they are out of memory."""
        self._put(_Append(task_id, Segment(stream, time, data), done))

    def finish(
        self,
        task_id: str,
        *,
        artifacts: Sequence[artifacts.Announcement] = (),
        want_output: bool,
        time: int = 0,
        done: Callable[[Remains], None],
    ) -> None:
        """The task has ended: close its log, keep its artifacts, remove its work folder. `time` is that of the notes
        on artifacts that are refused. `done` is called in this thread, whatever happens."""
        self._put(_Finish(task_id, artifacts, want_output, time, done))

    def discard(self, task_ids: Iterable[str]) -> None:
        """Remove all files of deleted tasks."""
        self._put(_Discard(tuple(task_ids)))

    def pending(self) -> int:
        """How many jobs wait."""
        return self._queue.qsize()

    def close(self) -> None:
        """Carry out what was given, and end."""
        with self._gate:
            if self._open:
                self._open = False
                self._queue.put(None)
        if self.ident is None:
            self._trash.close()
        else:
            self.join()

    def _put(self, job: _Job) -> None:
        with self._gate:
            if self._open:
                self._queue.put(job)
                return
        raise RuntimeError("the scribe is closed")
