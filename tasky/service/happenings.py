"""What the hub keeps of what happens, and of those who want to know: see `events`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ..model.chain.records import StepView
from ..model.states import State
from ..model.task import Progress

#: Changes of one task's state that a reader may be behind; the oldest are left out first.
_CHANGES: Final = 100
#: What an event takes in memory besides its text, in bytes.
_EVENT: Final = 500


class Kind(StrEnum):
    """Of an event, as the API spells it."""

    STATUS = "status"
    PROGRESS = "progress"
    LOG = "log"
    RESULT = "result"
    STEP = "step"  #: of a chain; in the stream of its own task only


@dataclass(kw_only=True, slots=True, eq=False)
class Happening:
    """One event of the stream of all tasks. `state` is the task's at that time (Running, where that is not known),
    `duration` is in ns; of a LOG, the lines behind number `after` up to `last` are meant. `text` is for whoever makes
    one of it first: all who send it share that (see Hub.told)."""

    n: int
    kind: Kind
    task_id: str
    worker: str
    state: State
    progress: Progress | None = None
    duration: int | None = None
    after: int = 0
    last: int = 0
    text: bytes | None = None

    @property
    def size(self) -> int:
        message = self.progress.message if self.progress else None
        return _EVENT + len(message or "") + len(self.text or b"")


class Watch:
    """What is new of one task, for one reader; `wake()` is called when there is something. The hub writes, and the
    reader takes: what comes while it does is there the next time. One that is `paced` is told of new lines as often as
    of progress, and not at once: it does not read them."""

    def __init__(self, task_id: str, wake: Callable[[], None], *, paced: bool = False) -> None:
        self.task_id: Final = task_id
        self.wake: Final = wake
        self.paced: Final = paced
        #: When it may be told again.
        self.due = 0.0
        #: In their order.
        self.states: Final[deque[State]] = deque(maxlen=_CHANGES)
        #: The latest.
        self.progress: Progress | None = None
        #: Of a chain, by name: the latest of each that has changed.
        self.steps: Final[dict[str, StepView]] = {}
        #: There may be more lines on disk.
        self.logged = False
        #: The end is stored, and so is the whole log.
        self.ended = False


class Listener:
    """A reader of the stream of all tasks. It has a place in the ring, and nothing of its own: one that is too slow
    finds that the ring has gone on, and how many events that it `wants` it has missed. `wake` as in Watch."""

    def __init__(
        self, wake: Callable[[], None], wants: Callable[[Happening], bool], *, log: bool
    ) -> None:
        self.wake: Final = wake
        self.wants: Final = wants
        self.log: Final = log
        #: The number of the next event.
        self.place = 0
        self.missed = 0
        #: It asked for what is not there any more, or never was.
        self.reset = False


class Ring:
    """The latest events, numbered from 1 without a gap, within bounds of number and bytes. The hub's lock guards it."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most: Final = most
        self._most_bytes: Final = most_bytes
        self._events: Final[deque[Happening]] = deque()
        self._bytes = 0
        self.next = 1

    @property
    def first(self) -> int:
        return self.next - len(self._events)

    @property
    def bytes(self) -> int:
        return self._bytes

    def add(self, happening: Happening) -> None:
        self._events.append(happening)
        self._bytes += happening.size
        self.next += 1

    def grew(self, happening: Happening, size: int) -> None:
        """It has got its text, of so many bytes."""
        if happening.n >= self.first:
            self._bytes += size

    def since(self, n: int) -> Iterator[Happening]:
        """From number `n` on, which is not before the first."""
        events, place = self._events, n - self.first
        while place < len(events):
            yield events[place]
            place += 1

    def trim(self) -> list[Happening]:
        """Keeps the bounds; gives what had to go."""
        gone = []
        while len(self._events) > self._most or self._bytes > self._most_bytes:
            oldest = self._events.popleft()
            self._bytes -= oldest.size
            gone.append(oldest)
        return gone
