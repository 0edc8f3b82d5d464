"""The thread for streams, with sources and sockets of the test's: who is written to, who is not, who is ended."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tasky.errors import ShuttingDown
from tasky.service.events import Hub
from tasky.web import streams as module
from tasky.web.source import CHUNK, Budget, Source, Stream, TooManyStreams
from tasky.web.streams import Streams
from tests.helpers import PATIENCE


class Script(Source):
    """Says what it is given; ends with None."""

    def __init__(self, hub: Hub, *pieces: bytes | None) -> None:
        self.rights = True
        super().__init__(hub, lambda: self.rights)
        self.pieces = list(pieces)
        self.wake: Callable[[], None] | None = None
        self.closed = threading.Event()
        self.last_words: bytes | None = b"bye"
        self.beats = 0

    def begin(self, wake: Callable[[], None]) -> None:
        self.wake = wake

    def next(self) -> bytes | None:
        return self.pieces.pop(0) if self.pieces else b""

    def say(self, *pieces: bytes | None) -> None:
        self.pieces += pieces
        assert self.wake is not None
        self.wake()

    def beat(self) -> bytes:
        self.beats += 1
        return b"."

    def farewell(self, reason: str) -> bytes | None:
        return self.last_words and self.last_words + reason.encode()

    def close(self) -> None:
        assert not self.closed.is_set(), "closed once"
        self.closed.set()


class Stage:
    def __init__(self, budget: int = 100) -> None:
        self.hub = Hub()
        self.streams = Streams(self.hub, Budget(budget))
        self.streams.start()
        self._clients: list[socket.socket] = []

    def open(self, source: Source, *, chunked: bool = False) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.settimeout(PATIENCE)
        self._clients.append(theirs)
        self.streams.budget.take()
        stream = Stream(source, self.streams.budget)
        source.begin(stream.wake)
        self.streams.take(ours, stream, chunked=chunked)
        return theirs

    def close(self) -> None:
        self.streams.stop()
        for client in self._clients:
            client.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()
    assert stage.streams.budget.open == 0


def everything(client: socket.socket) -> bytes:
    pieces = []
    while piece := client.recv(1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def test_what_is_said_then_and_later(stage: Stage) -> None:
    source = Script(stage.hub, b"a", b"b")
    client = stage.open(source)
    assert client.recv(1) == b"a"
    assert client.recv(1) == b"b"
    source.say(b"c", None)
    assert everything(client) == b"c"
    assert source.closed.wait(PATIENCE)


def test_chunks(stage: Stage) -> None:
    client = stage.open(Script(stage.hub, b"a" * 17, b"b", None), chunked=True)
    assert everything(client) == b"11\r\n" + b"a" * 17 + b"\r\n1\r\nb\r\n0\r\n\r\n"


def test_what_is_long_comes_in_parts(stage: Stage) -> None:
    data = bytes(range(256)) * 2000
    source = Script(stage.hub, b"")
    source.in_parts(lambda: data)
    source.pieces = [b"then", None]
    assert len(data) > 5 * CHUNK
    assert everything(stage.open(source)) == data + b"then"


@pytest.mark.case("H4")
def test_a_reader_that_does_not_read_delays_nobody(stage: Stage) -> None:
    pieces = [b"%03d" % n * (CHUNK // 3) for n in range(100)]
    slow = Script(stage.hub, *pieces, None)
    client = stage.open(slow)
    other = stage.open(Script(stage.hub, *pieces, None))
    assert everything(other) == b"".join(pieces)
    left = len(slow.pieces)
    assert left > 90, "the rest is not made before it is wanted"
    assert everything(client) == b"".join(pieces)


@pytest.mark.case("H3")
@pytest.mark.parametrize("way", ["close", "shutdown"])
def test_who_goes_is_noticed_at_once(stage: Stage, way: str) -> None:
    source = Script(stage.hub)
    client = stage.open(source)
    if way == "close":
        client.close()
    else:
        client.shutdown(socket.SHUT_WR)
    assert source.closed.wait(PATIENCE)


@pytest.mark.case("H3")
def test_heart_beats(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT", 0.02)
    monkeypatch.setattr(module, "_SWEEP", 0.01)
    client = stage.open(Script(stage.hub))
    assert [client.recv(1) for _ in range(3)] == [b"."] * 3


@pytest.mark.parametrize("words", [b"bye ", None])
def test_whose_rights_end(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, words: bytes | None
) -> None:
    monkeypatch.setattr(module, "BEAT", 0.02)
    monkeypatch.setattr(module, "_SWEEP", 0.01)
    source = Script(stage.hub)
    source.last_words, source.rights = words, False
    client = stage.open(source, chunked=True)
    said = everything(client)
    assert said.rpartition(b".\r\n")[2] == (
        b"" if words is None else b"b\r\nbye revoked\r\n0\r\n\r\n"
    )


@pytest.mark.case("H4")
def test_who_takes_nothing_for_long_is_given_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SWEEP", 0.01)
    monkeypatch.setattr(module, "_PATIENCE", 0.1)
    source = Script(stage.hub, *[b"x" * CHUNK] * 100)
    stage.open(source)
    assert source.closed.wait(PATIENCE)
    assert len(source.pieces) > 90


@pytest.mark.parametrize("error", [OSError("gone"), KeyError("a mistake")])
def test_a_stream_that_breaks_breaks_alone(
    stage: Stage, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    class Broken(Script):
        def next(self) -> bytes | None:
            raise error

    with caplog.at_level(logging.ERROR):
        assert everything(stage.open(Broken(stage.hub))) == b""
    assert bool(caplog.records) is isinstance(error, KeyError), "who goes is no error"
    assert everything(stage.open(Script(stage.hub, b"fine", None))) == b"fine"


def test_the_end_lets_out_what_there_is(stage: Stage) -> None:
    quiet, busy = Script(stage.hub), Script(stage.hub)
    broken_off = Script(stage.hub)
    broken_off.last_words = None
    clients = [stage.open(source, chunked=True) for source in (quiet, busy, broken_off)]
    busy.pieces += [b"all", b"of", b"it", None]
    stage.streams.stop()
    said = [everything(client) for client in clients]
    assert said[0] == b"b\r\nbyeshutdown\r\n0\r\n\r\n"
    assert said[1] == b"3\r\nall\r\n2\r\nof\r\n2\r\nit\r\n0\r\n\r\n"
    assert said[2] == b""


def test_nobody_comes_in_behind_the_end() -> None:
    stage = Stage()
    stage.streams.stop()
    with pytest.raises(ShuttingDown):
        stage.streams.budget.take()
    source = Script(stage.hub)
    ours, theirs = socket.socketpair()
    budget = Budget(1)
    budget.take()
    stage.streams.take(ours, Stream(source, budget), chunked=False)
    assert source.closed.is_set()
    assert budget.open == 0
    assert theirs.recv(1) == b""
    theirs.close()


def test_one_that_was_never_started_can_be_stopped() -> None:
    Streams(Hub(), Budget(1)).stop()


def test_the_budget() -> None:
    budget = Budget(2)
    budget.take()
    budget.take()
    with pytest.raises(TooManyStreams):
        budget.take()
    budget.give_back()
    budget.take()
    assert budget.open == 2
