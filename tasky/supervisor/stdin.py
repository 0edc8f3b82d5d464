"""Our end of a worker's stdin: what its pipe has no room for waits here."""

from __future__ import annotations

import fcntl
import os
import termios
from array import array
from typing import Any


class Stdin:
    """Does not block. With `keep_open` the pipe stays open for further messages; without, it is closed when all is
    written."""

    __slots__ = ("_keep_open", "_sent", "_unsent", "fd")

    def __init__(self, fd: int, data: bytes, keep_open: bool) -> None:
        self.fd: int | None = fd
        self._unsent = memoryview(data)
        self._sent = 0
        self._keep_open = keep_open

    @property
    def done(self) -> bool:
        """Nothing more will be written."""
        return not self._unsent and not self._keep_open

    @property
    def waiting(self) -> bool:
        """Something is still to be written."""
        return bool(self._unsent)

    @property
    def unread(self) -> int:
        """How much of what was sent is still to be read, or to be sent. Asked of an open one only."""
        assert self.fd is not None
        return len(self._unsent) + unread_bytes(self.fd)

    @property
    def untouched(self) -> bool:
        """Nothing was read since `give`."""
        return self.fd is not None and unread_bytes(self.fd) == self._sent

    def give(self, task_line: bytes, keep_open: bool) -> None:
        """To a process that has waited for it, and has read all before."""
        self._unsent = memoryview(task_line)
        self._sent = 0
        self._keep_open = keep_open

    def finish(self) -> None:
        """Closed as soon as all is written."""
        self._keep_open = False

    def flush(self) -> None:
        """Writes as far as the pipe has room.

        A worker that does not read its input, or has ended, is no error: its result and exit status judge it.
        """
        if self.fd is None:
            return
        try:
            while self._unsent:
                sent = os.write(self.fd, self._unsent)
                self._sent += sent
                self._unsent = self._unsent[sent:]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self._unsent = memoryview(b"")
            self._keep_open = False

    def add(self, message: bytes) -> None:
        """One more message, if the pipe is kept open for such."""
        if self._keep_open:
            self._unsent = memoryview(bytes(self._unsent) + message)

    def handed(self) -> dict[str, Any]:
        """As JSON, for a server that goes on with it."""
        return {
            "fd": self.fd,
            "unsent": bytes(self._unsent).decode("latin-1"),
            "keep_open": self._keep_open,
        }

    def close(self) -> None:
        fd, self.fd = self.fd, None
        self._unsent = memoryview(b"")
        if fd is not None:
            os.close(fd)


def unread_bytes(pipe: int) -> int:
    """How much is in a pipe, by either of its ends."""
    count = array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]
