"""Webhooks of a real server: over a kill, a stop and a restart; what it says of them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tasky.model.delivery import read_keys
from tests.helpers import PATIENCE, Server, wait_for, write_worker
from tests.receiver import SECRET, Receiver, first, receiving, status

ALLOWED = {"TASKY_WEBHOOKS_ALLOWED_HOSTS": "127.0.0.1"}
PASSWORD = "correct horse battery staple"


@pytest.fixture
def workers(tmp_path: Path) -> Path:
    workers = tmp_path / "workers.d"
    write_worker(workers, "quick", "print('done')", protocol="text")
    write_worker(workers, "bad", "raise SystemExit('no good')", protocol="text")
    write_worker(workers, "hold", "import time\ntime.sleep(600)", protocol="text")
    return workers


@pytest.fixture
def serve(tmp_path: Path, workers: Path) -> Iterator[Callable[..., Server]]:
    with ExitStack() as opened:

        def serve(**environ: str) -> Server:
            server = Server(workers, tmp_path / "state", **{**ALLOWED, **environ})
            opened.callback(server.close)
            return server

        yield serve


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def notifications(server: Server, task_id: str) -> list[Any]:
    found: list[Any] = server.get(f"/tasks/{task_id}").get("Notifications", [])
    return found


def settled(server: Server, task_id: str) -> list[Any]:
    def done() -> list[Any]:
        found = notifications(server, task_id)
        return found if all(one["Status"] != "Pending" for one in found) else []

    return wait_for(done, f"the notifications of {task_id} are settled")


def test_each_end_is_told_to_those_who_ask(
    serve: Callable[..., Server], receiver: Receiver, workers: Path
) -> None:
    """The operator's hook of the definition, and the client's of the submission."""
    hook = {"url": f"{receiver.url}/operator?key=hush", "on": ["failed", "canceled"]}
    write_worker(workers, "hold", "import time\ntime.sleep(600)", protocol="text", notify=[hook])
    write_worker(workers, "bad", "raise SystemExit('no good')", protocol="text", notify=[hook])
    server = serve()
    query = f"?notify={receiver.url}/client&notify=completed:{receiver.url}/good"
    good, bad = server.submit("quick", query=query), server.submit("bad", query=query)
    canceled = server.submit("hold", query=query)
    server.await_status(canceled, "Running")
    server.request("POST", f"/tasks/{canceled}/cancel")

    got = {(one.json["type"], one.path): one for one in (receiver.next() for _ in range(6))}
    assert set(got) == {
        ("task.completed", "/client"),
        ("task.completed", "/good"),
        ("task.failed", "/operator?key=hush"),
        ("task.failed", "/client"),
        ("task.canceled", "/operator?key=hush"),
        ("task.canceled", "/client"),
    }
    (key,) = read_keys((server.state / "webhooks.secret").read_text())
    assert all(one.is_signed_with(key) for one in got.values())
    assert got["task.completed", "/good"].json["data"]["Output"] == {"string_output": "done"}
    assert got["task.failed", "/client"].json["data"]["Error"]["code"] == "exit"

    delivered = {"Status": "Delivered", "Attempts": 1, "LastStatus": 204}
    assert settled(server, good) == [
        {"Url": f"{receiver.url}/client", "Event": "completed", **delivered},
        {"Url": f"{receiver.url}/good", "Event": "completed", **delivered},
    ]
    assert settled(server, bad) == [
        {"Url": f"{receiver.url}/operator?...", "Event": "failed", **delivered},
        {"Url": f"{receiver.url}/client", "Event": "failed", **delivered},
    ]
    assert "hush" not in server.logged
    again = server.request("POST", f"/tasks/{bad}/restart").json["TaskId"]
    paths = {receiver.next().path for _ in range(2)}
    assert paths == {"/client", "/operator?key=hush"}
    settled(server, again)
    assert receiver.got.empty()


def test_a_task_that_is_canceled_in_the_queue_is_told_of(
    serve: Callable[..., Server], receiver: Receiver
) -> None:
    server = serve()
    later = server.submit("quick", query=f"?at=2100-01-01T00:00:00Z&notify={receiver.url}")
    assert notifications(server, later) == []
    server.request("POST", f"/tasks/{later}/cancel")
    assert receiver.next().json["data"]["TaskId"] == later


def test_secrets_are_masked_in_what_is_sent(
    serve: Callable[..., Server], receiver: Receiver, workers: Path
) -> None:
    script = """
        import json, sys
        password = json.loads(input())["params"]["password"]
        print(json.dumps({"type": "result", "output": {"was": password}}))
        print(json.dumps({"type": "error", "message": "not " + password}))
    """
    params = {"password": {"type": "string", "secret": True}}
    write_worker(workers, "secretive", script, params=params)
    server = serve()
    server.submit("secretive", {"password": PASSWORD}, f"?notify={receiver.url}")
    got = receiver.next()
    assert got.json["data"]["Output"] == {"was": "******"}
    assert got.json["data"]["Error"]["message"] == "not ******"
    assert PASSWORD not in got.body.decode()
    assert "Params" not in got.json["data"]


def test_what_is_big_is_left_out(
    serve: Callable[..., Server], receiver: Receiver, workers: Path
) -> None:
    script = """
        import json
        print(json.dumps({"type": "result", "output": "x" * 70000}))
        print(json.dumps({"type": "error", "message": "y" * 70000, "details": "z" * 70000}))
    """
    write_worker(workers, "big", script)
    server = serve()
    server.submit("big", query=f"?notify={receiver.url}")
    got = receiver.next()
    data = got.json["data"]
    assert "Output" not in data
    assert data["OutputSize"] == 70002
    assert len(got.body) < 3000
    assert data["Error"]["code"] == "worker"


def test_a_kill_while_it_is_sent_has_it_sent_again(
    serve: Callable[..., Server], receiver: Receiver
) -> None:
    """At least once, and by the id the receiver knows that it is the same."""
    receiver.answer = first(lambda *_: receiver.over.wait(PATIENCE) and None, status(200))
    server = serve()
    task_id = server.submit("quick", query=f"?notify={receiver.url}")
    before = receiver.next()
    server.kill()
    server.start()
    after = receiver.next()
    assert (after.id, after.body) == (before.id, before.body)
    keys = read_keys((server.state / "webhooks.secret").read_text())
    assert before.is_signed_with(keys[0])
    assert after.is_signed_with(keys[0])
    assert settled(server, task_id)[0]["Status"] == "Delivered"


def test_a_dead_receiver_is_tried_again_over_a_kill_and_a_stop(
    serve: Callable[..., Server],
) -> None:
    with receiving() as gone:
        pass
    server = serve()
    task_id = server.submit("quick", query=f"?notify={gone.url}")
    one = tried(server, task_id, 1)
    assert (one["Status"], one["LastError"]) == ("Pending", "connection refused")
    assert one["NextAt"] > server.get(f"/tasks/{task_id}")["Finished"]
    for number, down in enumerate((server.kill, server.stop), 2):
        down()
        time_passes(server.state)
        server.start()
        tried(server, task_id, number)
    server.kill()
    time_passes(server.state)
    with receiving(port=gone.port) as back:
        server.start()
        assert back.next().json["data"]["TaskId"] == task_id
        (one,) = settled(server, task_id)
    assert (one["Status"], one["Attempts"]) == ("Delivered", 4)
    assert "LastError" not in one


def tried(server: Server, task_id: str, times: int) -> Any:
    """The task's notification, once there were so many attempts."""

    def found() -> Any:
        return [one for one in notifications(server, task_id) if one["Attempts"] == times]

    return wait_for(found, f"it was tried {times} times")[0]


