"""A time at which something is to be looked at again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from .loop import Loop
from .timers import Timer

#: The two clocks do not run alike: what is due a little before the timer rings does not set it anew, in ns.
_LATE: Final = 1_000_000


class Alarm:
    """Rings in the loop's thread, at the earliest time that it was set to; then it is to be set again."""

    def __init__(self, loop: Loop, ring: Callable[[], None]) -> None:
        self._loop: Final = loop
        self._ring: Final = ring
        #: By the monotonic clock, in ns; changed by the loop's thread only.
        self._due: float = math.inf
        self._timer: Timer | None = None

    def set(self, due: int) -> None:
        """Any thread."""
        if due < self._due - _LATE:
            self._loop.call(partial(self._set, due))

    def _set(self, due: int) -> None:
        if due >= self._due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = self._loop.later(max(0, due - time.monotonic_ns()), self._rings)

    def _rings(self) -> None:
        self._due = math.inf
        self._ring()
