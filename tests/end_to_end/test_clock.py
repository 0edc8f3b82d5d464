"""S16, P34: the wall clock is set back and ahead while the server runs, and between two runs."""

from __future__ import annotations

import struct
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import Server, serving, wait_for, write_worker
from tests.preload import build

DAY = 24 * 3600

_GATE = """
import json, sys, time
from pathlib import Path
gate = Path(json.loads(input())["params"]["gate"])
print('{"type":"progress","percent":1}', flush=True)
while not gate.exists():
    time.sleep(0.01)
"""


class Clock:
    """Of the servers that run with its `environ`: off by so many seconds."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set(0)
        self.environ = {"LD_PRELOAD": build("clock", folder), "TEST_CLOCK": str(self._file)}

    def set(self, seconds: int) -> None:
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("q", seconds))


def ready(server: Server, gate: Path) -> str:
    task_id = server.submit("gate", {"gate": str(gate)}, "?timeout=1h")
    wait_for(lambda: server.get(f"/tasks/{task_id}").get("Progress"), "it is up")
    return task_id


def ended(server: Server, task_id: str) -> Any:
    """Its document, which holds together."""
    assert server.await_status(task_id, "Completed", "Failed") == "Completed"
    task = server.get(f"/tasks/{task_id}")
    times = [datetime.fromisoformat(task[name]) for name in ("Created", "Started", "Finished")]
    assert times == sorted(times)
    assert 0 <= task["Seconds"] < 3600
    (attempt,) = task["Attempts"]
    assert attempt["Started"] <= attempt["Finished"]
    return task


@pytest.mark.case("S16", "P34")
def test_the_clock_is_set(workers: Path, tmp_path: Path) -> None:
    write_worker(workers, "gate", _GATE, params={"gate": {"type": "string"}})
    gate, clock = tmp_path / "open", Clock(tmp_path)
    made: list[str] = []
    with serving(workers, tmp_path / "state", **clock.environ) as server:
        made.append(server.run("true")["TaskId"])
        today = datetime.fromisoformat(ended(server, made[0])["Created"])

        made.append(ready(server, gate))
        clock.set(-DAY)
        made.append(server.run("true")["TaskId"])
        gate.touch()
        ended(server, made[1])
        back = datetime.fromisoformat(ended(server, made[2])["Created"])
        assert (back - today).total_seconds() < -DAY / 2, "the clock was set indeed"

        gate.unlink()
        made.append(ready(server, gate))
        clock.set(DAY)
        made.append(server.run("true")["TaskId"])
        gate.touch()
        ended(server, made[3])  # its time-out has not come
        assert server.stop() == 0

        clock.set(-2 * DAY)
        server.start()
        made.append(server.run("true")["TaskId"])
        ended(server, made[5])
        listed = [task["TaskId"] for task in server.get("/tasks/?limit=3")["Tasks"]]
        cursor = server.get("/tasks/?limit=3")["Next"]
        listed += [task["TaskId"] for task in server.get(f"/tasks/?after={cursor}")["Tasks"]]
        assert listed == made[::-1] == sorted(made, reverse=True)
        assert len(set(made)) == 6
