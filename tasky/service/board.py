"""What the hub has sorted, for those who read: see `events`. The hub's lock guards all of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from ..model.chain.records import StepView
from ..model.states import State
from ..model.task import Progress
from .happenings import Happening, Kind, Listener, Ring, Watch

#: Seconds between two progress events of one task: the latest counts.
PACE: Final = 0.25
#: Seconds for which lines of logs still become events after the last reader of them has gone: it may come back.
_LINGER: Final = 60.0


class News(NamedTuple):
    """What the hub was told, as it came."""

    kind: Kind
    task_id: str
    worker: str = ""
    state: State | None = None
    duration: int | None = None
    step: StepView | None = None


class Board:
    """`latest` has each task's progress. Those who tell look at `watches` and `wants_logs` without the lock: whoever
    begins to read then looks at the disk, or the store, afterwards."""

    def __init__(self, ring: Ring, latest: dict[str, Progress]) -> None:
        self.ring: Final = ring
        self.watches: Final[dict[str, list[Watch]]] = {}
        self.listeners: Final[list[Listener]] = []
        #: Give the number of the last line of a task's log, and the worker of a task that runs.
        self.last_line: Callable[[str], int] = lambda _: 0
        self.worker_of: Callable[[str], str | None] = lambda _: None
        self._latest: Final = latest
        #: Of each task that says how far it is: when that was told last, and who must be told later.
        self._told_at: Final[dict[str, float]] = {}
        self._due: Final[dict[str, tuple[float, str]]] = {}
        #: They are to be told later of lines that are there.
        self._waiting: Final[set[Watch]] = set()
        #: Of each task whose log becomes events: its worker, and the last line that is one.
        self._lines: Final[dict[str, tuple[str, int]]] = {}
        self._logs_until = 0.0

    @property
    def wants_logs(self) -> bool:
        """Lines of logs become events."""
        return bool(self._logs_until)

    @property
    def is_read(self) -> bool:
        return bool(self.watches or self.listeners)

    def begin_log(self, task_id: str, worker: str) -> None:
        """All of its lines are to come. Any thread, without the lock."""
        if self._logs_until:
            self._lines.setdefault(task_id, (worker, 0))

    # ------------------------------------------------------------------ who reads

    def add_watch(self, watch: Watch) -> None:
        self.watches.setdefault(watch.task_id, []).append(watch)

    def remove_watch(self, watch: Watch) -> None:
        self._waiting.discard(watch)
        watches = self.watches.get(watch.task_id, [])
        if watch in watches:
            watches.remove(watch)
        if not watches:
            self.watches.pop(watch.task_id, None)

    def add_listener(self, listener: Listener) -> None:
        if listener.log:
            self._logs_until = float("inf")
        self.listeners.append(listener)

    def remove_listener(self, listener: Listener) -> None:
        if listener in self.listeners:
            self.listeners.remove(listener)
            if listener.log and not any(other.log for other in self.listeners):
                self._logs_until = time.monotonic() + _LINGER

    # ------------------------------------------------------------------ what they read

    def look_at_clock(self) -> float | None:
        """What is due by now; gives the seconds until something is again."""
        now = time.monotonic()
        for task_id in [task_id for task_id, (at, _) in self._due.items() if at <= now]:
            self._progress(task_id, self._due.pop(task_id)[1], now)
        for watch in [watch for watch in self._waiting if watch.due <= now]:
            self._waiting.remove(watch)
            self._tell_of_lines(watch, now)
        if now > self._logs_until:
            self._logs_until = 0.0
            self._lines.clear()
        later = [at for at, _ in self._due.values()] + [watch.due for watch in self._waiting]
        due = min(later, default=None)
        return None if due is None else max(0.0, due - now)

    def sort(self, news: News) -> None:
        if news.kind is Kind.STATUS:
            assert news.state is not None
            self._add(news.task_id, news.worker, news.kind, news.state)
            for watch in self.watches.get(news.task_id, ()):
                watch.states.append(news.state)
                watch.wake()
        elif news.kind is Kind.PROGRESS:
            now = time.monotonic()
            at = self._told_at.get(news.task_id, 0.0) + PACE
            if at <= now:
                self._progress(news.task_id, news.worker, now)
            else:
                self._due[news.task_id] = at, news.worker
        elif news.kind is Kind.STEP:
            assert news.step is not None
            for watch in self.watches.get(news.task_id, ()):
                watch.steps[news.step.name] = news.step
                watch.wake()
        elif news.kind is Kind.LOG:
            self._log(news.task_id)
            now = time.monotonic()
            for watch in self.watches.get(news.task_id, ()):
                if watch.paced and watch.due > now:
                    self._waiting.add(watch)
                else:
                    self._tell_of_lines(watch, now)
        else:
            self._end(news)

    def _tell_of_lines(self, watch: Watch, now: float) -> None:
        watch.due = now + PACE
        watch.logged = True
        watch.wake()

    def _progress(self, task_id: str, worker: str, now: float) -> None:
        progress = self._latest.get(task_id)
        if progress is None:
            return
        self._told_at[task_id] = now
        self._add(task_id, worker, Kind.PROGRESS, State.RUNNING)
        for watch in self.watches.get(task_id, ()):
            watch.progress = progress
            watch.wake()

    def _log(self, task_id: str) -> None:
        """Lines of a log as one event, if anybody wants such. The first that is heard of a task that has begun before
        says where it is."""
        if not self._logs_until:
            return
        try:
            last = self.last_line(task_id)
        except OSError:  # the next piece says it
            return
        known = self._lines.get(task_id)
        if known is None:
            found = self.worker_of(task_id)
            if found is None:
                return
            known = found, last
        worker, after = known
        self._lines[task_id] = worker, last
        if last > after:
            self._add(task_id, worker, Kind.LOG, State.RUNNING, after=after, last=last)

    def _end(self, news: News) -> None:
        assert news.state is not None
        self._due.pop(news.task_id, None)
        self._told_at.pop(news.task_id, None)
        self._lines.pop(news.task_id, None)
        for kind in (Kind.STATUS, Kind.RESULT):
            self._add(news.task_id, news.worker, kind, news.state, duration=news.duration)
        self._latest.pop(news.task_id, None)
        for watch in self.watches.get(news.task_id, ()):
            watch.ended = True
            watch.wake()

    def _add(
        self,
        task_id: str,
        worker: str,
        kind: Kind,
        state: State,
        *,
        duration: int | None = None,
        after: int = 0,
        last: int = 0,
    ) -> None:
        self.ring.add(
            Happening(
                n=self.ring.next,
                kind=kind,
                task_id=task_id,
                worker=worker,
                state=state,
                progress=self._latest.get(task_id),
                duration=duration,
                after=after,
                last=last,
            )
        )

    def trim(self) -> None:
        """Who is behind what is kept has missed something."""
        gone = self.ring.trim()
        if gone:
            for listener in self.listeners:
                if listener.place < self.ring.first:
                    missed = (one for one in gone if one.n >= listener.place)
                    listener.missed += sum(map(listener.wants, missed))
                    listener.place = self.ring.first
