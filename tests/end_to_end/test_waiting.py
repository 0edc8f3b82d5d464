"""Workers whose processes wait for their task, as a whole: API, metrics, command line, reload, kill -9, stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import REPOSITORY, Server, wait_for, write_worker
from tests.scrapes import scrape

WORKER = """
    import json, os, sys

    for line in sys.stdin:
        task = json.loads(line)
        output = [os.getpid(), task["params"]["n"]]
        print(json.dumps({"type": "result", "output": output, "id": task["id"]}), flush=True)
"""


def define(workers: Path, **keys: Any) -> None:
    params = {"n": {"type": "integer", "default": 0}}
    write_worker(workers, "kept", WORKER, params=params, **keys)


@pytest.fixture
def server(serve: Callable[..., Server], workers: Path) -> Server:
    define(workers, warm=2, reuse={"tasks": 100})
    server = serve()
    waits(server, 2)
    return server


def waits(server: Server, count: int) -> None:
    wait_for(lambda: server.get("/workers/kept")["waiting"] == count, f"{count} wait")


def output(server: Server, n: int = 0) -> Any:
    return server.run("kept", {"n": n})["Output"]


def test_told_in_metrics_and_on_the_command_line(server: Server) -> None:
    answers = [output(server, n) for n in range(5)]
    assert [n for _, n in answers] == list(range(5))
    found = scrape(server)
    waiting = found.value("tasky_waiting_processes", worker="kept")
    assert waiting in (2, 3), "one may have been added while another had a task"
    taken = found.nonzero("tasky_waiting_processes_taken_total", "worker", "process")
    assert sum(taken.values()) == 5
    assert taken["kept", "reused"] >= 2
    shown = subprocess.run(
        [sys.executable, "-m", "tasky", "workers", "kept"],
        env=os.environ | {"TASKY_URL": "http://{}:{}".format(*server.address)},
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "2 kept warm, each for up to 100 tasks, idle 1m0s at most; " in shown


@pytest.mark.case("W9")
def test_a_reload_starts_new_ones(server: Server, workers: Path) -> None:
    before = {output(server)[0] for _ in range(2)}
    define(workers, warm=1, reuse={"tasks": 100}, env={"NEW": "1"})
    wait_for(lambda: server.get("/workers/kept")["warm"] == 1, "it is loaded")
    waits(server, 1)
    assert output(server)[0] not in before
    wait_for(lambda: before.isdisjoint(server.task_processes()), "the former ones have ended")


@pytest.mark.case("W9")
def test_a_reload_on_request_starts_new_ones(server: Server) -> None:
    """Though nothing has changed that the server could know of."""
    before = output(server)[0]
    assert server.process is not None
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: before not in server.task_processes(), "it has ended")
    waits(server, 2)


def test_none_waits_for_a_worker_that_is_disabled(server: Server) -> None:
    assert server.request("POST", "/workers/kept/disable").status == 200
    wait_for(lambda: not server.task_processes(), "they end")
    assert server.request("POST", "/workers/kept/enable").status == 200
    waits(server, 2)


@pytest.mark.case("W11")
def test_killed(server: Server) -> None:
    pids = server.task_processes()
    assert len(pids) >= 2
    server.kill()
    server.start()
    waits(server, 2)
    assert set(pids).isdisjoint(server.task_processes())
    assert output(server, 7)[1] == 7


@pytest.mark.case("W11")
def test_stopped(server: Server) -> None:
    output(server)
    assert server.stop() == 0
    assert not server.task_processes()
    assert not list((server.state / "work").iterdir())
