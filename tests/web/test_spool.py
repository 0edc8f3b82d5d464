"""Large forms while they come in: who may send one, and where it is kept."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasky.errors import Forbidden, StoreFull, Unauthorized
from tasky.web.server import HttpServer
from tasky.web.spool import Forms, Spool
from tests.forms import form
from tests.helpers import PATIENCE

MAX_BODY, MAX_UPLOAD = 1000, 100_000
Address = tuple[str, int]
Asked = list[tuple[str, dict[str, Any]]]


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Says what has come, and where it was kept."""
    source = environ["wsgi.input"]
    where = "disk" if isinstance(getattr(source, "name", None), int) else "memory"
    body = json.dumps([len(source.read()), where]).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


Serve = Callable[..., Address]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server in which the worker `takes` takes files."""

    def start(**how: Any) -> Address:
        how = {"admit": lambda _: None, **how}
        listener = socket.create_server(("127.0.0.1", 0))
        forms = Forms("takes".__eq__, max_upload=MAX_UPLOAD, folder=tmp_path, **how)
        server = HttpServer(application, listener, threads=1, max_body=MAX_BODY, forms=forms)
        server.start()
        servers.callback(server._server.trigger.close)  # which a server that ends leaves open
        servers.callback(server.stop)
        address: Address = listener.getsockname()
        return address

    with contextlib.ExitStack() as servers:
        yield start


def ask(
    address: Address,
    length: int | None,
    path: str = "/workers/takes",
    *headers: str,
    body: bytes = b"",
) -> bytes:
    how = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    lines = [
        f"POST /tasky/v1{path} HTTP/1.1",
        "Host: x",
        f"Content-Type: {form()[1]}",
        how,
        *headers,
    ]
    with socket.create_connection(address, PATIENCE) as connection:
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)
        pieces = []
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def status(answer: bytes) -> int:
    return int(answer.split()[1])


def test_a_large_one_waits_on_the_disk_and_a_small_one_need_not(
    serve: Serve, tmp_path: Path
) -> None:
    address = serve()
    assert ask(address, MAX_BODY, body=b"x" * MAX_BODY).endswith(b'[1000, "memory"]')
    assert ask(address, MAX_UPLOAD, body=b"x" * MAX_UPLOAD).endswith(b'[100000, "disk"]')
    chunk = b"%x\r\n%b\r\n" % (5000, b"x" * 5000)
    assert ask(address, None, body=chunk * 3 + b"0\r\n\r\n").endswith(b'[15000, "disk"]')
    assert not list(tmp_path.iterdir()), "a file without a name"


def test_too_large(serve: Serve) -> None:
    address = serve()
    assert status(ask(address, MAX_UPLOAD + 1)) == 413
    chunk = b"%x\r\n%b\r\n" % (50_000, b"x" * 50_000)
    assert status(ask(address, None, body=chunk * 2 + b"1\r\nx\r\n")) == 413
    for path in (
        "/workers/other",
        "/workers/takes/enable",
        "/workers/takes/x",
        "/tasks/takes",
        "/",
    ):
        assert status(ask(address, MAX_BODY + 1, path)) == 413


@pytest.mark.parametrize(
    ("error", "header"),
    [(Unauthorized(), b"WWW-Authenticate: Bearer"), (Forbidden("not for you"), b"not for you")],
)
def test_strangers_are_told_before_they_send_it(
    serve: Serve, error: Exception, header: bytes
) -> None:
    asked: Asked = []

    def refuse(environ: dict[str, Any], worker: str) -> None:
        asked.append((worker, environ))
        raise error

    address = serve(identify=refuse)
    answer = ask(
        address,
        5000,
        "/workers/takes?wait=1s",
        "Authorization: Bearer tsk_x",
        "Expect: 100-continue",
    )
    assert status(answer) == error.status  # type: ignore[attr-defined]
    assert header.lower() in answer.lower()
    assert b"application/problem+json" in answer
    ((worker, environ),) = asked
    assert worker == "takes"
    assert environ["HTTP_AUTHORIZATION"] == "Bearer tsk_x"
    assert environ["QUERY_STRING"] == "wait=1s"
    assert environ["REMOTE_ADDR"] == "127.0.0.1"


def test_no_room(serve: Serve) -> None:
    def full(size: int) -> None:
        if size > 10_000:
            raise StoreFull("/secret/path")

    address = serve(admit=full)
    answer = ask(address, 5001)
    assert status(answer) == 507, "its files take as much again"
    assert b"secret" not in answer
    assert status(ask(address, 5000, body=b"x" * 5000)) == 200


def test_it_stops_where_the_disk_gets_full(tmp_path: Path) -> None:
    def full(_: int) -> None:
        raise StoreFull

    spool = Spool(tmp_path, full)
    spool.append(b"x" * 1000)
    with pytest.raises(StoreFull):
        spool.append(b"x" * (1 << 20))
    assert spool.getfile().read(1001) == b"x" * 1001
    spool.close()
