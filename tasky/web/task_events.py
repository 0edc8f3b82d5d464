"""The events of one task: its state and progress as they are, its log from the disk (each line, or how far it goes),
its result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..errors import UnknownTask
from ..model.chain.records import StepView
from ..model.states import TERMINAL, State
from ..model.task import Progress, Task
from ..service import Service
from ..service.happenings import Watch
from . import sse
from .documents import dump, line_ranges, result_bytes, step_document
from .follow import Tail
from .source import CHUNK, Source


class TaskEvents(Source):
    """First the status as it is; last, when the whole log was sent, the result. A slow reader costs its place in the
    log."""

    def __init__(
        self,
        service: Service,
        task_id: str,
        after: int,
        *,
        log: bool,
        lines: bool,
        valid: Callable[[], bool] | None,
    ) -> None:
        """With `log` it sends each line, else with `lines` how far the log goes."""
        super().__init__(service.events, valid)
        self._service: Final = service
        self._task_id: Final = task_id
        self._log: Final = service.log(task_id)
        self._tail: Final = Tail(self._log, sse.log, after) if log else None
        self._counts: Final = lines and not log
        self._counted: tuple[int, str] | None = None  # as it was sent
        #: There may be lines that were not read.
        self._unread = log or lines
        self._watch: Watch | None = None
        self._wake: Callable[[], None] = lambda: None
        self._state: State | None = None  # as it was sent
        self._progress: Progress | None = None
        self._ended = False
        self._over = False

    def begin(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._watch = self.hub.watch(self._task_id, wake, paced=self._counts)

    def next(self) -> bytes | None:
        watch = self._watch
        assert watch is not None, "it has begun"
        if self._over:
            return None
        if self._state is None:
            return self._first()
        ended = self._ended or watch.ended  # before the rest is read: that is whole then
        if not self._ended and (news := self._news(watch)):
            return news
        self._ended = ended
        if watch.logged or ended or self._unread:
            watch.logged = False
            lines = self._lines()
            if lines or self.has_parts:
                return self._start(watch) + lines
        return self._last() if ended else b""

    def _lines(self) -> bytes:
        """Those that there are, or how far they go; nothing if there is nothing new."""
        if self._tail is not None:
            lines = self._tail.next(self)
            self._unread = bool(lines) or self.has_parts
            return lines
        self._unread = False
        if self._counts:
            spans = self._log.spans()
            counted = (spans[-1][1] if spans else 0), line_ranges(spans)
            if counted != self._counted:
                self._counted = counted
                return sse.lines(self._task_id, *counted)
        return b""

    def _first(self) -> bytes:
        task = self._task()
        if task is None:
            return self._gone()
        self._state, self._progress = task.state, task.progress
        self._ended = task.state in TERMINAL
        events = sse.RETRY + b"\n" + self._status(task.state, task.progress, task.duration)
        for step in self._service.chains.steps(task) or ():
            events += self._stepped(step.view)
        if task.progress is not None:
            events += self._said(task.progress)
        return events

    def _news(self, watch: Watch) -> bytes:
        events = []
        if watch.progress is not None:
            self._progress, watch.progress = watch.progress, None
            events.append(self._said(self._progress))
        while watch.steps:
            _, view = watch.steps.popitem()
            events.append(self._stepped(view))
        while watch.states:
            state = watch.states.popleft()
            if state is not self._state:
                self._state = state
                events.append(self._status(state, self._progress, None))
        return b"".join(events)

    def _start(self, watch: Watch) -> bytes:
        """What belongs before lines: a task that has written some has begun. That was told before it could write, but
        maybe after the look at the news: the lines come from the disk."""
        if self._state is not State.QUEUED or self._ended:
            return b""
        self.hub.turn()
        return self._news(watch)

    def _last(self) -> bytes:
        task = self._task()
        self._over = True
        if task is None or task.state not in TERMINAL:
            return self._gone()
        events = b""
        if task.state is not self._state:
            events = self._status(task.state, task.progress, task.duration)
        result = _result(task)
        if len(result) <= CHUNK:
            return events + result
        self.in_parts(self._result_again)
        return events

    def _result_again(self) -> bytes:
        task = self._task()
        if task is None:
            raise FileNotFoundError("the task was deleted while its result is sent")
        return _result(task)

    def _gone(self) -> bytes:
        """It was deleted."""
        self._over = True
        return sse.farewell("deleted")

    def _task(self) -> Task | None:
        try:
            return self._service.task(self._task_id)
        except UnknownTask:
            return None

    def _status(self, state: State, progress: Progress | None, duration: int | None) -> bytes:
        document = sse.status(self._task_id, state, progress, duration=duration)
        return sse.event("status", dump(document))

    def _stepped(self, view: StepView) -> bytes:
        return sse.event("step", dump({"TaskId": self._task_id, **step_document(view)}))

    def _said(self, progress: Progress) -> bytes:
        return sse.event("progress", dump(sse.progress(self._task_id, progress)))

    def beat(self) -> bytes:
        """Also for a task whose end nobody told: somebody else was at the database."""
        state = self._service.state(self._task_id)
        if state is None or state in TERMINAL:
            self._ended = True
            self._wake()
        return sse.BEAT

    def farewell(self, reason: str) -> bytes:
        return sse.farewell(reason)

    def close(self) -> None:
        if self._watch is not None:
            self.hub.forget(self._watch)


def _result(task: Task) -> bytes:
    return sse.event("result", result_bytes(task.id, task))
