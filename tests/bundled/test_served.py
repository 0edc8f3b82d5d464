"""Every bundled worker once through a real server."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import Server, serving, wait_for

from .support import WORKERS, names, require


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Of those that can run on this machine."""
    folder = tmp_path_factory.mktemp("served")
    workers = Path(shutil.copytree(WORKERS, folder / "workers.d"))
    listed = subprocess.run(
        [workers / "available"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.split()
    for file in workers.glob("*.yaml"):
        if file.name not in listed:
            file.unlink()
    with serving(workers, folder / "state") as server:
        yield server


def output(server: Server, worker: str, **params: Any) -> Any:
    require(worker)
    result = server.run(worker, params)
    assert result["Status"] == "Completed", result
    return result["Output"]


def failure(server: Server, worker: str, **params: Any) -> Any:
    require(worker)
    result = server.run(worker, params)
    assert result["Status"] == "Failed", result
    return result["Error"]


def test_copyfile(server: Server, tmp_path: Path) -> None:
    source, destination = tmp_path / "source", tmp_path / "destination"
    source.write_text("content")
    pair = {"source": str(source), "destination": str(destination)}
    assert output(server, "copyfile", **pair)["string_output"] == "File copied successfully."
    assert destination.read_text() == "content"


def test_copyfile_that_fails(server: Server, tmp_path: Path) -> None:
    error = failure(server, "copyfile", source=str(tmp_path), destination="/nowhere/x")
    assert error == {
        "code": "worker",
        "message": f"not a regular file: {tmp_path}",
        "exit_code": 1,
    }


def test_ifconfig(server: Server) -> None:
    interfaces = output(server, "ifconfig")["Interfaces"]
    assert {"interface_name": "lo", "mac_address": "", "ip_network": "127.0.0.1/8"} in interfaces


def test_sleeper(server: Server) -> None:
    assert output(server, "sleeper", seconds=0.01) == {"string_output": "Done sleeping."}


def test_backup(server: Server, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    packed = output(server, "backup", folder=str(tmp_path / "folder"))
    assert packed["files"] == 1


def test_csvstats(server: Server, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("n\n1\n3\n")
    described = output(server, "csvstats", file=str(tmp_path / "data.csv"))
    assert described["columns"][0]["mean"] == 2


def test_logscan(server: Server, tmp_path: Path) -> None:
    (tmp_path / "some.log").write_text("ERROR\n")
    counted = output(server, "logscan", file=str(tmp_path / "some.log"))
    assert counted["counts"] == [{"text": "ERROR", "count": 1}]


def test_wordfreq(server: Server, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a rose is a rose")
    counted = output(server, "wordfreq", file=str(tmp_path / "text"), top=1)
    assert counted["top"] == [{"count": 2, "word": "a"}]


def test_diskfree(server: Server) -> None:
    assert "Mounted on" in output(server, "diskfree")["string_output"]


def test_diskfree_that_fails(server: Server, tmp_path: Path) -> None:
    error = failure(server, "diskfree", path=str(tmp_path / "missing"))
    assert (error["code"], error["exit_code"]) == ("exit", 1)
    assert "No such file or directory" in error["message"]


def test_a_canceled_task_keeps_the_result_that_it_still_sends(
    server: Server, tmp_path: Path
) -> None:
    require("logscan")
    file = tmp_path / "some.log"
    with file.open("wb") as sparse:
        sparse.truncate(8 << 30)
    task_id = server.submit("logscan", {"file": str(file)})
    wait_for(lambda: server.get(f"/tasks/{task_id}/status").get("Progress"), "it has begun")
    assert server.request("POST", f"/tasks/{task_id}/cancel").status == 202
    server.await_status(task_id, "Canceled")
    result = server.get(f"/tasks/{task_id}/result")
    assert result["Output"]["complete"] is False


def test_a_canceled_copy_leaves_no_half_file(server: Server, tmp_path: Path) -> None:
    require("copyfile")
    source, destination = tmp_path / "source", tmp_path / "destination"
    destination.write_text("older")
    with source.open("wb") as sparse:
        sparse.truncate(16 << 30)
    pair = {"source": str(source), "destination": str(destination)}
    task_id = server.submit("copyfile", pair)
    wait_for(lambda: server.get(f"/tasks/{task_id}/status").get("Progress"), "it has begun")
    server.request("POST", f"/tasks/{task_id}/cancel")
    server.await_status(task_id, "Canceled")
    assert names(tmp_path) == ["destination", "source"]
    assert destination.read_text() == "older"
