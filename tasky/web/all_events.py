"""The events of all tasks, from the hub's ring; lines of logs, where they are wanted, from the disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from ..service import Service
from ..service.happenings import Happening, Kind, Listener
from ..store import LogLine
from . import sse
from .documents import dump, log_document, task_summary
from .follow import Tail
from .source import CHUNK, Source

#: Events taken from the ring at once.
_TAKEN: Final = 32


class AllEvents(Source):
    """A reader that is too slow misses events, and is told how many."""

    def __init__(
        self,
        service: Service,
        wants: Callable[[Happening], bool],
        *,
        after: str | None,
        log: bool,
        valid: Callable[[], bool] | None,
    ) -> None:
        super().__init__(service.events, valid)
        self._service: Final = service
        self._wants: Final = wants
        self._after: Final = after
        self._log: Final = log
        self._listener: Listener | None = None
        self._greeted = False
        self._taken: Final[deque[Happening]] = deque()
        #: The lines that the first of the taken ones is about, if they are being read.
        self._tail: Tail | None = None

    def begin(self, wake: Callable[[], None]) -> None:
        self._listener = self.hub.listen(wake, self._wants, after=self._after, log=self._log)

    def next(self) -> bytes | None:
        listener = self._listener
        assert listener is not None, "it has begun"
        if not self._greeted:
            self._greeted = True
            return self._first(listener)
        pieces: list[bytes] = []
        if not self._taken:
            missed, taken = self.hub.take(listener, _TAKEN)
            self._taken.extend(taken)
            if missed:
                pieces.append(sse.event("dropped", dump({"count": missed})))
        size = 0
        while self._taken and size < CHUNK // 2 and not self.has_parts:
            piece = self._of(self._taken[0])
            size += len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def _first(self, listener: Listener) -> bytes:
        """With an id, so that a client that loses the connection before anything happens knows where it was."""
        id_ = self.hub.id_of(listener.place - 1)
        if listener.reset:
            return sse.RETRY + b"\n" + sse.event("reset", b"{}", id_)
        return sse.RETRY + b"id: %s\n\n" % id_.encode()

    def _of(self, happening: Happening) -> bytes:
        """The event; or, of lines of a log, the next of them."""
        if happening.kind is Kind.LOG:
            return self._lines(happening)
        self._taken.popleft()
        if happening.text is not None:
            return happening.text
        if happening.kind is Kind.RESULT:
            task = self._service.summary(happening.task_id)
            data = sse.happening(happening) if task is None else dump(task_summary(task))
        else:
            data = sse.happening(happening)
        text = sse.event(happening.kind, data, self.hub.id_of(happening.n))
        return self.hub.told(happening, text)

    def _lines(self, happening: Happening) -> bytes:
        """Only the last of them has an id: whoever comes back after another one gets them once more."""
        if self._tail is None:
            reader = self._service.log_of(happening.task_id)
            self._tail = Tail(reader, self._line(happening), happening.after, last=happening.last)
        lines = self._tail.next(self)
        if not lines and not self.has_parts:
            self._taken.popleft()
            self._tail = None
        return lines

    def _line(self, happening: Happening) -> Callable[[LogLine], bytes]:
        task, id_ = {"TaskId": happening.task_id, "Worker": happening.worker}, happening.n

        def render(line: LogLine) -> bytes:
            data = dump(task | log_document(line))
            return sse.event("log", data, self.hub.id_of(id_) if line.n >= happening.last else "")

        return render

    def beat(self) -> bytes:
        return sse.BEAT

    def farewell(self, reason: str) -> bytes:
        return sse.farewell(reason)

    def close(self) -> None:
        if self._listener is not None:
            self.hub.forget(self._listener)
