"""One attempt of a chain, which stands where the process of any other task stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ...model.chain.course import Course
from ...model.chain.records import Key, Order
from ...model.outcome import Ending, ExitStatus, Reason
from ...model.task import Failure, Progress, Task


@dataclass(slots=True)
class Said:
    """What the output of a process is to any other task."""

    progress: Progress | None = None
    #: JSON text.
    result: str | None = None
    logged: bool = False
    artifacts: tuple[()] = ()


@dataclass(slots=True)
class Asked:
    """What the conductor is asked for: `halt(conduct, grace, for_good)`, `pause(conduct)`, `resume(conduct)`,
    `go_on(conduct)`, `suspend(conduct)`. Called in the loop's thread; none of them blocks."""

    halt: Callable[[Conduct, int, bool], None]
    pause: Callable[[Conduct], None]
    resume: Callable[[Conduct], None]
    go_on: Callable[[Conduct], None]
    suspend: Callable[[Conduct], None]


class Conduct:
    """`course`, `made` and `waiting` belong to the conductor's thread; what it is asked for comes from the loop's."""

    #: It is never executed, so it has no status of its own, never got into the wrong place, and leaves nothing behind.
    status: Final = None
    leaked: Final = False
    kept_out: Final = False

    def __init__(self, task: Task, run: int, course: Course, asked: Asked) -> None:
        self.task: Final = task
        self.run: Final = run
        self.course: Final = course
        self.output: Final = Said()
        self.reason: Reason | None = None
        #: That its tasks are given when it is stopped, in ns.
        self.grace = 0
        self.paused = False
        #: Another server is about to go on with it.
        self.resting = False
        #: The server stops: it goes on after the next start.
        self.suspended = False
        #: It has ended, and the supervisor was told.
        self.over = False
        #: Why it failed, if it did.
        self.failure: Failure | None = None
        #: Children that are being stored.
        self.coming: Final[dict[str, Key]] = {}
        #: Orders that could not be carried out yet.
        self.waiting: Final[list[Order]] = []
        self._asked: Final = asked

    def stop(self, reason: Reason, grace: int) -> None:
        """Its tasks are stopped, and it has no more of them made but those of `finally`; without a grace, not even
        these. A stop of the server only interrupts it."""
        if reason is Reason.SHUTDOWN:
            self._asked.suspend(self)
            return
        if self.reason is None:
            self.reason = reason
        self.paused = False
        self._asked.halt(self, grace, grace == 0)

    def freeze(self) -> None:
        self.paused = True
        self._asked.pause(self)

    def thaw(self) -> None:
        self.paused = False
        self._asked.resume(self)

    # As those of a Process that another server goes on with: but what that needs of a chain is stored.

    @property
    def rests(self) -> bool:
        return self.resting and not self.coming and not self.over

    def rest(self) -> None:
        """No task is made any more."""
        self.resting = True

    def work(self) -> None:
        """After `rest`."""
        if self.resting:
            self.resting = False
            self._asked.go_on(self)

    def ending(self, timeout: int | None) -> Ending:
        return Ending(
            status=ExitStatus(code=0), reason=self.reason, failure=self.failure, timeout=timeout
        )
