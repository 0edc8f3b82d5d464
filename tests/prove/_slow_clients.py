"""Clients that never finish a request, in a process of their own.

`python -m tests.prove._slow_clients HOST PORT NUMBER`: each sends a byte every half a second, the one half of them of a
header, the other half of a body, and comes again at once when it was closed. Ends with its standard input; then it says
how often they were closed, and how often refused.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import sys
import time
from typing import Final

from tests.prove._parts import raise_open_files

_PAUSE: Final = 0.5
_HEAD: Final = b"POST /tasky/v1/workers/true HTTP/1.1\r\nHost: localhost\r\n"
_LENGTH: Final = b"Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"


class Crowd:
    def __init__(self, address: tuple[str, int], number: int) -> None:
        self._address: Final = address
        self._selector: Final = selectors.DefaultSelector()
        self.closed = self.refused = 0
        for index in range(number):
            self._connect(index)

    def _connect(self, index: int) -> None:
        connection = socket.socket()
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            connection.connect(self._address)
        self._selector.register(connection, selectors.EVENT_READ, index)

    def drip(self) -> None:
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            try:
                key.fileobj.send(b"x")
            except BlockingIOError:
                pass
            except OSError:
                self._again(key)

    def listen(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                self._again(key)

    def _again(self, key: selectors.SelectorKey) -> None:
        assert isinstance(key.fileobj, socket.socket)
        with contextlib.suppress(OSError):
            self.refused += b" 503 " in key.fileobj.recv(4096)
        self.closed += 1
        self._selector.unregister(key.fileobj)
        key.fileobj.close()
        self._connect(key.data)

    def begin(self) -> None:
        """What each says first, as soon as it is connected."""
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            with contextlib.suppress(OSError):
                key.fileobj.send(_HEAD if key.data % 2 else _HEAD + _LENGTH)


def main(host: str, port: str, number: str) -> None:
    raise_open_files()
    crowd = Crowd((host, int(port)), int(number))
    crowd.listen(0.2)
    crowd.begin()
    print("begun", flush=True)
    over = selectors.DefaultSelector()
    over.register(sys.stdin, selectors.EVENT_READ)
    while not over.select(0):
        crowd.drip()
        crowd.listen(_PAUSE)
    print(crowd.closed, crowd.refused)


if __name__ == "__main__":
    main(*sys.argv[1:])
