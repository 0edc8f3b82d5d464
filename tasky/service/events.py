"""The hub: what the supervisor and the scribe tell, for those who read event streams.

To tell costs some microseconds: something is put on a queue, and one thread woken (see `attend`) if it is not awake.
That thread calls `turn`, which sorts what has come: for the readers of one task (Watch) and of all (Listener).

The stream of all tasks is a ring of the latest events. Their numbers are given in `turn`, so they are in order; the
epoch, which is another one for each server, makes ids of them that are never used again.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from ..model.chain.records import StepView
from ..model.states import TERMINAL, State
from ..model.task import Outcome, Progress
from ..supervisor import Observer
from .board import Board, News
from .happenings import Happening, Kind, Listener, Ring, Watch

_EVENTS: Final = 2000
_BYTES: Final = 1 << 20
#: So much may be on the queue while nobody reads.
_WAITING: Final = 256


class Hub(Observer):
    """Any thread may call anything; what Observer has returns at once."""

    def __init__(self, events: int = _EVENTS, size: int = _BYTES) -> None:
        """Its ring keeps so many `events`, and `size` bytes."""
        self.epoch: Final = f"{time.time_ns():x}{os.urandom(2).hex()}"
        self._lock: Final = threading.Lock()
        self._inbox: Final[deque[News]] = deque()
        self._attending: tuple[Callable[[], None], ...] = ()
        self._woken = False
        #: Written by those who tell. What is in `_noted` is on the queue already.
        self._latest: Final[dict[str, Progress]] = {}
        self._noted: Final[set[tuple[Kind, str]]] = set()
        self._board: Final = Board(Ring(events, size), self._latest)

    def look(self, last_line: Callable[[str], int], worker_of: Callable[[str], str | None]) -> None:
        """Where to look: `last_line(task_id)` gives the number of the last line of a log, `worker_of(task_id)` the
        name of the worker of a task that runs. For the start."""
        self._board.last_line, self._board.worker_of = last_line, worker_of

    # ------------------------------------------------------------------ those who tell

    def changed(self, task_id: str, worker: str, state: State) -> None:
        if state not in TERMINAL:  # else `ended` follows
            self._tell(News(Kind.STATUS, task_id, worker, state))

    def started(self, task_id: str, worker: str, attempt: int, waited_ns: int) -> None:  # noqa: ARG002
        if attempt == 1:
            self._board.begin_log(task_id, worker)

    def progressed(self, task_id: str, worker: str, progress: Progress) -> None:
        # Before the look: whoever takes the note off reads this, or a later one.
        self._latest[task_id] = progress
        note = (Kind.PROGRESS, task_id)
        if note not in self._noted:
            self._noted.add(note)
            self._tell(News(Kind.PROGRESS, task_id, worker))

    def stepped(self, task_id: str, worker: str, step: StepView) -> None:
        if task_id in self._board.watches:
            self._tell(News(Kind.STEP, task_id, worker, step=step))

    def logged(self, task_id: str) -> None:
        if task_id not in self._board.watches and not self._board.wants_logs:
            return
        note = (Kind.LOG, task_id)
        if note not in self._noted:
            self._noted.add(note)
            self._tell(News(Kind.LOG, task_id))

    def ended(
        self,
        task_id: str,
        worker: str,
        outcome: Outcome,
        run_ns: int,  # noqa: ARG002
        waited_ns: int,  # noqa: ARG002
    ) -> None:
        self._tell(News(Kind.RESULT, task_id, worker, outcome.state, outcome.duration))

    def _tell(self, news: News) -> None:
        self._inbox.append(news)
        if self._woken:
            return
        if self._board.is_read or len(self._inbox) > _WAITING:
            self._woken = True
            for wake in self._attending:
                wake()

    # ------------------------------------------------------------------ those who read

    def attend(self, wake: Callable[[], None]) -> None:
        """`wake()` is called, in any thread, when there is something to do for `turn`."""
        with self._lock:
            self._attending = (*self._attending, wake)

    def leave(self, wake: Callable[[], None]) -> None:
        with self._lock:
            self._attending = tuple(one for one in self._attending if one != wake)

    def watch(self, task_id: str, wake: Callable[[], None], *, paced: bool = False) -> Watch:
        """What becomes of a task from now on, until `forget`."""
        watch = Watch(task_id, wake, paced=paced)
        self.turn()
        with self._lock:
            self._board.add_watch(watch)
        return watch

    def listen(
        self,
        wake: Callable[[], None],
        wants: Callable[[Happening], bool],
        *,
        after: str | None = None,
        log: bool = False,
    ) -> Listener:
        """What happens behind the event with the id `after`, or from now on; until `forget`."""
        listener = Listener(wake, wants, log=log)
        self.turn()
        with self._lock:
            place = None if after is None else self._place(after)
            listener.place = self._board.ring.next if place is None else place
            listener.reset = after is not None and place is None
            self._board.add_listener(listener)
        return listener

    def _place(self, after: str) -> int | None:
        epoch, _, number = after.partition("-")
        if epoch != self.epoch or not (number.isascii() and number.isdigit() and len(number) < 20):
            return None
        place = int(number) + 1
        return place if self._board.ring.first <= place <= self._board.ring.next else None

    def forget(self, reader: Watch | Listener) -> None:
        """It reads no more. Once is enough."""
        with self._lock:
            if isinstance(reader, Watch):
                self._board.remove_watch(reader)
            else:
                self._board.remove_listener(reader)

    def take(self, listener: Listener, most: int) -> tuple[int, list[Happening]]:
        """How many events that it wants it has missed, and then up to `most` of them: its place goes on."""
        with self._lock:
            missed, listener.missed = listener.missed, 0
            found: list[Happening] = []
            for happening in self._board.ring.since(listener.place):
                listener.place = happening.n + 1
                if listener.wants(happening):
                    found.append(happening)
                    if len(found) == most:
                        break
            return missed, found

    def id_of(self, n: int) -> str:
        return f"{self.epoch}-{n}"

    def told(self, happening: Happening, text: bytes) -> bytes:
        """Its text, made just now: kept with it."""
        with self._lock:
            if happening.text is None:
                happening.text = text
                self._board.ring.grew(happening, len(text))
        return text

    # ------------------------------------------------------------------ in between

    def turn(self) -> float | None:
        """Sorts what has come. Gives the seconds until it should be called again; None: when it is woken."""
        with self._lock:
            self._woken = False  # before the look: whoever tells now wakes again
            before = self._board.ring.next
            for _ in range(len(self._inbox)):
                news = self._inbox.popleft()
                self._noted.discard((news.kind, news.task_id))  # before the latest is read
                self._board.sort(news)
            due = self._board.look_at_clock()
            self._board.trim()
            if self._board.ring.next > before:
                for listener in self._board.listeners:
                    listener.wake()
            return due
