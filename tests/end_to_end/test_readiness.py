"""/readyz of a real server in real trouble, and what its log says at the start. See also test_full_disk."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasky.model.containment import Kind
from tasky.supervisor import probe
from tests.freezer import Freezer, freezer
from tests.helpers import Server, wait_for

__all__ = ["freezer"]

MODES = pytest.mark.parametrize("wanted", ["auto", "process-group"])


def readyz(server: Server) -> dict[str, Any]:
    return dict(server.request("GET", "//readyz").json)


@pytest.mark.case("D15")
@MODES
def test_the_containment_is_named(serve: Callable[..., Server], wanted: str) -> None:
    server, found = serve(TASKY_CONTAINMENT=wanted), probe()
    told = readyz(server)
    assert (told["status"], told["troubles"], told["problems"]) == ("ready", [], [])
    if wanted == "process-group":
        assert (told["containment"], told["controllers"]) == ("process-group", [])
        assert "containment: process-group, as the settings want it" in server.logged
    else:
        assert told["containment"] == found.kind
        assert f"containment: {found.kind}" in server.logged
        assert set(told["controllers"]) <= found.controllers
    if found.kind is Kind.PROCESS_GROUP and wanted == "auto":
        assert f"cgroups cannot be had: {found.reason}" in server.logged


def leave_descriptors(pid: int, number: int) -> None:
    """So many, and no more, can be opened by the process."""
    used = {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    limit = next(n for n in range(10_000) if n - sum(one < n for one in used) == number)
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))


@pytest.mark.case("P29")
def test_a_shortage(server: Server) -> None:
    """Of descriptors: enough for a request, too few for a start."""
    server.run("true")
    before = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    leave_descriptors(server.process.pid, 3)
    task_id = server.submit("true")
    wait_for(lambda: "trying again" in server.logged, "it cannot be started")
    told = readyz(server)
    assert (told["status"], told["troubles"][0]["kind"]) == ("degraded", "shortage")
    assert server.request("GET", "//readyz").status == 200
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, before)
    server.await_status(task_id, "Completed")
    assert readyz(server)["status"] == "ready"


@pytest.mark.case("P36")
def test_what_does_not_end(serve: Callable[..., Server], freezer: Freezer) -> None:
    """Its task ends after 5 s all the same, and is named until it is gone."""
    server = serve()
    task_id = server.submit("sleep")
    server.await_status(task_id, "Running")
    (pid,) = wait_for(server.task_processes, "it runs")
    freezer.take(pid)
    server.request("POST", f"/tasks/{task_id}/cancel?grace=0s")
    server.await_status(task_id, "Canceled")
    told = readyz(server)
    assert told["status"] == "degraded"
    assert told["troubles"] == [
        {"kind": "unkillable", "detail": f"processes that do not end, of task {task_id}: {pid}"}
    ]
    assert server.run("true")["Status"] == "Completed"
    freezer.give_back()
    wait_for(lambda: readyz(server)["status"] == "ready", "it is gone")


def test_the_file_is_named_and_not_its_place(server: Server, workers: Path) -> None:
    (workers / "stubborn.py").unlink()
    (problem,) = wait_for(lambda: readyz(server)["problems"], "it is told")
    assert problem["file"] == "stubborn.yaml"
    assert str(workers) not in str(problem)
