"""Requests that two servers could read differently, against the real server: each gets one answer and no second
request comes out of it. What is too large is refused before it is read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasky.web.defences import HEADERS
from tests.helpers import Server, serving
from tests.hostile.arena import workers
from tests.hostile.wire import Reply, exchange, replies, request, send

MIB = 1 << 20
SMUGGLED = request(b"POST", b"/tasky/v1/workers/true", b"Content-Length: 0")
CHUNKED = b"Transfer-Encoding: chunked"
JSON = b"Content-Type: application/json"


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(workers(folder / "workers.d"), folder / "http") as server:
        yield server


def one(found: list[Reply]) -> Reply:
    assert len(found) == 1, found
    return found[0]


def check(server: Server, reply: Reply, status: int) -> None:
    """An error as all others are, with all headers, and nothing happened."""
    assert reply.status == status, reply
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json["Error"]
    assert {name: reply.headers[name.lower()] for name, _ in HEADERS} == dict(HEADERS)
    assert "server" not in reply.headers
    assert server.get("/tasks") == {"Tasks": []}


# ---------------------------------------------------------------------- two readings

BODIES = {
    "two lengths": [b"Content-Length: 5", b"Content-Length: 6"],
    "two lengths that are the same": [b"Content-Length: 5", b"Content-Length: 5"],
    "two lengths in one": [b"Content-Length: 5, 5"],
    "a length with a sign": [b"Content-Length: +5"],
    "a length below zero": [b"Content-Length: -5"],
    "a length in hexadecimal": [b"Content-Length: 0x5"],
    "a length with an underscore": [b"Content-Length: 1_0"],
    "a length with a fraction": [b"Content-Length: 5.0"],
    "a length of other digits": ["Content-Length: \u0665".encode()],
    "a length with a space in it": [b"Content-Length: 1 0"],
    "an empty length": [b"Content-Length:"],
    "a length that never ends": [b"Content-Length: " + b"9" * 5000],
    "a length that is folded": [b"Content-Length:", b" 5"],
    "a space before the colon": [b"Content-Length : 5"],
    "a tab before the colon": [b"Transfer-Encoding\t: chunked"],
    "length, then coding": [b"Content-Length: 5", CHUNKED],
    "coding, then length": [CHUNKED, b"Content-Length: 5"],
    "coding and no length": [CHUNKED, b"Content-Length: 0"],
    "the coding twice": [CHUNKED, CHUNKED],
    "the coding twice in one": [b"Transfer-Encoding: chunked, chunked"],
    "coding with nothing": [b"Transfer-Encoding: chunked,"],
    "an empty coding": [b"Transfer-Encoding:"],
    "an empty coding, and one": [b"Transfer-Encoding:", CHUNKED],
    "a quoted coding": [b'Transfer-Encoding: "chunked"'],
    "a coding with a parameter": [b"Transfer-Encoding: chunked;q=1"],
    "a coding with something before": [b"Transfer-Encoding: \x0bchunked"],
    "a coding that is folded": [b"Transfer-Encoding:", b"\tchunked"],
    "another coding": [b"Transfer-Encoding: gzip"],
    "another coding last": [b"Transfer-Encoding: chunked, identity"],
    "another coding first": [b"Transfer-Encoding: identity, chunked"],
    "a header that is folded": [b"X-Y: a", b" b", b"Content-Length: 0"],
    "a NUL": [b"X-Y: a\0b", b"Content-Length: 0"],
    "a NUL in a name": [b"X\0Y: a", b"Content-Length: 0"],
    "a line feed": [b"X-Y: a\nContent-Length: 5"],
    "a carriage return": [b"X-Y: a\rContent-Length: 5"],
    "no name": [b": a"],
    "no colon": [b"Content-Length"],
}


@pytest.mark.case("H14")
@pytest.mark.parametrize("headers", BODIES.values(), ids=BODIES)
def test_two_ways_to_read_a_body(server: Server, headers: list[bytes]) -> None:
    attack = request(b"POST", b"/tasky/v1/workers/true", *headers, body=b"0\r\n\r\n" + SMUGGLED)
    reply = one(send(server.address, attack))
    check(server, reply, reply.status if reply.status == 501 else 400)


STARTS = [
    b"POST /healthz HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    *(b"GET /healthz HTTP/" + version + b"\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
      for version in (b"1.2", b"2.0", b"0.9", b"11", b"1.1 ", b"1.1.1", b"x", b"")),
    b"GET /healthz\r\nHost: localhost\r\n\r\n",
    b"GET  /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET\t/healthz\tHTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /health\0z HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /health\x7fz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /healthz#x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /healthz HTTP/1.1\nHost: localhost\r\n\r\n",
    b"get /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\0GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # TLS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]  # fmt: skip


@pytest.mark.case("H14")
@pytest.mark.parametrize("start", STARTS)
def test_two_ways_to_read_the_first_line(server: Server, start: bytes) -> None:
    check(server, one(send(server.address, start + SMUGGLED)), 400)


@pytest.mark.case("H14")
@pytest.mark.parametrize(
    "body",
    [
        b"5\r\nhelloX\r\n0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n",
        b"g\r\nhello\r\n0\r\n\r\n", b"5;a\nb\r\nhello\r\n0\r\n\r\n", b"5\r\nhello0\r\n\r\n",
        b"5;" + b"x" * 9000, b"0" * 9000, b"0\r\nX: " + b"x" * 9000,
    ],
)  # fmt: skip
def test_chunks_that_are_none(server: Server, body: bytes) -> None:
    attack = request(b"POST", b"/tasky/v1/workers/chaos", CHUNKED, JSON, body=body + SMUGGLED)
    check(server, one(send(server.address, attack)), 400)


@pytest.mark.case("H14")
def test_what_is_right_is_read_as_it_is(server: Server) -> None:
    """Two requests in one packet, the first of them in chunks, with what those may have around them."""
    body = b'A;x="y"\r\n{"nothing"\r\n3\r\n:1}\r\n0\r\nX-Trailer: y\r\n\r\n'
    first = request(b"POST", b"/tasky/v1/workers/chaos", CHUNKED, JSON, body=body)
    last = request(b"GET", b"/healthz", b"Connection: close")
    assert [reply.status for reply in send(server.address, first + last)] == [422, 200]
    assert [reply.status for reply in send(server.address, first, b"\r\n", last)] == [422, 200]


@pytest.mark.case("H13")
@pytest.mark.parametrize(
    ("start", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\n", 421),
        (b"GET /healthz HTTP/1.0\r\n", 421),
        (b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n", 421),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n", 421),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n", 421),
        (b"GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n", 421),
        (b"GET http://localhost/healthz HTTP/1.1\r\nHost: evil.example\r\n", 421),
        (b"GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n", 200),
        (b"CONNECT evil.example:80 HTTP/1.1\r\nHost: localhost\r\n", 421),
    ],
)
def test_names(server: Server, start: bytes, status: int) -> None:
    reply = one(
        send(server.address, start + b"X-Forwarded-Host: localhost\r\nConnection: close\r\n\r\n")
    )
    assert reply.status == status


@pytest.mark.case("H13")
def test_names_over_a_unix_socket(folder: Path, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="tasky") as short:  # a socket's path has 107 bytes
        socket = Path(short) / "s"
        definitions = workers(folder / "workers.d")
        with serving(definitions, tmp_path / "state", "--listen", f"unix:{socket}"):
            for host, status in [(b"localhost", 200), (b"[::1]:1", 200), (b"evil.example", 421)]:
                start = b"GET /healthz HTTP/1.1\r\nConnection: close\r\nHost: "
                assert one(send(socket, start + host + b"\r\n\r\n")).status == status


# ---------------------------------------------------------------------- too large


@pytest.mark.case("H5")
def test_a_body_that_is_too_large_is_not_read(server: Server) -> None:
    """Its first byte never comes, and it is not asked for."""
    length = f"Content-Length: {MIB + 1}".encode()
    for path in (b"workers/true", b"tasks/x/cancel", b"nothing"):
        for expect in ([], [b"Expect: 100-continue"]):
            attack = request(b"POST", b"/tasky/v1/" + path, length, JSON, *expect)
            check(server, one(send(server.address, attack)), 413)


@pytest.mark.case("H5")
def test_who_sends_it_all_the_same_gets_the_answer(server: Server) -> None:
    """Many clients read nothing before they have sent everything."""
    assert server.request("POST", "/workers/true", b"x" * (8 * MIB)).status == 413


@pytest.mark.case("H5")
@pytest.mark.parametrize("content_type", [JSON, b"Content-Type: multipart/form-data; boundary=x"])
def test_chunks_that_do_not_end(server: Server, content_type: bytes) -> None:
    head = request(b"POST", b"/tasky/v1/workers/true", CHUNKED, content_type)
    check(server, one(send(server.address, head + b"%x\r\n" % (MIB + 1) + b"x" * (MIB + 1))), 413)


@pytest.mark.case("H5")
def test_the_largest_body(server: Server) -> None:
    for size, status in [(MIB, 422), (MIB + 1, 413)]:
        body = b'{"nothing":"' + b"x" * (size - 14) + b'"}'
        headers = (JSON, f"Content-Length: {size}".encode(), b"Connection: close")
        attack = request(b"POST", b"/tasky/v1/workers/chaos", *headers, body=body)
        assert one(send(server.address, attack)).status == status


@pytest.mark.case("H6")
@pytest.mark.parametrize(
    "attack",
    [
        request(b"GET", b"/" + b"x" * (16 << 10)),
        request(b"GET", b"/healthz", b"X-Y: " + b"x" * (16 << 10)),
        request(b"GET", b"/healthz", *(b"X-Y%d: x" % number for number in range(2000))),
        request(b"GET", b"/healthz", b"Cookie: " + b"a=b; " * 4000),
        b"x" * (17 << 10),
    ],
    ids=["target", "header", "headers", "cookies", "no end"],
)
def test_a_header_that_is_too_large(server: Server, attack: bytes) -> None:
    check(server, one(send(server.address, attack)), 431)


@pytest.mark.case("H15")
@pytest.mark.parametrize("method", [b"HEAD", b"OPTIONS", b"TRACE", b"BREW"])
def test_methods(server: Server, method: bytes) -> None:
    """With a body that they do not take, and another request behind it."""
    head = request(
        method, b"/tasky/v1/workers", b"Content-Length: 5", b"Cookie: secret=1", body=b"hello"
    )
    last = request(b"GET", b"/healthz", b"Connection: close")
    data = exchange(server.address, head + last)
    status = {b"HEAD": b"200", b"OPTIONS": b"204", b"TRACE": b"405", b"BREW": b"501"}[method]
    assert data.startswith(b"HTTP/1.1 " + status)
    assert b"secret" not in data
    if method == b"OPTIONS":
        assert data.count(b"HTTP/1.1 ") == 1  # waitress closes where there is no body
    else:
        assert replies(data[data.rindex(b"HTTP/1.1 ") :])[0].status == 200
        assert data.count(b"HTTP/1.1 ") == 2
