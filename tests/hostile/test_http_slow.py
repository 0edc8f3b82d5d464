"""Clients that take their time, and clients that come in crowds. The limits are shorter here than they are."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from waitress.adjustments import Adjustments

from tasky.web import channel as channels
from tasky.web.channel import ProblemChannel
from tasky.web.server import HttpServer
from tests.helpers import PATIENCE, wait_for
from tests.hostile.wire import read_all, replies, request, send

Address = tuple[str, int]
BIG = b"x" * (40 << 20)
OK = request(b"GET", b"/")
LAST = request(b"GET", b"/", b"Connection: close")


class House:
    """An application whose answers to /wait are held back."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.inside = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/wait":
            self.inside += 1
            self.gate.wait(PATIENCE)
        pieces = [BIG[:1_000_000]] * 40 if environ["PATH_INFO"] == "/big" else [b"ok"]
        length = str(sum(map(len, pieces)))
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", length)])
        return pieces


Serve = Callable[..., Address]


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def serve(house: House) -> Iterator[Serve]:
    with contextlib.ExitStack() as stack:

        def start(**limits: Any) -> Address:
            listener = socket.create_server(("127.0.0.1", 0))
            server = HttpServer(house, listener, **{"threads": 4, "max_body": 1000, **limits})
            server.start()
            stack.callback(server._server.trigger.close)  # which the end of the process does else
            stack.callback(server.stop)
            stack.callback(house.gate.set)
            address: Address = listener.getsockname()
            return address

        yield start


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEADER_TIME", "BODY_TIME", "IDLE_TIME", "LINGER_TIME"):
        monkeypatch.setattr(channels, name, 0.1)
    monkeypatch.setattr("tasky.web.server._LOOK", 0.05)


# ---------------------------------------------------------------------- how long

