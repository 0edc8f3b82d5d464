"""One thread, one epoll: file descriptors, timers on the monotonic clock, and calls from other threads.

It knows nothing of tasks. Nothing called from it may block. In a turn, descriptors come first, then calls, then timers:
so that of an exit, a cancel and a timeout in the same instant the exit wins, then the cancel.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

READ: Final = select.EPOLLIN
WRITE: Final = select.EPOLLOUT
#: Descriptors handled in a turn, so that calls and timers are never starved.
_EVENTS_PER_TURN: Final = 256


class Timer:
    """A call to come. `cancel` may be called more than once, by the loop's thread."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self._call = None

    @property
    def cancelled(self) -> bool:
        return self._call is None

    def take(self) -> Callable[[], None] | None:
        call, self._call = self._call, None
        return call


class Loop:
    """`call` and `stop` are for any thread; everything else belongs to the thread in `run`."""

    def __init__(self) -> None:
        self._epoll: Final = select.epoll()
        self._wakeup: Final = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wakeup, READ)
        self._handlers: Final[dict[int, Callable[[int], None]]] = {}
        self._calls: Final[deque[Callable[[], object]]] = deque()
        self._timers: Final[list[tuple[int, int, Timer]]] = []
        self._order: Final = itertools.count()
        self._running = True
        self._thread: int | None = None

    def call(self, function: Callable[[], object]) -> None:
        """Has `function` called in the loop's thread soon."""
        self._calls.append(function)
        if threading.get_ident() != self._thread:
            os.eventfd_write(self._wakeup, 1)

    def later(self, delay: int, function: Callable[[], None]) -> Timer:
        """Has `function` called in `delay` ns."""
        timer = Timer(function)
        heapq.heappush(self._timers, (time.monotonic_ns() + delay, next(self._order), timer))
        return timer

    def watch(self, fd: int, events: int, handler: Callable[[int], None]) -> None:
        """Has `handler(events)` called whenever `fd` is ready (level-triggered)."""
        self._handlers[fd] = handler
        self._epoll.register(fd, events)

    def unwatch(self, fd: int) -> None:
        """Forgets `fd`; nothing happens if it is not watched."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def run(self) -> None:
        """Turns until `stop`."""
        self._thread = threading.get_ident()
        while self._running:
            self._turn()

    def close(self) -> None:
        """Frees the descriptors, after `run`."""
        self._epoll.close()
        os.close(self._wakeup)

    def stop(self) -> None:
        self.call(self._stop)

    def _stop(self) -> None:
        self._running = False

    def _turn(self) -> None:
        for fd, events in self._epoll.poll(self._patience(), _EVENTS_PER_TURN):
            if fd == self._wakeup:
                os.eventfd_read(fd)
            elif handler := self._handlers.get(fd):  # else: unwatched earlier in this turn
                self._guard(handler, events)
        for _ in range(len(self._calls)):
            self._guard(self._calls.popleft())
        now = time.monotonic_ns()
        while self._timers and self._timers[0][0] <= now:
            if call := heapq.heappop(self._timers)[2].take():
                self._guard(call)

    def _patience(self) -> float:
        if self._calls:
            return 0
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        if not self._timers:
            return -1
        return max(0, self._timers[0][0] - time.monotonic_ns()) / 1e9

    def _guard(self, function: Callable[..., object], *args: int) -> None:
        try:
            function(*args)
        except (
            Exception
        ):  # the top of the thread: one task's trouble must not end the supervision of the others
            log.exception("unexpected error in the supervisor")
