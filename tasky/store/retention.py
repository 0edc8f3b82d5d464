"""Retention: old tasks are forgotten, a slice at a time, so that others come in between."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from ..crash import Point, crash_at
from ..errors import TaskyError
from . import tasks
from .writer import Writer

SLICE: Final = 256  # tasks that one transaction prunes
_SECOND: Final = 1_000_000_000
#: A clock that leaps further ahead than this between two looks was set, and is believed only when this time has passed.
_LEAP: Final = 600 * _SECOND
_TRUST: Final = 24 * 3600 * _SECOND

log = logging.getLogger(__name__)


class Retention:
    """`discard` removes the files of tasks that are gone."""

    def __init__(self, writer: Writer, discard: Callable[[Sequence[str]], None]) -> None:
        self._writer: Final = writer
        self._discard: Final = discard
        self._clock: Final = CautiousClock()
        self._closing = False

    def prune(self, age: int, count: int) -> None:
        """Has the tasks forgotten that ended more than `age` ns ago, and the oldest of those beyond `count`. Returns
        at once."""
        self._prune(self._clock.now(), age, count)

    def close(self) -> None:
        """What is not done yet, the next start does."""
        self._closing = True

    def _prune(self, now: int, age: int, count: int) -> None:
        def done(gone: list[str] | None, error: TaskyError | None) -> None:
            if gone is None:
                if not self._closing:
                    log.error("old tasks cannot be removed: %s", error)
                return
            if gone:
                crash_at(Point.PRUNED)
            self._discard(gone)
            if len(gone) == SLICE:
                self._prune(now, age, count)

        self._writer.post(tasks.prune(now, age, count, SLICE), urgent=True, done=done)


class CautiousClock:
    """The time of day, for what is deleted by its age and never comes back: a clock that was set a month ahead by
    mistake must not cost a month's tasks. One that was set back is believed at once."""

    def __init__(self) -> None:
        self._now = time.time_ns()
        self._steady = _steady()
        self._since: int | None = None  # when it leapt, by the steady clock

    def now(self) -> int:
        """In ns since the epoch."""
        wall, steady = time.time_ns(), _steady()
        expected = self._now + steady - self._steady
        self._steady = steady
        if wall - expected <= _LEAP:
            self._since = None
            self._now = wall
        elif self._since is None:
            hours = (wall - expected) / 3600 / _SECOND
            log.warning(
                "the clock was set %.1f h ahead: old tasks are not removed by it for a day", hours
            )
            self._since = steady
            self._now = expected
        elif steady - self._since < _TRUST:
            self._now = expected
        else:
            self._since = None
            self._now = wall
        return self._now


def _steady() -> int:
    """It also counts while the machine sleeps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
