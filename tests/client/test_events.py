"""Watching tasks of a real server: events, and logs that grow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasky.client import (
    ApiError,
    Client,
    Event,
    LogEvent,
    NotFound,
    ProgressEvent,
    ResetEvent,
    ResultEvent,
    StatusEvent,
)
from tests.client.workers import write_workers
from tests.helpers import Server, serving, wait_for


def of(events: list[Event], kind: type[Event]) -> list[Any]:
    return [event.data for event in events if isinstance(event, kind)]


def test_the_life_of_a_task(client: Client) -> None:
    task_id = client.submit("talk", {"stay": False})["TaskId"]
    events = list(client.task_events(task_id))
    assert isinstance(events[0], StatusEvent)
    assert isinstance(events[-1], ResultEvent)
    assert {event.task_id for event in events} == {task_id}
    assert [line["N"] for line in of(events, LogEvent)] == [1, 2, 3, 4]
    assert of(events, LogEvent) == list(client.log(task_id))
    assert of(events, ResultEvent) == [client.result(task_id)]
    (status,) = {one["Status"] for one in of(events, StatusEvent)} - {"Queued", "Running"}
    assert status == "Completed"


def test_of_a_task_that_has_ended(client: Client) -> None:
    task_id = client.submit("fail", wait=60)["TaskId"]
    first, last = client.task_events(task_id, log=False)
    assert (first.name, last.name) == ("status", "result")
    assert last.data["Error"]["code"] == "worker"


def test_other_requests_meanwhile(client: Client) -> None:
    task_id = client.submit("talk")["TaskId"]
    canceled = False
    seen: list[Event] = []
    for event in client.task_events(task_id):
        seen.append(event)
        if isinstance(event, ProgressEvent) and not canceled:
            assert event.data["Percent"] == 42.4
            assert client.cancel(task_id)["Status"] == "Canceling"
            canceled = True
    assert of(seen, ResultEvent)[0]["Status"] == "Canceled"
    assert "Canceling" in [one["Status"] for one in of(seen, StatusEvent)]


def test_there_is_no_such_task(client: Client) -> None:
    with pytest.raises(NotFound):
        client.task_events("0" * 32)


def test_the_events_of_all(client: Client) -> None:
    with client.events(worker="flaky", log=True) as events:
        other = client.submit("nothing", wait=60)["TaskId"]
        task_id = client.submit("flaky")["TaskId"]
        seen = until_result(events)
    assert {event.task_id for event in seen} == {task_id} != {other}
    assert [line["Text"] for line in of(seen, LogEvent)][-1] == "attempt 2"
    assert [one["Status"] for one in of(seen, StatusEvent)][-1] == "Completed"
    assert "Output" not in of(seen, ResultEvent)[0]


def until_result(events: Iterator[Event]) -> list[Event]:
    seen: list[Event] = []
    while not seen or not isinstance(seen[-1], ResultEvent):
        seen.append(next(events))
    return seen


def test_it_goes_on_behind_an_event(client: Client) -> None:
    with client.events(worker="nothing") as events:
        client.submit("nothing", wait=60)
        first = next(events)
    with client.events(worker="nothing", last_event_id=first.id) as events:
        assert isinstance(until_result(events)[-1], ResultEvent)
    with client.events(last_event_id="of-another-server-5") as events:
        assert isinstance(next(events), ResetEvent)


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, ["before", "after"]),
        ({"tail": 1}, ["before", "after"]),
        ({"after": 1}, ["after"]),
        ({"tail": 0}, ["after"]),
        ({"attempt": 1}, ["before", "after"]),
        ({"attempt": 2}, []),
    ],
)
def test_follow(client: Client, tmp_path: Path, options: dict[str, int], shown: list[str]) -> None:
    file = tmp_path / "file"
    task_id = client.submit("waitforfile", {"path": str(file)})["TaskId"]
    wait_for(lambda: list(client.log(task_id)))
    lines = client.follow(task_id, **options)
    seen = [next(lines)["Text"]] if shown[:1] == ["before"] else []
    file.touch()
    seen += [line["Text"] for line in lines]
    assert seen == shown


def test_follow_ends_with_the_attempt(client: Client, tmp_path: Path) -> None:
    (tmp_path / "1").touch()
    task_id = client.submit("fallsandrises", {"folder": str(tmp_path)})["TaskId"]
    first, *_, last = client.follow(task_id, attempt=1)
    assert first["Text"] == "began 1"
    assert last["Text"].startswith("attempt 1 failed")
    assert client.status(task_id)["Status"] in ("Queued", "Running")
    (tmp_path / "2").touch()
    assert [line["Text"] for line in client.follow(task_id, attempt=2)] == ["began 2"]
    assert client.wait(task_id, 60)["Status"] == "Completed"


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_server_that_is_restarted_meanwhile(tmp_path: Path, end: str) -> None:
    """The task begins a second attempt; each line of the log comes once."""
    workers, socket, file = tmp_path / "workers.d", tmp_path / "tasky.sock", tmp_path / "file"
    write_workers(workers)
    definition = workers / "waitforfile.yaml"
    text = definition.read_text().removesuffix("}")
    definition.write_text(f'{text}, "retry": {{"attempts": 2, "on": ["lost"]}}}}')
    told: list[str] = []
    with (
        serving(workers, tmp_path / "state", "--listen", f"unix:{socket}") as own,
        Client(f"unix:{socket}") as client,
    ):
        task_id = client.submit("waitforfile", {"path": str(file)})["TaskId"]
        events = client.task_events(task_id, on_retry=lambda error, _: told.append(error.message))
        seen = [next(event for event in events if isinstance(event, LogEvent))]
        getattr(own, end)()
        file.touch()
        own.start()
        seen += [event for event in events if isinstance(event, LogEvent | ResultEvent)]
        assert isinstance(seen[-1], ResultEvent)
        assert seen[-1].data["Status"] == "Completed"
        assert of(seen, LogEvent) == list(client.log(task_id))
    assert told


def test_the_server_itself(client: Client, server: Server) -> None:
    assert client.ready()["status"] in ("ready", "ok", "degraded")
    assert client.openapi()["openapi"].startswith("3.1")
    assert "tasky_" in client.metrics()
    assert "scopes" in client.whoami()


def test_errors_have_a_class_for_their_status(client: Client) -> None:
    with pytest.raises(NotFound) as caught:
        client.worker("nobody")
    assert isinstance(caught.value, ApiError)
    assert caught.value.status == 404
