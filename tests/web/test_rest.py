"""An HTTP server that takes nothing more for a while, or leaves its connections to another one."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from tasky.web.server import HttpServer
from tests.helpers import PATIENCE, wait_for

_REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def _application(_environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


@pytest.fixture
def undo() -> Iterator[ExitStack]:
    with ExitStack() as undo:
        yield undo


def _serve(undo: ExitStack, sock: socket.socket, handed: Iterable[int] = ()) -> HttpServer:
    server = HttpServer(_application, sock, threads=1, max_body=1000, handed=handed)
    undo.callback(server._server.trigger.close)  # which a server that ends leaves open
    server.start()
    return server


def _connected(undo: ExitStack, sock: socket.socket) -> socket.socket:
    return undo.enter_context(closing(socket.create_connection(sock.getsockname(), PATIENCE)))


def _answered(connection: socket.socket) -> bool:
    """Reads all of an answer."""
    said = b""
    while not said.endswith(b"\r\n\r\nok") and (piece := connection.recv(1000)):
        said += piece
    return b"200 OK" in said


@pytest.mark.case("D18")
def test_what_comes_at_rest_is_answered_afterwards(undo: ExitStack) -> None:
    """By the same server, and by another one: over connections that were open, whether anything was said over them
    yet, and over new ones. One in the middle of a request is waited for, and then given up."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = _serve(undo, listener)
    kept, fresh, half = (_connected(undo, listener) for _ in range(3))
    kept.sendall(_REQUEST)
    assert _answered(kept)
    half.sendall(_REQUEST[:20])
    channels = server._server.active_channels
    port = half.getsockname()[1]
    wait_for(
        lambda: any(one.request and one.addr[1] == port for one in list(channels.values())),
        "half a request is in",
    )
    wait_for(lambda: server.rest() == 1, "all others are at rest")
    late = _connected(undo, listener)
    for connection in (kept, fresh, late):
        connection.sendall(_REQUEST)
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            connection.recv(1)
        connection.settimeout(PATIENCE)
    assert server.rest() == 1
    server.work()
    for connection in (kept, fresh, late):
        assert _answered(connection)
    wait_for(lambda: server.rest() == 1, "all others are at rest")
    kept.sendall(_REQUEST)
    left = server.hand_over()
    assert len(left) == 3
    assert half.recv(1000) == b""
    other = _serve(undo, listener, left)
    undo.callback(other.stop)
    for connection in (fresh, late):
        connection.sendall(_REQUEST)
    for connection in (kept, fresh, late, _connected(undo, listener)):
        if connection not in (kept, fresh, late):
            connection.sendall(_REQUEST)
        assert _answered(connection)
