"""The signals of the server."""

from __future__ import annotations

import contextlib
import signal
import socket
from types import FrameType
from typing import Final

STOP: Final = frozenset({signal.SIGTERM, signal.SIGINT})
_OURS: Final = (*STOP, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Signals:
    """Signals as bytes on a socket, for one thread to wait on. To be entered by the main thread.

    Python's own handlers do nothing: the byte is written by the C handler (signal.set_wakeup_fd), whichever thread the
    kernel chose for it.
    """

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._theirs.setblocking(False)

    def __enter__(self) -> Signals:
        signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        for number in _OURS:
            signal.signal(number, _nothing)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _OURS)
        return self

    def __exit__(self, *_: object) -> None:
        """The handlers stay: one signal more must not change the exit status of a server that has stopped."""
        signal.set_wakeup_fd(-1)
        self._ours.close()
        self._theirs.close()

    def block(self) -> None:
        """They wait in the kernel from now on, for the code that this process is about to become: as that starts, it
        would die of them."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)

    def wait(self, seconds: float | None) -> set[int]:
        """The signals that have come, after waiting for one for so long at the most (None: for ever)."""
        self._ours.settimeout(seconds)
        try:
            return set(self._ours.recv(64))
        except (TimeoutError, BlockingIOError):
            return set()

    def send(self, number: signal.Signals) -> None:
        """As if the signal had come. Any thread; a full socket has enough to wake the reader."""
        with contextlib.suppress(BlockingIOError):
            self._theirs.send(bytes([number]))


def _nothing(_number: int, _frame: FrameType | None) -> None:
    pass
