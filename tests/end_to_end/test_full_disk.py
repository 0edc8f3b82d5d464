"""S1, S2: a disk that is full to the last byte, while tasks run and while the server starts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tasky.store.room import BALLAST, FOR_TASKS
from tests.disks import Disk, disk, fill_disk
from tests.end_to_end.test_start import start
from tests.helpers import Server, serving, wait_for, write_worker

__all__ = ["disk"]

SIZE = 160 << 20

#: Waits for the file, then floods its log and ends well.
_GATE = """
import json, sys, time
from pathlib import Path
params = json.loads(input())["params"]
print('{"type":"progress","percent":1,"message":"ready"}', flush=True)
while not Path(params["gate"]).exists():
    time.sleep(0.01)
for number in range(params["lines"]):
    print("line", number)
print(json.dumps({"type": "result", "output": "the output"}), flush=True)
"""


@pytest.fixture
def gate(workers: Path, tmp_path: Path) -> Path:
    """What the workers `gate` wait for: they are made with this file."""
    write_worker(
        workers,
        "gate",
        _GATE,
        params={
            "gate": {"type": "string", "default": str(tmp_path / "open")},
            "lines": {"type": "integer", "default": 5000},
        },
    )
    return tmp_path / "open"


@pytest.fixture
def state(disk: Disk) -> Path:
    return disk(SIZE) / "state"


@pytest.fixture
def server(workers: Path, state: Path, gate: Path) -> Any:
    with serving(workers, state) as server:
        yield server


def ready(server: Server, worker: str, params: Any = None) -> str:
    task_id = server.submit(worker, params)
    wait_for(lambda: server.get(f"/tasks/{task_id}").get("Progress"), "it is up")
    return task_id


def ballast(server: Server) -> int:
    return (server.state / "ballast").stat().st_size


def ids(server: Server) -> list[str]:
    return [task["TaskId"] for task in server.get("/tasks/?limit=1000")["Tasks"]]


def refused(server: Server, method: str, path: str, **headers: str) -> None:
    answer = server.request(method, path, {}, **headers)
    assert (answer.status, answer.headers["Content-Type"]) == (507, "application/problem+json")
    assert answer.json["status"] == 507
    assert "disk is full" in answer.json["detail"]
    assert str(server.state) not in answer.body.decode()


@pytest.mark.case("S1")
def test_no_task_is_made_and_no_end_is_lost(server: Server, gate: Path) -> None:
    running = ready(server, "gate")
    key = {"Idempotency-Key": "before"}
    first = server.request("POST", "/workers/true", {}, **key).json["TaskId"]
    server.await_status(first, "Completed")
    filler = fill_disk(server.state.parent)
    known, processes = ids(server), server.task_processes()

    refused(server, "POST", "/workers/true")
    refused(server, "POST", "/workers/true?wait=10s")
    refused(server, "POST", "/workers/true", **{"Idempotency-Key": "new"})
    refused(server, "POST", f"/tasks/{first}/restart")
    again = server.request("POST", "/workers/true", {}, **key)
    assert (again.status, again.json["TaskId"]) == (200, first), "it was made before"
    assert ids(server) == known
    assert server.task_processes() == processes
    assert [path.name for path in (server.state / "work").iterdir()] == [running]

    gate.touch()
    said = re.compile(rf"its end cannot be stored yet.* task={running} worker=")
    wait_for(lambda: len(said.findall(server.logged)) >= 2, "its end is kept, and tried again")
    assert server.status(running) == "Running"
    assert server.request("GET", f"/tasks/{running}/log").status == 200
    answer = server.request("GET", "//readyz")
    assert (answer.status, answer.json["status"]) == (503, "blocked")
    (trouble,) = answer.json["troubles"]
    assert trouble["kind"] == "store"
    assert "the disk is full" in trouble["detail"]
    assert ballast(server) == BALLAST, "it is not for that"

    filler.unlink()
    server.await_status(running, "Completed")
    assert server.get(f"/tasks/{running}/result")["Output"] == "the output"
    text = server.request("GET", f"/tasks/{running}/log").body.decode()
    wait_for(
        lambda: "lost" in server.request("GET", f"/tasks/{running}/log").body.decode(),
        f"the log says what it lacks: {text[-500:]}",
    )
    assert server.run("true")["Status"] == "Completed"


@pytest.mark.case("S2")
def test_tasks_can_be_deleted(server: Server) -> None:
    done = server.run("gate", {"gate": "/", "lines": 100_000})["TaskId"]
    kept = wait_for(lambda: next(server.state.glob(f"tasks/*/{done}"), None), "it has a log")
    filler = fill_disk(server.state.parent)
    assert server.request("DELETE", f"/tasks/{done}").status == 204
    assert ballast(server) == 0, "it was needed"
    assert server.request("GET", f"/tasks/{done}").status == 404
    wait_for(lambda: not kept.exists(), "its log is removed")
    refused(server, "POST", "/workers/true")  # what was given away is not for new tasks
    filler.unlink()
    assert server.run("true")["Status"] == "Completed"
    assert ballast(server) == BALLAST, "it is made again"


@pytest.mark.case("S1")
def test_new_tasks_stop_before_the_disk_is_full(server: Server, gate: Path) -> None:
    """And old ones end well in the room that is left for them."""
    running = ready(server, "gate")
    filler = fill_disk(server.state.parent, but=FOR_TASKS - (1 << 20))
    refused(server, "POST", "/workers/true")
    gate.touch()
    server.await_status(running, "Completed")
    lines = server.request("GET", f"/tasks/{running}/log").body.decode().splitlines()
    assert lines[-1] == "line 4999"
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - (8 << 20))
    assert server.run("true")["Status"] == "Completed"


@pytest.mark.case("S1")
def test_tasks_can_be_canceled(server: Server, gate: Path) -> None:
    """The row follows when it can."""
    canceled, paused = ready(server, "gate"), ready(server, "gate")
    filler = fill_disk(server.state.parent)
    answer = server.request("POST", f"/tasks/{canceled}/cancel")
    assert (answer.status, answer.json["Status"]) == (202, "Canceling")
    answer = server.request("POST", f"/tasks/{paused}/pause")
    assert (answer.status, answer.json["Status"]) == (200, "Paused")
    wait_for(lambda: len(server.task_processes()) == 1, "SIGTERM was sent")
    assert ballast(server) == BALLAST
    filler.unlink()
    server.await_status(canceled, "Canceled")
    server.await_status(paused, "Paused")
    server.request("POST", f"/tasks/{paused}/cancel")
    server.await_status(paused, "Canceled")


@pytest.mark.case("S1")
def test_a_server_stops_on_a_full_disk(server: Server, gate: Path) -> None:
    """Its last ends may use the ballast."""
    running = ready(server, "gate")
    filler = fill_disk(server.state.parent)
    gate.touch()
    wait_for(lambda: re.search(f"its end cannot be stored yet.* task={running}", server.logged))
    assert server.stop() == 0
    assert ballast(server) == 0
    filler.unlink()
    server.start()
    assert server.status(running) == "Completed"


@pytest.mark.case("S1", "S2")
def test_a_server_starts_on_a_full_disk(server: Server) -> None:
    """And settles what was under way when it was killed; once the ballast is used up, it says what to do."""
    running = ready(server, "gate")
    fill_disk(server.state.parent)
    server.kill()
    server.start()
    assert server.get(f"/tasks/{running}/result")["Error"]["code"] == "lost"
    refused(server, "POST", "/workers/true")
    assert server.stop() == 0
    assert ballast(server) == 0
    (server.state.parent / "filler").rename(server.state.parent / "former")
    fill_disk(server.state.parent)
    status, said = start(server.workers, server.state, "--listen", "127.0.0.1:0")
    assert status == 1
    assert str(server.state / "tasky.db") in said
    assert "the disk is full, and the ballast is used up: make room" in said
    (server.state.parent / "former").unlink()
    server.start()
    assert server.run("true")["Status"] == "Completed"
