"""A stand-in for a server, for the faults that a real one does not produce on demand: it plays what it was given."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.helpers import PATIENCE

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Play:
    """What follows one request. `data` None: nothing is sent; `close`: the connection is closed behind it."""

    data: bytes | None
    close: bool = False


LOST = Play(None, close=True)
SILENCE = Play(None)


def answer(
    body: str, status: str = "200 OK", close: bool = False, kind: str = "application/json"
) -> Play:
    """`close` closes the connection without having said so: as a server does that tires of waiting."""
    data = body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n"
    return Play(head.encode() + data, close)


class StandIn:
    """Plays once; what it was sent is in `requests`. Afterwards nobody listens any more."""

    def __init__(self, listener: socket.socket, url: str, plays: tuple[Play, ...]) -> None:
        self.url = url
        self.requests: list[bytes] = []
        self._listener = listener
        self._plays = plays
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        connection: socket.socket | None = None
        for play in self._plays:
            request = b""
            while not request:
                if connection is None:
                    try:
                        connection, _ = self._listener.accept()
                    except OSError:  # nobody came, and the test is over
                        return
                request = _read(connection)
                if not request:
                    connection.close()
                    connection = None
            assert connection is not None
            self.requests.append(request)
            if len(self.requests) == len(self._plays):
                self._listener.close()
            if play.data is not None:
                connection.sendall(play.data)
            if play.close:
                connection.close()
                connection = None
        self._done.wait(PATIENCE)
        if connection is not None:
            connection.close()

    def close(self) -> None:
        self._done.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


def _read(connection: socket.socket) -> bytes:
    """One request, or nothing if the client closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    match = _LENGTH.search(head)
    while len(body) < (int(match[1]) if match else 0):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def playing(*plays: Play, path: Path | None = None) -> Iterator[StandIn]:
    """On a loopback port, or on a Unix socket at `path`."""
    if path is None:
        listener = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        url = f"unix:{path}"
    stand_in = StandIn(listener, url, plays)
    try:
        yield stand_in
    finally:
        stand_in.close()
