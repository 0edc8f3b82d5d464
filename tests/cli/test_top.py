"""tasky top"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tasky.cli.snapshot import Snapshot, frame
from tasky.client import TaskDocument
from tests.cli.conftest import Tasky, Terminal
from tests.client.stand_in import answer, playing
from tests.helpers import Server, wait_for

START = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)


def task(number: int, status: str, **members: Any) -> TaskDocument:
    document: dict[str, Any] = {
        "TaskId": f"{number:032x}",
        "Worker": "copyfile",
        "Status": status,
        "Created": "2026-11-25T12:00:00.000000Z",
        **members,
    }
    return document  # type: ignore[return-value]


def lines(snapshot: Snapshot, after: float, columns: int | None, height: int | None) -> list[str]:
    now = START + timedelta(seconds=after)
    return list(frame(snapshot, now, "http://h", columns, height, coloured=False))


SNAPSHOT = Snapshot(
    tasks=[
        task(1, "Running", Progress={"Percent": 42.4, "Message": "half \x1b[31mway"}),
        task(2, "Paused", Progress={"Message": "no percentage"}),
        task(3, "Queued", NotBefore="2026-11-26T12:00:00Z"),
        task(4, "Queued"),
    ],
    running=2,
    queued=9,
    workers=1,
)


def test_a_table() -> None:
    title, blank, head, *rows, more = lines(SNAPSHOT, 75, None, None)
    assert title.endswith("2 running, 9 queued, 1 workers  http://h")
    assert blank == ""
    assert head.split() == ["TASK", "WORKER", "STATUS", "FOR", "PROGRESS"]
    assert rows[0].split() == [
        "00000001", "copyfile", "Running", "1m15s", "[####......]", "42%", "half", "way",
    ]  # fmt: skip
    assert rows[1].endswith("no percentage")
    assert "not before 2026-11-2" in rows[2]
    assert more == "\u2026 and 7 more"


def test_durations_tick_and_never_go_back() -> None:
    found = [lines(SNAPSHOT, after, None, None)[3].split()[3] for after in (-5, 0.9, 1, 61)]
    assert found == ["0s", "0s", "1s", "1m1s"]


@pytest.mark.parametrize("columns", [20, 40, 79])
@pytest.mark.parametrize("height", [5, 6, 24])
def test_it_fits(columns: int, height: int) -> None:
    found = lines(SNAPSHOT, 5, columns, height)
    assert len(found) <= height
    assert all(len(line) <= max(columns, 46) for line in found), "what is fixed is not cut"
    if height == 5:
        assert found[-1] == "\u2026 and 10 more"


@pytest.fixture
def running(server: Server) -> Iterator[str]:
    task_id = server.submit("talk")
    wait_for(lambda: server.get(f"/tasks/{task_id}/status").get("Progress"))
    yield task_id
    server.request("POST", f"/tasks/{task_id}/cancel")
    server.await_status(task_id, "Canceled")


def test_one_snapshot_when_it_is_piped(tasky: Tasky, running: str) -> None:
    for words in (("top",), ("top", "--once")):
        done = tasky(*words)
        assert done.status == 0
        assert "1 running, 0 queued" in done.out
        assert re.search(
            rf"^{running[-8:]}  talk  +Running  .*\[####......\] 42% half way$", done.out, re.M
        )
        assert "\x1b" not in done.out
    document = tasky("top", "--json").json
    assert (document["running"], document["queued"]) == (1, 0)
    assert [one["TaskId"] for one in document["tasks"]] == [running]


@pytest.mark.parametrize("options", [["--once"], []], ids=["once", "dumb"])
def test_one_snapshot_on_a_terminal(server: Server, running: str, options: list[str]) -> None:
    environ = {} if options else {"TERM": "dumb"}
    terminal = Terminal(server, "top", *options, **environ)
    assert terminal.end() == 0
    assert running[-8:] in terminal.text
    assert "\x1b[?" not in terminal.text
    assert ("\x1b[36mRunning" in terminal.text) == bool(options)


@pytest.mark.parametrize("way", ["q", "ctrl-c", "sigterm"])
def test_it_lives_until_it_is_ended(server: Server, running: str, way: str) -> None:
    """The terminal is then as it was before."""
    terminal = Terminal(server, "top", "--interval", "100ms", keyboard=True)
    before = terminal.attributes()
    terminal.read_until(running[-8:])
    assert terminal.attributes() != before
    second = server.submit("sleep")
    terminal.read_until(second[-8:])
    server.request("POST", f"/tasks/{second}/cancel")
    if way == "q":
        terminal.type("q")
    else:
        terminal.process.send_signal(signal.SIGINT if way == "ctrl-c" else signal.SIGTERM)
    terminal.read_until("\x1b[?1049l")
    assert terminal.attributes() == before
    assert terminal.end() == 0
    assert "Traceback" not in terminal.text
    assert terminal.text.startswith("\x1b[?1049h\x1b[?25l")
    assert terminal.text.endswith("\x1b[?25h\x1b[?1049l")


def test_a_server_that_goes_away_meanwhile(server: Server) -> None:
    """Asked for what there is not any more, the last table stays, and it says why."""
    plays = [answer("[]"), answer('{"Tasks":[]}'), answer('{"Tasks":[]}', close=True)]
    with playing(*plays) as stand_in:
        terminal = Terminal(
            server, "top", "--interval", "100ms", "--url", stand_in.url, keyboard=True
        )
        terminal.read_until("0 running")
        terminal.read_until("no server at")
    terminal.type("q")
    assert terminal.end() == 0


def test_no_server_is_an_error(tasky: Tasky) -> None:
    assert tasky("top", "--url", "http://127.0.0.1:1").status == 4
    assert tasky("top", "--interval", "1ms").status == 2