Wire = tuple[ProblemChannel, Callable[[bytes], None]]


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A channel, and what its client says. No thread answers."""
    server = SimpleNamespace(active_channels={}, add_task=lambda _: None, pull_trigger=lambda: None)
    ours, theirs = socket.socketpair()
    with theirs:
        channel = ProblemChannel(
            server, ours, ("127.0.0.1", 1), Adjustments(), map={}, max_body=10**6
        )

        def say(data: bytes) -> None:
            theirs.sendall(data)
            for _ in range(0, len(data), 8192):
                channel.handle_read()

        yield channel, say
        channel.handle_close()


def has(channel: ProblemChannel, seconds: float) -> None:
    """It is given so much time from now, a little less for what has passed."""
    now = time.monotonic()
    assert not channel.is_overdue(now + seconds - 5)
    assert channel.is_overdue(now + seconds + 0.001)


@pytest.mark.case("H1")
def test_the_header_has_ten_seconds_however_it_comes(wire: Wire) -> None:
    channel, say = wire
    has(channel, 10)
    for byte in OK[:-1]:
        say(bytes([byte]))
    has(channel, 10)
    assert channel.request.began <= channel.waiting_since
    say(OK[-1:])
    assert channel.requests
    assert not channel.is_overdue(time.monotonic() + 10**6)  # the server may take any time


@pytest.mark.case("H1")
def test_the_body_has_the_more_time_the_more_of_it_comes(wire: Wire) -> None:
    channel, say = wire
    say(request(b"POST", b"/", b"Content-Length: 100000"))
    has(channel, 30)
    say(b"x" * 50_000)
    has(channel, 130)


@pytest.mark.case("H1")
def test_a_further_request_has_its_own_time(wire: Wire) -> None:
    channel, say = wire
    say(OK)
    channel.requests.clear()
    has(channel, 30)  # idle
    say(b"G")
    has(channel, 10)


@pytest.mark.case("H1")
def test_an_answer_has_to_be_taken(wire: Wire) -> None:
    """While a thread waits with the rest of it, at some speed."""
    channel, say = wire
    say(OK)
    channel.write_soon(BIG)
    taken = len(BIG) - channel.total_outbufs_len
    assert 0 < taken < 5 << 20
    has(channel, 30)
    now = channel._moved
    channel._moved += 10**6  # as if some of it was taken all the time
    assert not channel.is_overdue(now + 29 + taken / channels.ANSWER_RATE)
    assert channel.is_overdue(now + 31 + taken / channels.ANSWER_RATE)
    channel.requests.clear()
    assert not channel.is_overdue(now + 31 + taken / channels.ANSWER_RATE)


# ---------------------------------------------------------------------- slow ones


def drip(connection: socket.socket, data: bytes) -> bytes:
    """Byte after byte, until the server has had enough of it; what it says then."""
    connection.settimeout(0.02)
    for byte in data:
        try:
            connection.sendall(bytes([byte]))
            if said := connection.recv(65536):
                connection.settimeout(PATIENCE)
                return said + read_all(connection)
            return b""
        except TimeoutError:
            continue
        except ConnectionError:
            return b""
    raise AssertionError("it takes everything")


@pytest.mark.case("H1")
@pytest.mark.usefixtures("hurried")
def test_slow_requests_end(serve: Serve) -> None:
    address = serve()
    head = request(b"POST", b"/", b"Content-Length: 900")
    for first, rest in [(b"", OK[:20] + b"x" * 1000), (OK, b"GET /" + b"x" * 1000)]:
        with socket.create_connection(address, PATIENCE) as connection:
            connection.sendall(first)
            (*_, last) = replies(drip(connection, rest))
    assert last.status == 408
    assert last.json["Error"] == "the request came too slowly"
    assert last.headers["x-content-type-options"] == "nosniff"
    with socket.create_connection(address, PATIENCE) as connection:
        connection.sendall(head)
        (last,) = replies(read_all(connection))
        assert last.status == 408


@pytest.mark.case("H1")
@pytest.mark.usefixtures("hurried")
def test_silent_connections_end_without_a_word(serve: Serve) -> None:
    address = serve()
    with socket.create_connection(address, PATIENCE) as connection:
        assert read_all(connection) == b""
    with socket.create_connection(address, PATIENCE) as connection:
        connection.sendall(OK)
        assert [reply.status for reply in replies(read_all(connection))] == [200]


@pytest.mark.case("H1", "H5")
@pytest.mark.usefixtures("hurried")
def test_who_is_refused_and_goes_on_is_cut_off(serve: Serve) -> None:
    with socket.create_connection(serve(), PATIENCE) as connection:
        connection.sendall(request(b"POST", b"/", b"Content-Length: 1000000"))
        assert [reply.status for reply in replies(read_all(connection))] == [413]

        def is_cut_off() -> bool:
            try:
                connection.sendall(b"x")
            except ConnectionError:
                return True
            return False

        wait_for(is_cut_off, "it is closed")


@pytest.mark.case("H1", "H4")
@pytest.mark.usefixtures("hurried")
def test_who_does_not_read_its_answer_gives_the_thread_back(serve: Serve) -> None:
    """With one thread: it waits with the rest of the answer, until the connection is closed."""
    address = serve(threads=1)
    with socket.create_connection(address, PATIENCE) as deaf:
        deaf.sendall(request(b"GET", b"/big"))
        assert send(address, LAST)[0].status == 200
        assert len(read_all(deaf)) < len(BIG)


# ---------------------------------------------------------------------- many


@contextlib.contextmanager
def crowd(
    address: Address, number: int, source: str = "127.0.0.1"
) -> Iterator[list[socket.socket]]:
    """Connections that have begun a request."""
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(number):
            connection = socket.create_connection(address, PATIENCE, source_address=(source, 0))
            found.append(stack.enter_context(connection))
            connection.sendall(b"GET /")
        yield found


def is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass
        return False
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


@pytest.mark.case("H1")
def test_a_crowd_shuts_nobody_out(serve: Serve) -> None:
    """Of slow connections the oldest go, and each request that comes at once is answered."""
    address = serve(connections=20)
    with crowd(address, 100) as slow:
        for _ in range(20):
            assert send(address, LAST)[0].status == 200
        wait_for(lambda: sum(map(is_open, slow)) <= 20, "the surplus is closed")
        assert not any(map(is_open, slow[:70]))
        assert is_open(slow[-1])


@pytest.mark.case("H1")
def test_a_crowd_drives_itself_out(serve: Serve) -> None:
    address = serve(connections=20)
    with crowd(address, 5, "127.0.0.2") as before, crowd(address, 100) as slow:
        wait_for(lambda: sum(map(is_open, slow)) <= 15, "the surplus is closed")
        assert all(map(is_open, before))


@pytest.mark.case("H1")
def test_who_is_being_answered_stays(serve: Serve, house: House) -> None:
    address = serve(connections=2)
    with crowd(address, 2) as waiting:
        for connection in waiting:
            connection.sendall(b"wait HTTP/1.1\r\nConnection: close\r\n\r\n")
        wait_for(lambda: house.inside == 2, "both are inside")
        (refused,) = send(address, b"")
        assert refused.status == 503
        assert refused.headers["retry-after"] == "1"
        house.gate.set()
        for connection in waiting:
            connection.settimeout(PATIENCE)
            assert replies(read_all(connection))[0].status == 200
