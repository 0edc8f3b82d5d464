"""Definitions that change under a running server."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import Server, wait_for, write_definition


def names(server: Server) -> set[str]:
    return {worker["name"] for worker in server.get("/workers/")}


def problems(server: Server) -> Any:
    return server.request("GET", "//readyz").json


def test_a_file_that_is_dropped_in_is_a_worker(server: Server, workers: Path) -> None:
    write_definition(workers, "fresh", command=["/bin/echo", "hello"], protocol="text")
    wait_for(lambda: "fresh" in names(server), "it is loaded by itself")
    assert server.run("fresh")["Output"] == {"string_output": "hello"}
    (workers / "fresh.yaml").unlink()
    wait_for(lambda: "fresh" not in names(server), "it is gone")
    assert server.request("POST", "/workers/fresh", {}).status == 404


@pytest.mark.case("C1")
def test_a_broken_file_leaves_the_former_definition(server: Server, workers: Path) -> None:
    (workers / "true.yaml").write_text("command: [/bin/true\nprotocol: text\n")
    wait_for(lambda: "true.yaml" in str(problems(server)), "/readyz names the file")
    wait_for(lambda: "not loaded: " in server.logged, "the log says so too")
    assert server.run("true")["Status"] == "Completed"
    write_definition(workers, "true", command=["/bin/true"], protocol="text", description="mended")
    wait_for(
        lambda: server.get("/workers/true")["description"] == "mended", "the mended one is in force"
    )
    assert "true.yaml" not in str(problems(server))


def test_sighup(server: Server, workers: Path) -> None:
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "workers loaded again" in server.logged, "it reloads")
    assert server.run("true")["Status"] == "Completed"


@pytest.mark.case("C13")
def test_a_running_task_keeps_its_definition(server: Server, workers: Path) -> None:
    task_id = server.submit("sleep")
    write_definition(
        workers, "sleep", command=["/bin/false"], protocol="text", description="another"
    )
    wait_for(lambda: server.get("/workers/sleep")["description"] == "another", "it is loaded")
    assert server.status(task_id) == "Running"
    server.request("POST", f"/tasks/{task_id}/cancel")
    assert server.await_status(task_id, "Canceled") == "Canceled"


@pytest.mark.case("C14")
def test_queued_tasks_of_a_removed_worker_fail(serve: Any, workers: Path) -> None:
    server = serve(TASKY_MAX_TASKS="1")
    running, queued = server.submit("sleep"), server.submit("true")
    (workers / "true.yaml").unlink()
    wait_for(lambda: "true" not in names(server), "it is gone")
    server.request("POST", f"/tasks/{running}/cancel")
    server.await_status(queued, "Failed")
    error = server.get(f"/tasks/{queued}/result")["Error"]
    assert error["code"] == "spawn"
    assert "removed" in error["message"]
