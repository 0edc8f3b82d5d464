"""Our end of a worker's stdin: what its pipe has no room for waits here."""

from __future__ import annotations

import os
from typing import Any


class Stdin:
    """Does not block. With `keep_open` the pipe stays open for further messages; without, it is closed when all is
    written."""

    __slots__ = ("_keep_open", "_unsent", "fd")

    def __init__(self, fd: int, data: bytes, keep_open: bool) -> None:
        self.fd: int | None = fd
        self._unsent = memoryview(data)
        self._keep_open = keep_open

    @property
    def done(self) -> bool:
        """Nothing more will be written."""
        return not self._unsent and not self._keep_open

    @property
    def waiting(self) -> bool:
        """Something is still to be written."""
        return bool(self._unsent)

    def flush(self) -> None:
        """Writes as far as the pipe has room.

        A worker that does not read its input, or has ended, is no error: its result and exit status judge it.
        """
        if self.fd is None:
            return
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self.fd, self._unsent) :]
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
