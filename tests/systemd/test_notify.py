"""What a real server tells a service manager, and when."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.helpers import Server, serving, wait_for
from tests.systemd.told import Told


@pytest.mark.case("D5")
def test_ready_comes_when_requests_are_answered(
    workers: Path, tmp_path: Path, address: str
) -> None:
    with (
        Told(address) as told,
        serving(workers, tmp_path / "state", NOTIFY_SOCKET=address) as server,
    ):
        wait_for(lambda: "READY" in told.told(), "it is ready")
        assert server.run("true")["Status"] == "Completed"
        assert told.messages[0].keys() == {"STATUS"}, "the recovery comes before"
        assert told.told() == ["READY"]
        assert "4 workers" in told.status
        assert told.count("WATCHDOG") == 0, "nobody asked for it"


@pytest.mark.case("D5")
def test_a_server_that_cannot_start_is_not_ready(workers: Path, tmp_path: Path, told: Told) -> None:
    (workers / "true.yaml").write_text("command: [\n")
    with pytest.raises(AssertionError, match="did not start"):
        Server(workers, tmp_path / "state", NOTIFY_SOCKET=f"{tmp_path}/notify")
    said = told.await_status(lambda status: status.startswith("failed"))
    assert "true.yaml:" in said
    assert told.told() == []


@pytest.mark.case("D4")
def test_a_reload_with_a_broken_file_says_where(workers: Path, tmp_path: Path, told: Told) -> None:
    (workers / "odd\nMAINPID=1.yaml").touch()  # no definition; the name is told as one line
    with pytest.raises(AssertionError, match="did not start"):
        Server(workers, tmp_path / "state", NOTIFY_SOCKET=f"{tmp_path}/notify")
    told.await_status(lambda status: "odd?MAINPID=1" in status)
    assert told.count("MAINPID") == 0
    (workers / "odd\nMAINPID=1.yaml").unlink()

    with serving(workers, tmp_path / "state", NOTIFY_SOCKET=f"{tmp_path}/notify") as server:
        wait_for(lambda: told.told() == ["READY"], "it is ready")
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        (workers / "true.yaml").write_text("protocol: text\ncommand: /bin/true\n")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: told.told()[-2:] == ["RELOADING", "READY"], "it has reloaded")
        reloading = next(each for each in told.messages if "RELOADING" in each)
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        assert before <= int(reloading["MONOTONIC_USEC"]) <= now
        told.await_status(lambda status: f"not loaded: {workers}/true.yaml:2: " in status)
        assert server.run("true")["Status"] == "Completed", "the former one is in force"
        (workers / "true.yaml").unlink()
        server.process.send_signal(signal.SIGHUP)
        told.await_status(lambda status: status == "0 running, 0 queued, 3 workers")


@pytest.mark.case("D1")
def test_stopping_comes_first_of_the_end(workers: Path, tmp_path: Path, told: Told) -> None:
    with serving(
        workers, tmp_path / "state", NOTIFY_SOCKET=f"{tmp_path}/notify", WATCHDOG_USEC="400000"
    ) as server:
        task_id = server.submit("polite")
        wait_for(lambda: server.get(f"/tasks/{task_id}").get("Progress"), "it is up")
        told.await_status(lambda status: status.startswith("1 running"))
        assert server.stop() == 0
    assert told.told() == ["READY", "STOPPING"]
    assert told.status.startswith("stopping: 1 running")


@pytest.mark.case("D13")
def test_workers_see_none_of_it(workers: Path, tmp_path: Path, told: Told) -> None:
    environ = {"WATCHDOG_USEC": "60000000", "LISTEN_FDS": "1", "LISTEN_PID": "1"}
    with serving(
        workers, tmp_path / "state", NOTIFY_SOCKET=f"{tmp_path}/notify", **environ
    ) as server:
        seen = server.run("environment")["Output"]["string_output"]
    assert "TASKY_TASK_ID=" in seen
    assert not [name for name in ("NOTIFY", "WATCHDOG", "LISTEN") if name in seen]
