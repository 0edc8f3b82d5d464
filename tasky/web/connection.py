"""A client that reads a stream: its socket, and what that has not taken yet."""

from __future__ import annotations

import socket
import time
from typing import Final

from .source import Stream


class Connection:
    """`chunked` is how the body is framed; else its end is that of the connection. Belongs to the streams' thread."""

    __slots__ = (
        "beaten",
        "checked",
        "chunked",
        "ending",
        "is_waiting",
        "pending",
        "queued",
        "sock",
        "stream",
        "taken",
    )

    def __init__(self, sock: socket.socket, stream: Stream, chunked: bool) -> None:
        self.sock: Final = sock
        self.stream: Final = stream
        self.chunked: Final = chunked
        #: What the socket has not taken yet.
        self.pending = memoryview(b"")
        #: When it took something last, when its reader's rights were looked at, and when it had a heart-beat, by the
        #: monotonic clock.
        self.taken = self.checked = self.beaten = time.monotonic()
        #: Nothing follows what is pending.
        self.ending = False
        #: For its socket to take more.
        self.is_waiting = False
        #: It is among those that are written to next.
        self.queued = False

    def say(self, piece: bytes) -> None:
        self.pending = memoryview(b"%x\r\n%s\r\n" % (len(piece), piece) if self.chunked else piece)

    def say_end(self) -> None:
        self.ending = True
        if self.chunked:
            self.pending = memoryview(bytes(self.pending) + b"0\r\n\r\n")

    def send(self) -> bool:
        """Whether all of it was taken."""
        while self.pending:
            try:
                count = self.sock.send(self.pending)
            except BlockingIOError:
                return False
            self.pending = self.pending[count:]
            self.taken = time.monotonic()
        self.pending = memoryview(b"")  # nothing of it is kept
        return True
