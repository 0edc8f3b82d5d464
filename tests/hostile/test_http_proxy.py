"""Behind a real nginx: what it lets through, the server reads as nginx has. A difference would let a client put
requests into the connection that all clients share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.helpers import Server, serving, wait_for
from tests.hostile.arena import workers
from tests.hostile.test_http_framing import BODIES, SMUGGLED, STARTS
from tests.hostile.wire import exchange, request, send
from tests.nginx import in_front_of, seen

HOST = "proxy_set_header Host $host;"


class Front(NamedTuple):
    socket: Path
    server: Server

    def tasks(self) -> int:
        return len(self.server.get("/tasks?limit=1000")["Tasks"])

    def submitted(self) -> int:
        return sum(line == "POST /tasky/v1/workers/true 201" for line in seen(self.socket.parent))


@pytest.fixture(scope="module")
def front(folder: Path) -> Iterator[Front]:
    with (
        tempfile.TemporaryDirectory(prefix="nginx") as short,  # a socket's path has 107 bytes
        serving(workers(folder / "workers.d"), folder / "proxied") as server,
        in_front_of(server.url.removeprefix("http://"), Path(short) / "n", HOST) as socket,
    ):
        yield Front(socket, server)


def check(front: Front) -> None:
    """Who comes next gets its own answer, and nothing was submitted that nginx does not know of."""
    for name in ("true", "chaos"):
        target = f"/tasky/v1/workers/{name}".encode()
        (reply,) = send(front.socket, request(b"GET", target, b"Connection: close"))
        assert (reply.status, reply.json["name"]) == (200, name)
    wait_for(lambda: front.submitted() == front.tasks(), "all tasks are of requests that nginx saw")


@pytest.mark.case("H14")
@pytest.mark.parametrize("headers", BODIES.values(), ids=BODIES)
def test_two_ways_to_read_a_body(front: Front, headers: list[bytes]) -> None:
    for body in (b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b""):
        close = request(b"GET", b"/healthz", b"Connection: close")
        attack = request(b"POST", b"/tasky/v1/workers/true", *headers, body=body + SMUGGLED + close)
        exchange(front.socket, attack)
        check(front)


@pytest.mark.case("H14")
@pytest.mark.parametrize("start", STARTS)
def test_two_ways_to_read_the_first_line(front: Front, start: bytes) -> None:
    close = request(b"GET", b"/healthz", b"Connection: close")
    exchange(front.socket, start + SMUGGLED + close)
    check(front)


@pytest.mark.case("H13", "H14")
def test_what_is_right_goes_through(front: Front) -> None:
    """Whole, and with the headers of a page of ours; under another name it is not for us."""
    body = b'5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n'
    headers = (
        b"Transfer-Encoding: chunked",
        b"Content-Type: application/json",
        b"Connection: close",
    )
    target = b"/tasky/v1/workers/chaos"
    same = b"Origin: http://localhost"
    for extra, status in [((), 422), ((same,), 422), ((b"Origin: http://evil.example",), 403)]:
        (reply,) = send(front.socket, request(b"POST", target, *headers, *extra, body=body))
        assert reply.status == status
    foreign = b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert send(front.socket, foreign)[0].status == 421
    check(front)
