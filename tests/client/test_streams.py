"""What becomes of a stream of events when the connection breaks. The server is a stand-in."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tasky.client import (
    Client,
    ClientError,
    ConnectionLost,
    NoAnswer,
    NoServer,
    NotFound,
    ResultEvent,
    StatusEvent,
    Unauthorized,
    Unavailable,
)
from tests.client.stand_in import Play, StandIn, answer, playing

ID = "0199f0c5a1b27c3d8e4f5a6b7c8d9e0f"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
RETRY = "retry: 1\n\n"


def event(name: str, document: Any, id_: str = "") -> str:
    head = f"id: {id_}\n" if id_ else ""
    return f"{head}event: {name}\ndata: {json.dumps(document)}\n\n"


def log(number: int) -> str:
    return event("log", {"N": number, "Stream": "stdout", "Text": f"line {number}"}, str(number))


STATUS = event("status", {"TaskId": ID, "Status": "Running"})
RESULT = event("result", {"TaskId": ID, "Status": "Completed", "Output": 5})
BUSY = answer('{"detail":"no stream is left"}', "503 Busy\r\nRetry-After: 0", close=True)


def stream(*texts: str, ends: bool = True) -> Play:
    """A connection that breaks behind them, or is ended in good order."""
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(data), data) for data in (text.encode() for text in texts)
    )
    return Play(HEAD + chunks + (b"0\r\n\r\n" if ends else b""), close=True)


def asked(server: StandIn, place: int) -> tuple[str, str]:
    """The target of a request, and what it has as Last-Event-ID."""
    request = server.requests[place].decode()
    last = re.search(r"Last-Event-ID: (\S+)", request)
    return request.split()[1], last[1] if last else ""


@pytest.mark.parametrize("ends", [True, False])
def test_it_goes_on_behind_the_last_line(ends: bool) -> None:
    plays = (
        stream(RETRY, STATUS, log(1), log(2), ends=ends),
        stream(STATUS, log(3), "event: log\nid: 4\ndata: {", ends=ends),
        stream(STATUS, log(4), RESULT),
    )
    told: list[str] = []
    with playing(*plays) as server, Client(server.url) as client:
        watched = client.task_events(ID, on_retry=lambda error, _: told.append(error.message))
        events = list(watched)
        names = [one.name for one in events]
        assert names == ["status", "log", "log", "status", "log", "status", "log", "result"]
        assert [one.data["N"] for one in events if one.name == "log"] == [1, 2, 3, 4]
        assert [asked(server, place)[1] for place in range(3)] == ["", "2", "3"]
    assert len(told) == 2
    assert events[-1].task_id == ID


def test_what_is_asked_for() -> None:
    plays = (stream(RETRY, RESULT), stream(RETRY, log(8), RESULT))
    with playing(*plays) as server, Client(server.url) as client:
        list(client.task_events(ID, log=False))
        assert [line["N"] for line in client.follow(ID, after=7)] == [8]
        assert asked(server, 0)[0] == f"/tasky/v1/tasks/{ID}/events?log=false"
        assert asked(server, 1)[0] == f"/tasky/v1/tasks/{ID}/events?log=true&after=7"
        assert b"\r\nAccept: text/event-stream\r\n" in server.requests[0]


def test_the_events_of_all_go_on_behind_an_id_that_came_alone() -> None:
    plays = (stream(RETRY, "id: 9-5\n\n"), stream(RESULT, ends=False))
    with playing(*plays) as server, Client(server.url) as client:
        options: dict[str, Any] = {"worker": "x y", "status": ["Queued", "Failed"], "log": True}
        with client.events(last_event_id="9-1", **options) as events:
            assert isinstance(next(events), ResultEvent)
        path = "/tasky/v1/events?worker=x+y&status=Queued&status=Failed&log=true"
        assert [asked(server, place) for place in range(2)] == [(path, "9-1"), (path, "9-5")]


def test_it_is_connected_at_once() -> None:
    with playing(stream(RETRY, STATUS, ends=False)) as server, Client(server.url) as client:
        events = client.task_events(ID)
        assert len(server.requests) == 1
        assert isinstance(next(events), StatusEvent)
        events.close()
        assert list(events) == []


def test_what_passes_is_tried_again_and_what_does_not_is_raised() -> None:
    gone = answer('{"detail":"gone"}', "404 Not Found", close=True)
    plays = (stream(RETRY, STATUS), BUSY, answer("", "502 Bad", close=True), stream(STATUS), gone)
    with playing(*plays) as server, Client(server.url) as client:
        events = client.task_events(ID)
        assert [next(events).name for _ in range(2)] == ["status", "status"]
        with pytest.raises(NotFound, match="gone"):
            next(events)


def test_a_token_that_is_revoked_meanwhile() -> None:
    farewell = event("bye", {"Reason": "revoked"})
    plays = (
        stream(RETRY, STATUS, farewell),
        answer('{"detail":"no"}', "401 Unauthorized", close=True),
    )
    told: list[ClientError] = []
    with playing(*plays) as server, Client(server.url, token="tsk_x") as client:
        events = client.task_events(ID, on_retry=lambda error, _: told.append(error))
        assert next(events).name == "status"
        with pytest.raises(Unauthorized):
            next(events)
        assert all(b"\r\nAuthorization: Bearer tsk_x\r\n" in one for one in server.requests)
    assert [error.message for error in told] == ["the server has ended the stream: revoked"]


def test_the_first_connection_has_to_succeed() -> None:
    with playing(BUSY) as server, Client(server.url) as client:
        with pytest.raises(Unavailable) as caught:
            client.events()
        assert caught.value.retry_after == 0
    with Client(server.url) as client, pytest.raises(NoServer):
        client.events()


def test_a_server_that_stays_away() -> None:
    with playing(stream(RETRY, STATUS, ends=False)) as server, Client(server.url) as client:
        events = client.task_events(ID, patience=0.01)
        next(events)
        with pytest.raises((NoServer, ConnectionLost)):
            next(events)


def test_pauses_grow_and_what_arrives_makes_them_short_again() -> None:
    plays = (stream("retry: 4\n\n"), BUSY, BUSY, stream(STATUS), stream(RESULT))
    pauses: list[float] = []
    with playing(*plays) as server, Client(server.url) as client:
        list(client.task_events(ID, on_retry=lambda _, pause: pauses.append(pause)))
    first, *busy, last = pauses
    assert 0.002 <= first <= 0.004
    assert busy == [0, 0], "as Retry-After says"
    assert 0.002 <= last <= 0.004


def test_a_server_that_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a heart-beat: without one the connection is taken for dead."""
    monkeypatch.setattr("tasky.client.reconnect._SILENCE", 0.2)
    silent = Play(stream(RETRY, STATUS, ends=False).data)
    with playing(silent) as server, Client(server.url, timeout=0.1) as client:
        events = client.task_events(ID, patience=0)
        assert next(events).name == "status"
        with pytest.raises(NoAnswer, match=r"within 0\.2 s"):
            next(events)


def test_the_pause_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda _least, most: most)
    plays = (stream("retry: 1\n\n"), *[answer("", "504 Late", close=True)] * 3, stream(RESULT))
    pauses: list[float] = []
    with playing(*plays) as server, Client(server.url) as client:
        list(client.task_events(ID, on_retry=lambda _, pause: pauses.append(pause)))
    assert pauses == [0.001, 0.002, 0.004, 0.008]


def test_a_stream_that_is_forgotten_is_closed() -> None:
    """tests/order.py would find the connection."""
    plays = (stream(RETRY, STATUS, ends=False), stream(RETRY, STATUS, log(1), log(2), ends=False))
    with playing(*plays) as server, Client(server.url) as client:
        client.task_events(ID)
        for event in client.task_events(ID):
            if event.name == "log":
                break
