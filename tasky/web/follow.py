"""Reading a log while it is written: a cursor, and nothing that a slow reader could pile up."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from ..model.states import TERMINAL
from ..service import Service
from ..service.happenings import Watch
from ..store import LogLine, LogReader
from .source import CHUNK, Source

Render = Callable[[LogLine], bytes]


class Tail:
    """Where a reader of a log is: behind line `after`. With `attempt`, only lines of that one are read, with `last`
    only lines up to that number."""

    def __init__(
        self,
        reader: LogReader,
        render: Render,
        after: int = 0,
        *,
        attempt: int | None = None,
        last: int | None = None,
    ) -> None:
        self.after = after
        #: Whatever is written still, it is not for this reader.
        self.done = False
        self._reader: Final = reader
        self._render: Final = render
        self._attempt: Final = attempt
        self._last: Final = last

    def next(self, source: Source) -> bytes:
        """Up to CHUNK of what is there by now. Of a line that is longer by itself, `source` is told how to make it."""
        pieces: list[bytes] = []
        size = 0
        for line in self._reader.lines(after=self.after):
            if self._is_beyond(line):
                self.done = True
                break
            if self._attempt is None or line.attempt >= self._attempt:
                piece = self._render(line)
                size += len(piece)
                if size > CHUNK:
                    if not pieces:
                        source.in_parts(partial(self._again, line.n))
                        self.after = line.n
                    break
                pieces.append(piece)
            self.after = line.n
        return b"".join(pieces)

    def _is_beyond(self, line: LogLine) -> bool:
        if self._last is not None and line.n > self._last:
            return True
        return self._attempt is not None and line.attempt > self._attempt

    def _again(self, n: int) -> bytes:
        for line in self._reader.lines(after=n - 1, limit=1):
            if line.n == n:
                return self._render(line)
        raise FileNotFoundError(f"line {n} is gone while it is sent")


class Follow(Source):
    """The lines of a log until the task has ended, or another attempt than the one that is wanted has begun."""

    def __init__(
        self, service: Service, task_id: str, tail: Tail, valid: Callable[[], bool] | None
    ) -> None:
        super().__init__(service.events, valid)
        self._service: Final = service
        self._task_id: Final = task_id
        self._tail: Final = tail
        self._ended = False
        self._watch: Watch | None = None
        self._wake: Callable[[], None] = lambda: None

    def begin(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._watch = self.hub.watch(self._task_id, wake)
        self._look()

    def next(self) -> bytes | None:
        ended = self._ended or (self._watch is not None and self._watch.ended)
        piece = self._tail.next(self)
        if piece or self.has_parts:
            return piece
        if not ended and not self._tail.done:
            return b""
        if self._service.state(self._task_id) is None:
            raise FileNotFoundError("the task was deleted while its log is sent")
        return None

    def beat(self) -> bytes:
        """Nothing that could be said would not be a line. But a task may be gone, and its end with it."""
        self._look()
        return b""

    def _look(self) -> None:
        state = self._service.state(self._task_id)
        if state is None or state in TERMINAL:
            self._ended = True
            self._wake()

    def close(self) -> None:
        if self._watch is not None:
            self.hub.forget(self._watch)
