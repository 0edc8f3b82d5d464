"""The format of event streams, without a server."""

from __future__ import annotations

import json
from itertools import chain, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.client import BadAnswer, DroppedEvent, Event, LogEvent, StatusEvent
from tasky.client import sse as wire
from tasky.client.events import event_of
from tasky.client.sse import Decoder, Frame

STREAM = (
    b"retry: 2000\n\nid: 7-1\n\n: a comment\n:\n\n"
    b'id: 7-2\nevent: log\ndata: {"N": 1,\ndata: "Text": "\xe2\x98\x83"}\n\n'
    b"event: status\r\ndata: {}\r\n\r\n"
    b"data:x\nunknown: y\nid: with\0nul\nretry: soon\n\n"
    b"event: log\ndata: never whole\nid: 7-9\n"
)
FRAMES = [
    Frame("log", '{"N": 1,\n"Text": "\u2603"}', "7-2"),
    Frame("status", "{}", "7-2"),
    Frame("message", "x", "7-2"),
]


@given(st.lists(st.integers(0, len(STREAM))))
def test_pieces_of_any_length(cuts: list[int]) -> None:
    places = sorted({0, *cuts, len(STREAM)})
    decoder = Decoder()
    pieces = [STREAM[start:stop] for start, stop in pairwise(places)]
    frames = [frame for piece in pieces for frame in decoder.feed(piece)]
    assert frames == FRAMES
    assert (decoder.id, decoder.retry) == ("7-2", 2.0)


def test_an_id_alone_is_where_to_go_on() -> None:
    decoder = Decoder("old")
    assert list(decoder.feed(b"id: new\n")) == []
    assert decoder.id == "old"
    assert list(decoder.feed(b"\n")) == []
    assert decoder.id == "new"


def test_an_event_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_LONGEST", 1000)
    for piece in (b"x" * 20, b"data: xxxxxxxxxxxxxx\n"):
        decoder = Decoder()
        with pytest.raises(BadAnswer, match="without an end"):
            list(chain.from_iterable(map(decoder.feed, [piece] * 100)))


def test_events_have_types() -> None:
    event = event_of(Frame("log", '{"N": 5, "Text": "x"}', "5"), "abc")
    assert isinstance(event, LogEvent)
    assert (event.task_id, event.id, event.data["N"]) == ("abc", "5", 5)
    event = event_of(Frame("status", '{"TaskId": "own", "Status": "Queued"}', ""))
    match event:
        case StatusEvent(data):
            assert data["Status"] == "Queued"
    assert event.task_id == "own"
    event = event_of(Frame("dropped", '{"count": 3}', ""))
    assert isinstance(event, DroppedEvent)
    assert event.count == 3
    assert type(event_of(Frame("of tomorrow", "[1]", ""))) is Event
    with pytest.raises(BadAnswer, match="not JSON"):
        event_of(Frame("log", "{", ""))


@given(st.dictionaries(st.text(), st.text()))
def test_every_json_arrives(document: dict[str, str]) -> None:
    data = json.dumps(document, ensure_ascii=False).encode("utf-8", "backslashreplace")
    (frame,) = Decoder().feed(b"event: x\ndata: " + data + b"\n\n")
    assert json.loads(frame.data) == json.loads(data)
