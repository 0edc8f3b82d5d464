"""What comes over a socket: errors of waitress itself, and HEAD."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPResponse
from importlib import metadata
from typing import Any

import pytest
from waitress.server import create_server

from tasky.web.channel import ProblemChannel
from tests.helpers import PATIENCE

Address = tuple[str, int]


def application(environ: dict[str, Any], start_response: Any) -> Any:
    if environ["PATH_INFO"] == "/broken":
        raise KeyError("/secret/path")
    if environ["PATH_INFO"] == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else iter([b"a", b"b"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [b"ok"]


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = create_server(
        application,
        map={},
        sockets=[listener],
        threads=2,
        max_request_body_size=1000,
        max_request_header_size=2000,
        ident="",
        clear_untrusted_proxy_headers=True,
    )
    server.channel_class = ProblemChannel
    thread = threading.Thread(target=server.run)
    thread.start()
    yield listener.getsockname()
    server.trigger.pull_trigger(server.close)
    server.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    server.task_dispatcher.shutdown()


def send(address: Address, request: bytes) -> bytes:
    """Everything that comes back until the connection is closed."""
    with socket.create_connection(address, PATIENCE) as connection:
        connection.sendall(request)
        pieces = []
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


class Canned:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def makefile(self, *_: object) -> Any:
        import io

        return io.BytesIO(self.data)


def parse(data: bytes) -> tuple[HTTPResponse, bytes]:
    response = HTTPResponse(Canned(data))  # type: ignore[arg-type]
    response.begin()
    return response, response.read()


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nBroken\r\n\r\n", 400),
        (b"GARBAGE\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n12345", 400),
        (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 5000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET /broken HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 500),
    ],
)
def test_errors_before_the_application(address: Address, request_text: bytes, status: int) -> None:
    response, body = parse(send(address, request_text))
    assert response.status == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Length"] == str(len(body))
    assert response.headers["Server"] is None
    document = json.loads(body)
    assert document["status"] == status
    assert document["Error"] == document["detail"] != ""
    assert b"secret" not in body
    assert b"waitress" not in body


@pytest.mark.case("H30")
def test_the_version() -> None:
    """CVE-2024-49768 and CVE-2024-49769 are mended in 3.0.1."""
    wanted = [line for line in metadata.requires("tasky") or [] if line.startswith("waitress")]
    assert [re.findall(r"\d+", line) for line in wanted] == [["3", "0", "2"]]
    assert tuple(map(int, metadata.version("waitress").split(".")[:3])) >= (3, 0, 2)


def test_a_stream_to_get_and_to_head(address: Address) -> None:
    request = b" /stream HTTP/1.1\r\nHost: x\r\n\r\n"
    response, body = parse(send(address, b"GET" + request))
    assert body == b"ab"
    assert response.headers["Transfer-Encoding"] == "chunked"
    head = send(address, b"HEAD" + request)
    assert head.endswith(b"\r\n\r\n")
    assert head.count(b"\r\n\r\n") == 1


def test_head_keeps_the_connection_and_the_length(address: Address) -> None:
    request = b" / HTTP/1.1\r\nHost: x\r\n\r\n"
    both = send(
        address, b"HEAD" + request + b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    first, _, rest = both.partition(b"\r\n\r\n")
    assert b"Content-Length: 2" in first
    assert rest.startswith(b"HTTP/1.1 200 OK\r\n")
    assert rest.endswith(b"\r\n\r\nok")
