"""tasky events"""

from __future__ import annotations

import re
import select
import signal
import subprocess

import pytest

from tasky.cli.event_lines import as_line
from tasky.client import DroppedEvent, Event, ResetEvent
from tests.cli.conftest import Tasky, Terminal, command, environment
from tests.helpers import Server, wait_for


def test_of_one_task(tasky: Tasky) -> None:
    task_id = tasky("run", "talk", "stay=false", "--wait", "--json").json["TaskId"]
    done = tasky("events", task_id[-8:])
    assert done.status == 0
    told, line = done.out.splitlines()
    assert told.endswith("  42% half way")
    assert re.fullmatch(rf"[\d:]{{8}}  {task_id[-8:]}  Completed(  [\d.]+m?s)?", line)
    lines = tasky("events", task_id, "--log").out.splitlines()
    assert sum("  | " in line for line in lines) == 4
    documents = tasky("events", task_id, "--log", "--after", "3", "--json").documents
    assert [one["event"] for one in documents] == ["status", "progress", "log", "result"]
    assert [one["id"] for one in documents if one["event"] == "log"] == ["4"]
    assert {one["task_id"] for one in documents} == {task_id}


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["0" * 32], 3),
        (["0" * 32, "--after", "x"], 2),
        (["0" * 32, "--worker", "x"], 2),
        (["--status", "unknown"], 2),
        (["0" * 32, "--url", "http://127.0.0.1:1"], 4),
    ],
)
def test_what_is_wrong(tasky: Tasky, words: list[str], status: int) -> None:
    assert tasky("events", *words).status == status


def test_of_all_until_ctrl_c(tasky: Tasky, server: Server) -> None:
    terminal = Terminal(server, "events", "--worker", "fail")
    seen = []

    def connected() -> bool:
        """The stream says nothing until something happens."""
        seen.append(tasky("run", "fail", "--wait", "--json").json["TaskId"])
        return terminal.has("Failed", 0.2)

    wait_for(connected)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert "\x1b[31mFailed" in terminal.text
    assert "worker: no such city" in terminal.text
    assert any(task_id[-8:] in terminal.text for task_id in seen)
    assert "Traceback" not in terminal.text


def test_a_pipe_gets_json_lines_at_once(tasky: Tasky, server: Server) -> None:
    process = subprocess.Popen(
        command("events", "--json", "--worker", "nothing"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(server),
    )
    try:
        wait_for(
            lambda: server.submit("nothing") and process.poll() is None and _is_readable(process)
        )
        assert process.stdout is not None
        assert '"event":"status"' in process.stdout.readline()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 130


def _is_readable(process: subprocess.Popen[str]) -> bool:
    return bool(select.select([process.stdout], [], [], 0.2)[0])


def test_what_else_there_is_to_say() -> None:
    dropped = DroppedEvent("dropped", "", "", {"count": 12})
    assert "12 events were left out here" in as_line(dropped, coloured=False)
    assert "may be missing" in as_line(ResetEvent("reset", "", "", {}), coloured=False)
    later = Event("later", "a" * 32, "", {"Worker": "w\x1b[2J", "x": "\x1b[31m"})
    assert as_line(later, coloured=False).endswith(
        'aaaaaaaa  w  later {"Worker": "w\\u001b[2J", "x": "\\u001b[31m"}'
    )
