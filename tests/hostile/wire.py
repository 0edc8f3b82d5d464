"""HTTP by hand: bytes to a server's socket, and what comes back until it closes."""

from __future__ import annotations

import io
import json
import socket
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple

from tests.helpers import PATIENCE

Address = tuple[str, int] | Path  # of a unix socket


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request(method: bytes, target: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    """An HTTP/1.1 request to localhost; a `body` comes without its length."""
    return b"\r\n".join(
        [method + b" " + target + b" HTTP/1.1", b"Host: localhost", *headers, b"", body]
    )


def send(address: Address, data: bytes, *more: bytes) -> list[Reply]:
    """The answers to all of it, until the server closes the connection."""
    return replies(exchange(address, data, *more))


def exchange(address: Address, *pieces: bytes) -> bytes:
    """The same, unread: to what is no request, the answer may be no HTTP."""
    with connect(address) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return read_all(connection)


def connect(address: Address) -> socket.socket:
    if not isinstance(address, Path):
        return socket.create_connection(address, PATIENCE)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    try:
        connection.connect(str(address))
    except OSError:
        connection.close()
        raise
    return connection


def read_all(connection: socket.socket) -> bytes:
    pieces = []
    try:
        while piece := connection.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:  # it was closed while something of ours was unread
        pass
    return b"".join(pieces)


def replies(data: bytes) -> list[Reply]:
    stream = io.BytesIO(data)
    found = []
    while stream.tell() < len(data):
        response = HTTPResponse(_Canned(stream))  # type: ignore[arg-type]
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        found.append(Reply(response.status, headers, response.read()))
    return found


class _Canned:
    """As much of a socket as http.client wants. Its file stays open for the next answer."""

    def __init__(self, stream: io.BytesIO) -> None:
        self._stream = stream

    def makefile(self, *_: object) -> Any:
        return _Open(self._stream)


class _Open:
    def __init__(self, stream: io.BytesIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def close(self) -> None:
        pass

    def flush(self) -> None:
        pass
