"""Definitions that are changed, broken or hostile while a server uses them. See also test_reload."""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import Server, wait_for, write_definition

RELOADED = "workers loaded again"


def problems(server: Server) -> list[dict[str, Any]]:
    return list(server.request("GET", "//readyz").json["problems"])


def await_loaded(server: Server, workers: Path, name: str) -> None:
    """Has a worker loaded that was not there, and with it everything that was written before."""
    write_definition(workers, name, command=["/bin/true"], protocol="text")
    wait_for(lambda: server.request("GET", f"/workers/{name}").status == 200, f"{name} is loaded")


@pytest.mark.case("C1", "C17")
def test_half_of_a_file(server: Server, workers: Path) -> None:
    """As an editor leaves it for a moment: the place is told, the former definition stays, nothing is tried again."""
    whole = (workers / "sleep.yaml").read_text()
    (workers / "sleep.yaml").write_text('command: [sleep]\nparams: {seconds: {"type')
    (problem,) = wait_for(lambda: problems(server), "the mistake is told")
    assert (problem["file"], problem["line"]) == ("sleep.yaml", 2)
    assert "is not valid YAML at column " in problem["message"]
    # As many reloads as there were changes, each of one or two events.
    await_loaded(server, workers, "fresh")
    wait_for(lambda: RELOADED in server.logged, "it is logged")
    assert server.logged.count(RELOADED) <= 4
    assert f"not loaded: {workers}/sleep.yaml:2: is not valid YAML" in server.logged
    task_id = server.submit("sleep", {"seconds": 600})
    assert server.await_status(task_id, "Running") == "Running"
    server.request("POST", f"/tasks/{task_id}/cancel")
    (workers / "sleep.yaml").write_text(whole)
    wait_for(lambda: not problems(server), "it is mended")


@pytest.mark.case("C9")
def test_a_program_that_is_gone_fails_its_own_tasks_only(server: Server, workers: Path) -> None:
    program = workers / "polite.py"
    program.rename(workers.parent / "away")
    await_loaded(server, workers, "fresh")
    (problem,) = problems(server)
    assert (problem["file"], problem["key"]) == ("polite.yaml", "command[0]")
    assert str(workers) not in str(problem), "where it lies is nobody's business"
    error = server.run("polite")["Error"]
    assert error["code"] == "spawn"
    assert server.run("true")["Status"] == "Completed"
    (workers.parent / "away").rename(program)
    task_id = server.submit("polite")
    server.await_status(task_id, "Running")
    server.request("POST", f"/tasks/{task_id}/cancel")


@pytest.mark.case("C14")
def test_a_worker_that_is_removed_under_its_task(server: Server, workers: Path) -> None:
    task_id = server.submit("sleep")
    server.await_status(task_id, "Running")
    (workers / "sleep.yaml").unlink()
    wait_for(lambda: server.request("GET", "/workers/sleep").status == 404, "it is removed")
    assert server.request("POST", "/workers/sleep", {}).status == 404
    assert server.status(task_id) == "Running"
    server.request("POST", f"/tasks/{task_id}/cancel")
    assert server.await_status(task_id, "Canceled") == "Canceled"


@pytest.mark.case("C15")
def test_a_task_is_of_one_version(server: Server, workers: Path, tmp_path: Path) -> None:
    """Its parameters and its command, whatever the definition becomes meanwhile."""

    def define(version: int) -> None:
        new = write_definition(
            tmp_path / "new", "echo", command=["/bin/echo", str(version)], protocol="text",
            args=["{version}"], params={"version": {"type": "integer", "default": version}},
        )  # fmt: skip
        shutil.move(new, workers / "echo.yaml")

    def change() -> None:
        for version in range(1, 1000):
            if stop.is_set():
                return
            define(version)
            server.process.send_signal(signal.SIGHUP)
            stop.wait(0.02)

    define(0)
    wait_for(lambda: server.request("GET", "/workers/echo").status == 200, "it is loaded")
    stop = threading.Event()
    changing = threading.Thread(target=change)
    changing.start()
    try:
        outputs = [server.run("echo")["Output"]["string_output"].split() for _ in range(60)]
    finally:
        stop.set()
        changing.join()
    assert all(command == parameter for command, parameter in outputs), outputs
    assert len({command for command, _ in outputs}) > 3, "there were several versions"


@pytest.mark.case("C16")
def test_a_storm_of_sighup(server: Server, workers: Path) -> None:
    task_id = server.submit("sleep")
    for _ in range(500):
        server.process.send_signal(signal.SIGHUP)
    assert server.run("true")["Status"] == "Completed"
    await_loaded(server, workers, "fresh")
    assert server.logged.count(RELOADED) < 500
    assert server.status(task_id) == "Running"
    server.request("POST", f"/tasks/{task_id}/cancel")


@pytest.mark.case("C19")
def test_variables_are_taken_as_they_are_written(
    serve: Callable[..., Server], workers: Path
) -> None:
    """Nothing is put into them, and nobody is shown them."""
    written = {
        "SHELL_LIKE": "$HOME ${PATH} $(id) `id`",
        "OTHERS": "%(home)s %HOME% {seconds} {{x}} ~ \\n",
        "TOKEN": "tok-5d41402abc",
    }
    for name, program in (("env", "/usr/bin/env"), ("quiet", "/bin/true")):
        write_definition(workers, name, command=[program], protocol="text", env=written)
    server = serve(FROM_OUTSIDE="tok-outside")
    lines = server.run("env")["Output"]["string_output"].splitlines()
    assert written.items() <= dict(line.split("=", 1) for line in lines).items()
    task_id = server.run("quiet")["TaskId"]
    for path in ("/workers/", "/workers/quiet", f"/tasks/{task_id}", "//readyz"):
        assert "tok-" not in server.request("GET", path).body.decode()
    assert "tok-" not in server.logged
