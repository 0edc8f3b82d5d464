"""The worked example of the README, by curl, against the bundled workers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import REPOSITORY, Server, serving, wait_for


@pytest.fixture
def bundled(tmp_path: Path) -> Iterator[Server]:
    """A server with the three workers of the older system."""
    if shutil.which("curl") is None:
        pytest.skip("THE STORY IS NOT TESTED: no curl; scripts/test --system installs it")
    workers = tmp_path / "workers.d"
    workers.mkdir()
    for name in ("copyfile.yaml", "ifconfig.yaml", "sleeper.yaml"):
        (workers / name).symlink_to(REPOSITORY / "workers.d" / name)
    with serving(workers, tmp_path / "state") as server:
        yield server


def curl(server: Server, command: str) -> Any:
    """Runs a curl command of the README as it stands, but for the port."""
    host, port = server.address
    done = subprocess.run(
        ["sh", "-c", command.replace("localhost:8888", f"{host}:{port}")],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_an_older_client_works_unchanged(bundled: Server) -> None:
    workers = {
        w["name"]: w for w in curl(bundled, "curl -s http://localhost:8888/tasky/v1/workers/")
    }
    assert workers["copyfile"]["config_objects"] == {"source": "", "destination": ""}
    assert "config_objects" not in workers["ifconfig"]

    submit = "curl -s -X POST -H 'Content-Type: application/json' -d '{}' http://localhost:8888/tasky/v1/workers/sleeper"
    ids = [curl(bundled, submit)["TaskId"] for _ in range(3)]
    assert all(re.fullmatch(r"[0-9a-f]{32}", task_id) for task_id in ids)

    listing = "curl -s http://localhost:8888/tasky/v1/tasks/"
    wait_for(lambda: [t["Status"] for t in curl(bundled, listing)["Tasks"]] == ["Running"] * 3)
    assert {t["TaskId"] for t in curl(bundled, listing)["Tasks"]} == set(ids)

    canceled = curl(
        bundled, f"curl -s -X POST http://localhost:8888/tasky/v1/tasks/{ids[1]}/cancel"
    )
    assert canceled["Status"] in ("Canceling", "Canceled")
    bundled.await_status(ids[1], "Canceled")
    by_id = {task["TaskId"]: task for task in curl(bundled, listing)["Tasks"]}
    assert [by_id[task_id]["Status"] for task_id in ids] == ["Running", "Canceled", "Running"]
    assert "Duration" in by_id[ids[1]]
    assert "Duration" not in by_id[ids[0]]

    task_id = curl(bundled, submit.replace("sleeper", "ifconfig"))["TaskId"]
    bundled.await_status(task_id, "Completed")
    result = curl(bundled, f"curl -s http://localhost:8888/tasky/v1/tasks/{task_id}/result")
    assert result["TaskId"] == task_id
    for interface in result["Output"]["Interfaces"]:
        assert set(interface) == {"interface_name", "mac_address", "ip_network"}
    loopback = [i for i in result["Output"]["Interfaces"] if i["ip_network"] == "127.0.0.1/8"]
    assert loopback == [{"interface_name": "lo", "mac_address": "", "ip_network": "127.0.0.1/8"}]


def test_names_as_the_older_api_wrote_them(bundled: Server) -> None:
    assert bundled.get("/workers/Sleeper")["name"] == "sleeper"
    task_id = bundled.submit(
        "CopyFile", {"source": "/etc/hostname", "destination": "/nonexistent/x"}
    )
    assert bundled.await_status(task_id, "Failed", "Completed") == "Failed"
