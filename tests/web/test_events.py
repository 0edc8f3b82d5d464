"""/tasks/{id}/events and /events, as a plain WSGI server has them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tasky.model.access import Scope
from tasky.web.follow import Tail
from tasky.web.source import Source
from tests.helpers import PATIENCE, wait_for
from tests.streaming import Sent, parse
from tests.web.api import MISSING, Api, call, standard

TALK = """\
echo '{"type":"progress","percent":50,"message":"half"}'
echo one; echo '{"type":"log","level":"info","message":"two","k":1}'; echo three >&2
echo '{"type":"result","output":{"a":1}}'"""
BIG = """\
head -c 300000 /dev/zero | tr '\\0' x; echo; echo end
printf '{"type":"result","output":"'; head -c 200000 /dev/zero | tr '\\0' y; echo '"}'"""


class Live:
    """A stream that is read by a thread: `seen` are its events so far."""

    def __init__(self, api: Api, path: str, **environ: Any) -> None:
        self.seen: list[Sent] = []
        self._body = call(api, "GET", path, **environ).body
        self._given = 0
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        assert self._begun.wait(30)

    def _read(self) -> None:
        rest = ""
        for piece in self._body:
            *blocks, rest = (rest + piece.decode()).split("\n\n")
            self.seen += parse("\n\n".join(blocks))
            self._begun.set()

    def until(self, name: str, **data: Any) -> Sent:
        def there() -> Sent | None:
            for event in self.seen[self._given :]:
                self._given += 1
                if event.name == name and data.items() <= event.data.items():
                    return event
            return None

        found = wait_for(there, f"{name} {data} in {self.seen}")
        assert found is not None
        return found

    def __iter__(self) -> Iterator[Sent]:
        """What is left, when it has ended."""
        self._thread.join(30)
        assert not self._thread.is_alive()
        return iter(self.seen[self._given :])


class Streams:
    """Opens streams; at the end, nobody may read any more."""

    def __init__(self, api: Api) -> None:
        self.revoked = threading.Event()
        self._api = api
        self._open: list[Live] = []

    def __call__(self, path: str, **environ: Any) -> Live:
        live = Live(self._api, path, **environ)
        self._open.append(live)
        return live

    def close(self) -> None:
        self.revoked.set()
        for live in self._open:
            list(live)


@pytest.fixture
def open_streams(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Streams]:
    streams = Streams(api)
    monkeypatch.setattr("tasky.web.source.BEAT", 0.05)
    monkeypatch.setattr("tasky.web.events.validity", lambda _: lambda: not streams.revoked.is_set())
    yield streams
    streams.close()


@pytest.fixture(scope="module")
def talked(shared: Api) -> str:
    """A task that has ended."""
    shared.add("talk", TALK)
    shared.reload()
    return shared.run("talk")


def events(api: Api, path: str, **headers: str) -> list[Sent]:
    answer = api.get(path, **headers)
    assert answer.status_int == 200
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.text.startswith("retry: 2000\n")
    return parse(answer.text)


def test_how_far_the_log_goes_instead_of_its_lines(shared: Api, talked: str) -> None:
    status, progress, lines, result = events(shared, f"/tasks/{talked}/events?lines=true")
    assert [event.name for event in (status, progress, result)] == ["status", "progress", "result"]
    assert (lines.name, lines.data) == ("lines", {"TaskId": talked, "Last": 3, "Lines": "1-3"})


def test_how_far_the_log_goes_while_it_grows(
    api: Api, open_streams: Streams, tmp_path: Path
) -> None:
    """At a pace, but what comes last before a pause is told, too."""
    os.mkfifo(tmp_path / "say")
    api.add("says", f"echo ready; exec cat {tmp_path}/say", protocol="text")
    api.reload()
    task_id = api.submit("says")
    stream = open_streams(f"/tasky/v1/tasks/{task_id}/events", QUERY_STRING="lines=true")
    with (tmp_path / "say").open("w", buffering=1) as say:
        assert stream.until("lines", Last=1).data["Lines"] == "1-1"
        for _ in range(300):
            say.write("more\n")
        stream.until("lines", Last=301)
        say.write("last\n")
        stream.until("lines", Last=302)
    stream.until("result")
    assert [event for event in stream.seen if event.name == "log"] == []


def test_of_a_task_that_has_ended(shared: Api, talked: str) -> None:
    first, progress, *lines, last = events(shared, f"/tasks/{talked}/events")
    status = shared.get(f"/tasks/{talked}/status").json
    assert first == Sent("status", "", status)
    assert progress.name == "progress"
    assert progress.data == {"TaskId": talked, "Percent": 50, "Message": "half"}
    whole = shared.get(f"/tasks/{talked}/log", accept="application/jsonl").text.splitlines()
    assert [line.data["N"] for line in lines] == [1, 2, 3] == [int(line.id) for line in lines]
    assert {line.name for line in lines} == {"log"}
    assert len(whole) == 3
    assert last == Sent("result", "", shared.get(f"/tasks/{talked}/result").json)


@pytest.mark.parametrize(
    ("query", "headers", "numbers"),
    [
        ("?after=2", {}, [3]),
        ("", {"last_event_id": "1"}, [2, 3]),
        ("?after=2", {"last_event_id": "1"}, [2, 3]),
        ("?after=99", {}, []),
        ("", {"last_event_id": "rubbish"}, [1, 2, 3]),
        ("?log=false", {}, []),
        ("?log=0", {"last_event_id": "1"}, []),
    ],
)
def test_where_the_log_goes_on(
    shared: Api, talked: str, query: str, headers: dict[str, str], numbers: list[int]
) -> None:
    found = events(shared, f"/tasks/{talked}/events{query}", **headers)
    assert [event.data["N"] for event in found if event.name == "log"] == numbers
    assert found[-1].name == "result"


def test_of_a_task_while_it_runs(api: Api, open_streams: Streams) -> None:
    task_id = api.submit("hold")
    stream = open_streams(f"/tasky/v1/tasks/{task_id}/events")
    assert stream.until("log").data["Text"] == "ready"
    api.post(f"/tasks/{task_id}/pause")
    assert stream.until("status").data["Status"] == "Paused"
    api.post(f"/tasks/{task_id}/resume")
    assert stream.until("status").data["Status"] == "Running"
    api.post(f"/tasks/{task_id}/cancel?grace=0s")
    assert stream.until("result").data == {"TaskId": task_id, "Status": "Canceled"}
    assert list(stream) == []
    assert [event.data["Status"] for event in stream.seen if event.name == "status"][-2:] == [
        "Canceling",
        "Canceled",
    ]


def test_lines_that_come_between_the_looks_at_news_and_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins, and writes, after a stream has looked for news and before it looks at the log."""
    api = standard(tmp_path).serve(max_tasks=1)
    with ExitStack() as stack:
        stack.callback(api.stop)
        first, second = api.submit("hold"), api.submit("hold")
        read = Tail.next

        def begin_and_read(tail: Tail, source: Source) -> bytes:
            if api.get(f"/tasks/{second}/status").json["Status"] == "Queued":
                api.post(f"/tasks/{first}/cancel?grace=0s")
                wait_for(lambda: "ready" in api.get(f"/tasks/{second}/log").text)
            return read(tail, source)

        monkeypatch.setattr(Tail, "next", begin_and_read)
        stream = Live(api, f"/tasky/v1/tasks/{second}/events")
        assert stream.until("log").data["Text"] == "ready"
        api.post(f"/tasks/{second}/cancel?grace=0s")
        stream.until("result")
        assert list(stream) == []
    told = [event.data.get("Status", event.name) for event in stream.seen]
    assert told[:3] == ["Queued", "Running", "log"]


