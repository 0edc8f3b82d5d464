"""One thread, one epoll: file descriptors, timers on the monotonic clock, and calls from other threads.

It knows nothing of tasks. Nothing called from it may block. In a turn, descriptors come first, then calls, then timers:
so that of an exit, a cancel and a timeout in the same instant the exit wins, then the cancel.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from ..tally import SHORT, Histogram
from .timers import Timer, Timers

log = logging.getLogger(__name__)

READ: Final = select.EPOLLIN
WRITE: Final = select.EPOLLOUT
#: Descriptors handled in a turn, so that calls and timers are never starved.
_EVENTS_PER_TURN: Final = 256


class Loop:
    """`call` and `stop` are for any thread; everything else belongs to the thread in `run`."""

    def __init__(self) -> None:
        self._epoll: Final = select.epoll()
        self._wakeup: Final = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wakeup, READ)
        self._handlers: Final[dict[int, Callable[[int], None]]] = {}
        self._calls: Final[deque[Callable[[], object]]] = deque()
        self._timers: Final = Timers()
        self._gate: Final = threading.Lock()  # nobody writes to a descriptor that is closed
        self._woken = False
        self._running = True
        self._thread: int | None = None
        #: Of each turn, the seconds from when it was to begin (the first due timer) or began, to its end: so long did
        #: whatever came meanwhile have to wait. Any thread.
        self.lag: Final = Histogram(SHORT)
        self._ended = time.monotonic_ns()  # the last turn

    def call(self, function: Callable[[], object]) -> None:
        """Has `function` called in the loop's thread soon; never, if the loop has ended."""
        self._calls.append(function)
        if threading.get_ident() == self._thread:
            return
        with self._gate:
            if not self._woken:
                self._woken = True
                os.eventfd_write(self._wakeup, 1)

    def later(self, delay: int, function: Callable[[], object]) -> Timer:
        """Has `function` called in `delay` ns."""
        return self._timers.add(time.monotonic_ns() + delay, function)

    def watch(self, fd: int, events: int, handler: Callable[[int], None]) -> None:
        """Has `handler(events)` called whenever `fd` is ready (level-triggered)."""
        self._epoll.register(fd, events)
        self._handlers[fd] = handler

    def unwatch(self, fd: int) -> None:
        """Forgets `fd`, which is still open; nothing happens if it is not watched."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def run(self) -> None:
        """Turns until `stop`."""
        self._thread = threading.get_ident()
        self._ended = time.monotonic_ns()
        while self._running:
            self._turn()

    def stop(self) -> None:
        self.call(self._stop)

    def close(self) -> None:
        """Frees the descriptors, after `run`."""
        with self._gate:
            self._woken = True
            self._epoll.close()
            os.close(self._wakeup)

    def _stop(self) -> None:
        self._running = False

    def _turn(self) -> None:
        due = self._timers.next()
        ready = self._epoll.poll(self._patience(due), _EVENTS_PER_TURN)
        if (
            not ready
        ):  # after a signal, even SIGCONT, Python does not look again if the time is over meanwhile
            ready = self._epoll.poll(0, _EVENTS_PER_TURN)
        began = time.monotonic_ns()
        for fd, events in ready:
            if fd == self._wakeup:
                os.eventfd_read(fd)
                self._woken = False  # before the calls are looked at: whoever comes now wakes again
            elif handler := self._handlers.get(fd):  # else: unwatched earlier in this turn
                self._guard(handler, events)
        for _ in range(len(self._calls)):
            self._guard(self._calls.popleft())
        now = time.monotonic_ns()
        while call := self._timers.take_due(now):
            self._guard(call)
        self._ended = ended = time.monotonic_ns()
        self.lag.observe((ended - (began if due is None else min(began, due))) * 1e-9)

    def _patience(self, due: int | None) -> float:
        """How long to wait for a descriptor, in seconds; -1 for ever."""
        if self._calls:
            return 0
        return -1 if due is None else max(0, due - self._ended) / 1e9

    def _guard(self, function: Callable[..., object], *args: int) -> None:
        """The top of the thread: one task's trouble must not end the supervision of the others."""
        try:
            function(*args)
        except Exception:
            log.exception("unexpected error in the supervisor")