def time_passes(state: Path) -> None:
    """Until what is pending is due."""
    with closing(sqlite3.connect(state / "tasky.db")) as database:
        database.execute("UPDATE notifications SET next_at = 0 WHERE next_at IS NOT NULL")
        database.commit()


def test_a_task_that_a_killed_server_ran_is_told_of(
    serve: Callable[..., Server], receiver: Receiver
) -> None:
    server = serve()
    task_id = server.submit("hold", query=f"?notify={receiver.url}")
    server.await_status(task_id, "Running")
    server.kill()
    server.start()
    got = receiver.next()
    assert got.json["data"]["Error"]["code"] == "lost"
    assert got.json["data"]["TaskId"] == task_id


def test_a_stop_does_not_wait_for_a_receiver(
    serve: Callable[..., Server], receiver: Receiver
) -> None:
    receiver.answer = lambda *_: receiver.over.wait(PATIENCE) and None
    server = serve()
    server.submit("quick", query=f"?notify={receiver.url}")
    receiver.next()
    assert server.stop() == 0
    assert not receiver.over.is_set()


def test_no_start_with_a_secret_that_is_not_one(tmp_path: Path, workers: Path) -> None:
    secret = tmp_path / "my.secret"
    secret.write_text(SECRET)
    secret.chmod(0o644)
    with pytest.raises(AssertionError, match=r"webhooks\.secret_file: .* chmod 600"):
        Server(workers, tmp_path / "state", TASKY_WEBHOOKS_SECRET_FILE=str(secret))


def test_the_command_line(serve: Callable[..., Server], receiver: Receiver) -> None:
    server = serve()

    def tasky(*arguments: str) -> str:
        argv = [sys.executable, "-m", "tasky", "--url", server.url, *arguments]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    task_id = tasky("run", "quick", "--notify", f"completed:{receiver.url}/cli").strip()
    assert receiver.next().path == "/cli"
    settled(server, task_id)
    assert f"Notifications\n  {receiver.url}/cli Delivered\n" in tasky("show", task_id)
    receiver.answer = status(410)
    task_id = tasky("run", "quick", "--notify", receiver.url).strip()
    settled(server, task_id)
    gone = "Failed after 1 attempt (410 the receiver is gone, and wants no more of it)"
    assert f"Notifications\n  {receiver.url}/ {gone}\n" in tasky("show", task_id)