def test_what_was_not_told_yet_when_it_ended(
    api: Api, open_streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is canceled, and ends, while a stream reads the log."""
    task_id = api.submit("hold")
    read = Tail.next

    def read_and_cancel(tail: Tail, source: Source) -> bytes:
        lines = read(tail, source)
        if b"ready" in lines:
            api.post(f"/tasks/{task_id}/cancel?grace=0s")
            wait_for(lambda: api.get(f"/tasks/{task_id}/status").json["Status"] == "Canceled")
        return lines

    monkeypatch.setattr(Tail, "next", read_and_cancel)
    stream = open_streams(f"/tasky/v1/tasks/{task_id}/events")
    stream.until("result")
    told = [event.data["Status"] for event in stream.seen if event.name == "status"]
    assert told[-3:] == ["Running", "Canceling", "Canceled"]


def test_a_big_result_and_long_lines_are_whole(api: Api) -> None:
    """Longer than a piece of a stream."""
    api.add("big", BIG)
    api.reload()
    task_id = api.run("big")
    *_, line, end, result = events(api, f"/tasks/{task_id}/events")
    assert line.data["Text"] == "x" * 300_000
    assert end.data["Text"] == "end"
    assert result.data["Output"] == "y" * 200_000
    text = api.get(f"/tasks/{task_id}/log?follow=1").text
    assert text == "x" * 300_000 + "\nend\n"


def test_of_all_tasks(api: Api, open_streams: Streams) -> None:
    stream = open_streams("/tasky/v1/events")
    other = open_streams("/tasky/v1/events", QUERY_STRING="worker=fail&status=Failed")
    api.run("echo", {"text": "a"})
    failed = api.run("fail")
    summary = stream.until("result", TaskId=failed).data
    assert summary["Worker"] == "fail"
    assert summary["Error"]["code"] == "exit"
    assert "Output" not in summary
    numbers = [int(event.id.partition("-")[2]) for event in stream.seen]
    assert numbers == list(range(1, len(numbers) + 1))
    other.until("result")
    assert [(event.name, event.data["Status"]) for event in other.seen] == [
        ("status", "Failed"),
        ("result", "Failed"),
    ]
    assert {event.data["Worker"] for event in other.seen} == {"fail"}
    again = open_streams("/tasky/v1/events", HTTP_LAST_EVENT_ID=stream.seen[2].id)
    again.until("result", TaskId=failed)
    assert again.seen == stream.seen[3:]


def test_what_happens_before_it_is_read_is_in_it(api: Api) -> None:
    """The head of an answer may be a while ahead of the rest."""
    body = iter(call(api, "GET", "/tasky/v1/events").body)
    task_id = api.run("fail")
    text = "".join(next(body).decode() for _ in range(2))
    assert parse(text)[-1].data["TaskId"] == task_id
    body.close()  # type: ignore[attr-defined]


def test_of_all_tasks_with_their_logs(api: Api, open_streams: Streams) -> None:
    api.add("count", "for i in 1 2 3; do echo $i; done")
    api.reload()
    stream = open_streams("/tasky/v1/events", QUERY_STRING="log=1&worker=count")
    api.run("fail")
    task_id = api.run("count")
    stream.until("result")
    lines = [event for event in stream.seen if event.name == "log"]
    assert [line.data["Text"] for line in lines] == ["1", "2", "3"]
    assert {line.data["TaskId"] for line in lines} == {task_id}
    assert lines[-1].id


def test_an_id_of_another_server_starts_anew(api: Api, open_streams: Streams) -> None:
    stream = open_streams("/tasky/v1/events", HTTP_LAST_EVENT_ID="other-7")
    reset = stream.until("reset")
    assert reset.data == {}
    assert reset.id == api.hub.id_of(0)
    api.run("echo", {"text": "a"})
    stream.until("result")


@pytest.mark.parametrize("path", [f"/tasks/{MISSING}/events", "/tasks/x/events"])
def test_of_no_task(shared: Api, path: str) -> None:
    assert shared.get(path).status_int == 404


@pytest.mark.parametrize("path", ["/events", "/tasks/{id}/events", "/tasks/{id}/log?follow=1"])
def test_head_is_answered_without_a_stream(shared: Api, talked: str, path: str) -> None:
    route = path.format(id=talked)
    answer = shared.ask("HEAD", route)
    assert (answer.status_int, answer.body) == (200, b"")


@pytest.mark.parametrize("query", ["after=-1", "log=maybe", "follow=1", "status=Running"])
def test_wrong_options(shared: Api, talked: str, query: str) -> None:
    assert shared.get(f"/tasks/{talked}/events?{query}").status_int == 422


def test_whose_rights_end_is_told(api: Api, open_streams: Streams) -> None:
    stream = open_streams("/tasky/v1/events")
    open_streams.revoked.set()
    assert list(stream) == [Sent("bye", "", {"Reason": "revoked"})]


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setattr("tasky.web.source.BEAT", 0.05)
    api = standard(tmp_path).serve(auth=True)
    yield api
    api.stop()


def test_one_sees_what_one_may_as_long_as_one_may(guarded: Api) -> None:
    assert guarded.access is not None
    tokens = guarded.access.tokens
    scopes = {"all": "read", "fails": "read:fail", "own": "run:echo", "other": "run:echo"}
    headers = {
        name: f"Bearer {tokens.create(name, (Scope.parse(scope),), None)[0]}"
        for name, scope in scopes.items()
    }
    ours = f"Bearer {tokens.create('ours', (Scope.parse('admin'),), None)[0]}"
    streams = {
        name: Live(guarded, "/tasky/v1/events", HTTP_AUTHORIZATION=header)
        for name, header in headers.items()
    }
    wait = f"?wait={PATIENCE:.0f}s"
    echoed = guarded.post(f"/workers/echo{wait}", {"text": "a"}, AUTHORIZATION=headers["own"]).json[
        "TaskId"
    ]
    failed = guarded.post(f"/workers/fail{wait}", {}, AUTHORIZATION=ours).json["TaskId"]
    last = guarded.post("/workers/hold", {}, AUTHORIZATION=ours).json["TaskId"]
    streams["all"].until("status", TaskId=last)
    for name in headers:
        tokens.revoke(name)
    seen = {
        name: [
            event.data["TaskId"] for event in (list(live), live.seen)[1] if event.name == "result"
        ]
        for name, live in streams.items()
    }
    assert seen == {"all": [echoed, failed], "fails": [failed], "own": [echoed], "other": []}
    bye = Sent("bye", "", {"Reason": "revoked"})
    assert [live.seen[-1] for live in streams.values()] == [bye] * 4
