"""Attempts over the death, and the stop, of a real server."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import PATIENCE, Server, wait_for, write_definition, write_worker

#: Each attempt takes a lock that no process of another one may still hold, and has a daemon keep it that is deaf to
#: SIGTERM and in a session of its own. The first attempt stays.
LOCKING = """
import fcntl, json, os, signal, sys
task = json.loads(sys.stdin.readline())
attempt = task["attempt"]
lock = os.open(task["params"]["lock"], os.O_RDWR | os.O_CREAT)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    print("attempt", attempt, "is alone", flush=True)
except BlockingIOError:
    print("attempt", attempt, "IS NOT ALONE", flush=True)
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork():
        os._exit(0)
    for fd in range(3):
        os.dup2(os.open("/dev/null", os.O_RDWR), fd)
    signal.pause()
print(json.dumps({"type": "progress", "percent": attempt, "message": "ready"}), flush=True)
if attempt == 1:
    signal.pause()
"""


@pytest.fixture
def locking(workers: Path, tmp_path: Path) -> dict[str, str]:
    """Defines the worker; gives its parameters."""
    write_worker(
        workers,
        "locking",
        LOCKING,
        params={"lock": {"type": "string"}},
        retry={"attempts": 3, "delay": "10ms"},
        kill_grace="20s",
    )
    return {"lock": str(tmp_path / "lock")}


def started(server: Server, worker: str, params: dict[str, str]) -> str:
    task_id = server.submit(worker, params)
    wait_for(lambda: server.get(f"/tasks/{task_id}/status").get("Progress"), "it is ready")
    wait_for(lambda: log(server, task_id), "its log is written")
    return task_id


def codes(task: dict[str, Any]) -> list[str | None]:
    return [attempt.get("Error", {}).get("code") for attempt in task["Attempts"]]


def log(server: Server, task_id: str, query: str = "") -> list[str]:
    """What it says of its attempts."""
    lines = server.request("GET", f"/tasks/{task_id}/log{query}").body.decode().splitlines()
    return [line for line in lines if line.startswith("attempt")]


def end_as_told(server: Server, how: str) -> None:
    if how == "killed":
        server.kill()
    else:
        assert server.stop() == 0


@pytest.mark.case("P19")
@pytest.mark.parametrize(
    ("how", "code", "reason"),
    [
        ("killed", "lost", "the server died while the task ran"),
        ("stopped", "shutdown", "the server was stopped while the task ran"),
    ],
)
def test_a_task_goes_on_with_the_next_server(
    serve: Callable[..., Server], locking: dict[str, str], how: str, code: str, reason: str
) -> None:
    server = serve()
    task_id = started(server, "locking", locking)
    end_as_told(server, how)
    server.start()
    server.await_status(task_id, "Completed")
    task = server.get(f"/tasks/{task_id}")
    assert codes(task) == [code, None]
    first, second = task["Attempts"]
    assert (first["Number"], second["Number"], second["ExitCode"]) == (1, 2, 0)
    assert first["Started"] <= first["Finished"] <= second["Started"] <= second["Finished"]
    assert task["Started"] == first["Started"]
    assert task["Progress"]["Percent"] == 2
    lines = log(server, task_id)
    assert lines[0] == "attempt 1 is alone"
    assert lines[1].startswith(f"attempt 1 failed: {reason}; attempt 2 in ")
    assert lines[2] == "attempt 2 is alone", "no process of the first one was left"
    assert log(server, task_id, "?attempt=1") == lines[:2]
    assert log(server, task_id, "?attempt=2") == lines[2:]


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_pause_goes_on_with_the_next_server(
    serve: Callable[..., Server], workers: Path, how: str
) -> None:
    write_definition(
        workers, "fails", command=["/bin/false"], protocol="text",
        retry={"attempts": 3, "delay": "1h"},
    )  # fmt: skip
    server = serve()
    task_id = server.submit("fails")
    server.await_status(task_id, "Queued")
    before = server.get(f"/tasks/{task_id}")
    end_as_told(server, how)
    server.start()
    assert server.get(f"/tasks/{task_id}") == before
    assert server.request("POST", f"/tasks/{task_id}/cancel").json["Status"] == "Canceled"
    task = server.get(f"/tasks/{task_id}")
    assert (task["Status"], codes(task)) == ("Canceled", ["exit"])


@pytest.mark.case("P32")
def test_a_task_that_kills_its_server_does_so_as_often_as_it_has_attempts(
    serve: Callable[..., Server], workers: Path, tmp_path: Path
) -> None:
    write_worker(
        workers,
        "poison",
        """
        import json, os, signal, sys, time
        task = json.loads(sys.stdin.readline())
        while not os.path.exists(task["params"]["folder"] + "/" + str(task["attempt"])):
            time.sleep(0.01)
        os.kill(os.getppid(), signal.SIGKILL)
        """,
        params={"folder": {"type": "string"}},
        retry={"attempts": 2},
    )
    server = serve()
    task_id = server.submit("poison", {"folder": str(tmp_path)})
    for attempt in ("1", "2"):
        (tmp_path / attempt).touch()
        assert server.process.wait(PATIENCE) == -signal.SIGKILL
        server.kill()
        server.start()
    task = server.get(f"/tasks/{task_id}")
    assert (task["Status"], codes(task)) == ("Failed", ["lost", "lost"])
    assert server.run("true")["Status"] == "Completed"
    assert server.process.poll() is None
