"""The client's verbs, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tasky.client import ApiError, Client, TaskDocument
from tests.helpers import Server, serving, wait_for


def started(client: Client, worker: str = "talk", **params: Any) -> str:
    """A task that runs and has told its progress."""
    task_id = client.submit(worker, params)["TaskId"]
    wait_for(lambda: client.status(task_id).get("Progress"))
    return task_id


@contextmanager
def refused(status: int) -> Iterator[pytest.ExceptionInfo[ApiError]]:
    with pytest.raises(ApiError) as caught:
        yield caught
    assert caught.value.status == status


def ended(client: Client, worker: str, params: dict[str, Any] | None = None) -> str:
    return client.submit(worker, params, wait=60)["TaskId"]


def ids(tasks: Iterator[TaskDocument]) -> list[str]:
    return [task["TaskId"] for task in tasks]


def test_workers(client: Client) -> None:
    found = {worker["name"]: worker for worker in client.workers()}
    assert found["echo"]["description"] == "Gives back what it gets."
    assert list(found) == sorted(found)
    echo = client.worker("echo")
    assert echo["schema"]["properties"]["count"] == {"type": "integer", "default": 1}
    with refused(404) as caught:
        client.worker("ecko/../x y")
    assert caught.value.title == "Not Found"


def test_enable_and_disable(client: Client) -> None:
    assert client.disable("switch")["status"] == "Disabled"
    with refused(409):
        client.submit("switch")
    assert client.enable("switch")["status"] == "Enabled"
    assert client.submit("switch", wait=60)["Status"] == "Completed"


def test_a_submission_with_wait_gives_the_result(client: Client) -> None:
    found = client.submit("echo", {"text": "hällo ☃", "count": 2}, wait=60)
    assert found["Status"] == "Completed"
    assert found["Output"]["text"] == "hällo ☃"
    assert found["Output"]["count"] == 2


def test_a_wait_that_is_too_short_gives_the_status(client: Client) -> None:
    found = client.submit("talk", wait=0.05)
    assert found["Status"] in ("Queued", "Running")
    client.cancel(found["TaskId"])


def test_a_wait_beyond_what_the_server_holds_goes_on(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasky.client.client._HOLD", 0.0)
    params = {"path": str(tmp_path / "file")}
    (tmp_path / "file").touch()
    assert client.submit("waitforfile", params, wait=60)["Status"] == "Completed"


def test_options_of_a_submission(client: Client) -> None:
    at = datetime.now(UTC) + timedelta(days=1)
    task_id = client.submit(
        "echo", {"text": "x"}, timeout=90.5, priority=-3, labels=[("a", "b:c"), ("d", "")], at=at
    )["TaskId"]
    task = client.task(task_id)
    assert task["Status"] == "Queued"
    assert task["Timeout"] == "1m30.5s"
    assert task["Priority"] == -3
    assert task["Labels"] == {"a": "b:c", "d": ""}
    assert datetime.fromisoformat(task["NotBefore"]) == at
    assert client.cancel(task_id)["Status"] == "Canceled"


def test_every_violation_is_told(client: Client) -> None:
    with refused(422) as caught:
        client.submit("echo", {"text": 5, "count": "x"})
    assert sorted(error.pointer for error in caught.value.errors) == ["/count", "/text"]
    with refused(422) as caught:
        client.submit("echo", {"text": "x"}, priority=99)
    assert [error.parameter for error in caught.value.errors] == ["priority"]


def test_the_same_key_gives_the_same_task(client: Client) -> None:
    first = client.submit("nothing", idempotency_key="the same")
    assert client.submit("nothing", idempotency_key="the same") == first
    assert client.submit("nothing") != first


def test_a_body_that_is_too_large_is_refused_and_not_a_lost_connection(client: Client) -> None:
    with refused(413):
        client.submit("echo", {"text": "x" * (8 << 20)})
    assert client.submit("nothing", wait=60)["Status"] == "Completed"


def test_pages_are_fetched_as_they_are_needed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasky.client.client._PAGE", 2)
    label = [("test", "pages")]
    made = [client.submit("nothing", labels=label)["TaskId"] for _ in range(5)]
    newest = made[::-1]
    assert ids(client.tasks(labels=label)) == newest
    assert ids(client.tasks(labels=label, limit=3)) == newest[:3]
    assert ids(client.tasks(labels=label, limit=0)) == []
    assert next(client.tasks(labels=label))["TaskId"] == newest[0]


def test_filters_of_the_list(client: Client) -> None:
    label = [("test", "filters")]
    completed = client.submit("nothing", labels=label, wait=60)["TaskId"]
    failed = client.submit("fail", labels=label, wait=60)["TaskId"]
    assert ids(client.tasks(labels=label, status=["Failed"])) == [failed]
    assert ids(client.tasks(labels=label, status=["Failed", "Completed"])) == [failed, completed]
    assert ids(client.tasks(labels=label, worker="nothing")) == [completed]
    assert ids(client.tasks(labels=[*label, ("other", "x")])) == []


def test_the_life_of_a_task(client: Client) -> None:
    task_id = started(client)
    assert client.status(task_id)["Progress"]["Percent"] == 42.4
    with refused(409) as caught:
        client.result(task_id)
    assert caught.value.document["Status"] == "Running"
    with refused(409):
        client.delete(task_id)
    assert client.pause(task_id)["Status"] == "Paused"
    assert client.resume(task_id)["Status"] == "Running"
    assert client.cancel(task_id, grace=0)["Status"] == "Canceling"
    seen: list[str] = []
    status = client.wait(task_id, on_status=lambda one: seen.append(one["Status"]))
    assert status["Status"] == "Canceled" == seen[-1]
    assert client.result(task_id)["Status"] == "Canceled"
    client.delete(task_id)
    with refused(404):
        client.task(task_id)


def test_a_failed_task(client: Client) -> None:
    found = client.submit("fail", wait=60)
    assert found["Status"] == "Failed"
    assert found["Error"]["code"] == "worker"
    assert found["Output"] == "as far as it came"


def test_restart(client: Client) -> None:
    first = ended(client, "echo", {"text": "again"})
    second = client.restart(first)["TaskId"]
    assert second != first
    assert client.wait(second)["Status"] == "Completed"
    assert client.task(second)["RestartOf"] == first
    assert client.restart(first, idempotency_key="k") == client.restart(first, idempotency_key="k")


def test_log(client: Client) -> None:
    task_id = ended(client, "talk", {"stay": False})
    lines = list(client.log(task_id))
    assert [line["N"] for line in lines] == [1, 2, 3, 4]
    by_stream = {line["Stream"]: line for line in lines}
    assert by_stream["stderr"]["Text"] == "to stderr"
    assert by_stream["log"]["Level"] == "warning"
    assert by_stream["log"]["Fields"] == {"degrees": 80}
    assert [line["N"] for line in client.log(task_id, tail=2)] == [3, 4]
    assert [line["N"] for line in client.log(task_id, after=3)] == [4]
    text = b"".join(client.log_text(task_id))
    assert b"plain \x1b[31mred\x1b[0m\n" in text
    assert b"last words\n" in text
    with refused(404):
        list(client.log("0" * 32))


def test_a_long_log_comes_whole(client: Client) -> None:
    task_id = ended(client, "print", {"lines": 100_000})
    assert b"".join(client.log_text(task_id)) == b"line\n" * 100_000
    assert [line["N"] for line in client.log(task_id)] == list(range(1, 100_001))


def test_files(client: Client) -> None:
    task_id = ended(client, "leave")
    assert [(file["Path"], file["Size"]) for file in client.files(task_id)] == [
        ("sub/data.csv", 8),
        ("empty", 0),
    ]
    assert b"".join(client.file(task_id, "sub/data.csv")) == b"a,b\n1,2\n"
    assert b"".join(client.file(task_id, "empty")) == b""
    with refused(404):
        list(client.file(task_id, "../../tasky.db"))


def test_a_server_that_was_restarted_meanwhile(
    client: Client, tmp_path: Path, server: Server
) -> None:
    socket = tmp_path / "tasky.sock"
    with (
        serving(server.workers, tmp_path / "state", "--listen", f"unix:{socket}") as own,
        Client(f"unix:{socket}") as own_client,
    ):
        task_id = ended(own_client, "nothing")
        own.stop()
        own.start()
        assert own_client.status(task_id)["Status"] == "Completed"
