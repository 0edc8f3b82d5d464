"""The signals of the server."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator
from types import FrameType
from typing import Final

STOP: Final = frozenset({signal.SIGTERM, signal.SIGINT})
_OURS: Final = (*STOP, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


@contextlib.contextmanager
def blocked() -> Iterator[None]:
    """For the main thread, before there are others: threads have the mask of who makes them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Signals:
    """Signals as bytes on a socket, for the main thread to wait on. To be entered by that, within `blocked`.

    They are blocked in all threads, but for the main one in `wait`: so what comes otherwise waits in the kernel, also
    for the code that this process may be about to become (execve(2)). Python's own handlers do nothing: the byte is
    written by the C handler (signal.set_wakeup_fd).
    """

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._theirs.setblocking(False)

    def __enter__(self) -> Signals:
        signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        for number in _OURS:
            signal.signal(number, _nothing)
        return self

    def __exit__(self, *_: object) -> None:
        """The handlers stay: one signal more must not change the exit status of a server that has stopped."""
        signal.set_wakeup_fd(-1)
        self._ours.close()
        self._theirs.close()

    def wait(self, seconds: float | None) -> set[int]:
        """The signals that have come, after waiting for one for so long at the most (None: for ever)."""
        self._ours.settimeout(seconds)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _OURS)
        try:
            return set(self._ours.recv(64))
        except (TimeoutError, BlockingIOError):
            return set()
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)

    def send(self, number: signal.Signals) -> None:
        """As if the signal had come. Any thread; a full socket has enough to wake the reader."""
        with contextlib.suppress(BlockingIOError):
            self._theirs.send(bytes([number]))


def _nothing(_number: int, _frame: FrameType | None) -> None:
    pass
