"""The commands about tasks that exist."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasky.client import Client, EventStream
from tests.cli.conftest import Tasky, Terminal
from tests.helpers import Server, wait_for

OnTerminal = Callable[..., str]


def running(tasky: Tasky, server: Server, *arguments: str) -> str:
    """A task that runs and has told its progress."""
    task_id = tasky("run", "talk", *arguments).out.strip()
    wait_for(lambda: server.get(f"/tasks/{task_id}/status").get("Progress"))
    return task_id


def ended(tasky: Tasky, *arguments: str) -> str:
    return str(tasky("run", *arguments, "--wait", "--json").json["TaskId"])


def test_ps(tasky: Tasky, server: Server) -> None:
    failed = ended(tasky, "fail", "-l", "test:ps")
    task_id = running(tasky, server, "-l", "test:ps")
    done = tasky("ps", "--label", "test:ps")
    header, first, second = done.out.splitlines()
    assert header.split() == [
        "TASK",
        "WORKER",
        "STATUS",
        "CREATED",
        "DURATION",
        "PROGRESS",
        "OR",
        "ERROR",
    ]
    assert first.split()[:3] == [task_id[-8:], "talk", "Running"]
    assert first.endswith("42% half way")
    assert second.split()[:3] == [failed[-8:], "fail", "Failed"]
    assert second.endswith("worker: no such city")
    assert (
        tasky("ps", "-l", "test:ps", "--full", "-s", "failed")
        .out.splitlines()[1]
        .startswith(failed)
    )
    documents = tasky("ps", "--label", "test:ps", "--json").documents
    assert [one["TaskId"] for one in documents] == [task_id, failed]
    assert documents[0]["Progress"]["Percent"] == 42.4
    tasky("cancel", task_id)


def test_ps_filters_and_limits(tasky: Tasky) -> None:
    label = ("-l", "test:limits")
    ids = [tasky("run", "nothing", *label).out.strip() for _ in range(23)][::-1]

    def listed(*arguments: str) -> list[str]:
        return [one["TaskId"] for one in tasky("ps", *label, "--json", *arguments).documents]

    assert listed() == ids[:20]
    assert listed("-n", "2") == ids[:2]
    assert listed("--all") == ids
    assert listed("--worker", "fail") == []
    shown = tasky("ps", *label, "--limit", "2")
    assert len(shown.out.splitlines()) == 3
    assert "--all" in shown.err
    assert tasky("ps", *label, "--all").err == ""
    assert tasky("ps", "--status", "Lost").status == 2


def test_ps_on_a_terminal_fits_and_is_coloured(
    tasky: Tasky, server: Server, on_terminal: OnTerminal
) -> None:
    task_id = running(tasky, server, "-l", "test:fits")
    for columns in ("80", "100"):
        text = on_terminal("ps", "-l", "test:fits", COLUMNS=columns, NO_COLOR="1")
        assert max(map(len, text.splitlines())) <= int(columns)
        assert "\x1b" not in text
    coloured = on_terminal("ps", "-l", "test:fits")
    assert "\x1b[36mRunning" in coloured
    assert "\x1b[31m" not in coloured, "the worker's own colour"
    assert "\x1b" not in on_terminal("ps", "-l", "test:fits", TERM="dumb")
    assert "\x1b" not in tasky("ps", "-l", "test:fits").out
    tasky("cancel", task_id)


def test_show(tasky: Tasky, server: Server) -> None:
    task_id = ended(tasky, "echo", "text=hello", "password=geheim", "-l", "test:show")
    out = tasky("show", task_id).out
    lines = [line.split() for line in out.splitlines()]
    for wanted in (["Task", task_id], ["Worker", "echo"], ["Status", "Completed"],
                   ["Labels", "test:show"], ["text", "=", '"hello"'], ["count", "=", "1"]):  # fmt: skip
        assert wanted in lines
    assert "geheim" not in out
    assert '"text": "hello"' in out, "the output"
    assert tasky("show", task_id, "--json").json["Params"]["text"] == "hello"


def test_show_a_failed_task(tasky: Tasky) -> None:
    out = tasky("show", ended(tasky, "fail")).out
    assert "Error     worker: no such city\n" in out
    assert "exit status 0" in out or "1.  " in out


def test_show_files(tasky: Tasky) -> None:
    out = tasky("show", ended(tasky, "leave")).out
    assert "Files\n  sub/data.csv (8B, text/csv)\n  empty (0B, text/csv)\n" in out


def test_log(tasky: Tasky) -> None:
    task_id = ended(tasky, "talk", "stay=false")
    lines = tasky("log", task_id).out.splitlines()
    assert sorted(lines) == sorted(
        ["plain \x1b[31mred\x1b[0m", "to stderr", "warning: hot degrees=80", "last words"]
    )
    # Which of two streams is first in the log is the supervisor's to say.
    assert tasky("log", task_id, "--tail", "1").out == f"{lines[3]}\n"
    assert tasky("log", task_id, "--after", "3").out == f"{lines[3]}\n"
    assert tasky("log", task_id, "--tail", "0").out == ""
    documents = tasky("log", task_id, "--json").documents
    assert [one["N"] for one in documents] == [1, 2, 3, 4]


def test_show_of_several_attempts(tasky: Tasky) -> None:
    out = tasky("show", ended(tasky, "flaky")).out
    section = out.partition("Attempts\n")[2].splitlines()[:2]
    assert re.fullmatch(r"  1\.  .* to .*  exit: exit status 1: not yet", section[0])
    assert re.fullmatch(r"  2\.  .* to .*  exit status 0", section[1])


def test_log_of_several_attempts(tasky: Tasky) -> None:
    task_id = ended(tasky, "flaky")
    note = "attempt 1 failed: exit status 1: not yet; attempt 2 follows"
    assert tasky("log", task_id).out == f"attempt 1\nnot yet\n{note}\nattempt 2\n"
    assert tasky("log", task_id, "--attempt", "2").out == "attempt 2\n"
    assert tasky("log", task_id, "--attempt", "1", "-n", "1").out == f"{note}\n"
    assert tasky("log", task_id, "--attempt", "3").out == ""
    assert tasky("log", task_id, "--attempt", "0").status == 2
    documents = tasky("log", task_id, "--json").documents
    assert [one["Attempt"] for one in documents] == [1, 1, 1, 2]
    assert tasky("log", "-f", task_id).out.endswith("attempt 2\n")


def once_watched(monkeypatch: pytest.MonkeyPatch, then: Callable[[], object]) -> None:
    """Has `then` called when the stream of events is connected."""
    watch = Client.task_events

    def watch_and_go_on(self: Client, task_id: str, **options: Any) -> EventStream:
        stream = watch(self, task_id, **options)
        then()
        return stream

    monkeypatch.setattr(Client, "task_events", watch_and_go_on)


@pytest.mark.parametrize("attempt", [None, "1"])
def test_following_goes_on_to_the_end_of_the_last_attempt_or_of_one(
    tasky: Tasky,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    attempt: str | None,
) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    task_id = tasky("run", "fallsandrises", f"folder={tmp_path}").out.strip()
    wait_for(lambda: server.request("GET", f"/tasks/{task_id}/log").body)
    once_watched(monkeypatch, first.touch)
    expected = "began 1\nended 1\nattempt 1 failed: exit status 1: ended 1; attempt 2 follows\n"
    if attempt is None:
        second.touch()
        assert tasky("log", "-f", task_id).out == f"{expected}began 2\n"
    else:
        assert tasky("log", "-f", task_id, "--attempt", attempt).out == expected
        assert server.status(task_id) in ("Queued", "Running")
        second.touch()
    server.await_status(task_id, "Completed")


@pytest.mark.case("L26")
def test_log_on_a_terminal(tasky: Tasky, on_terminal: OnTerminal) -> None:
    text = on_terminal("log", ended(tasky, "talk", "stay=false"))
    assert "plain red\n" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ((), "before\nafter\n"),
        (("--tail", "1"), "before\nafter\n"),
        (("--after", "1"), "after\n"),
        (("--tail", "0"), "after\n"),
    ],
)
def test_follow(
    tasky: Tasky,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    shown: str,
) -> None:
    file = tmp_path / "file"
    task_id = tasky("run", "waitforfile", f"path={file}").out.strip()
    wait_for(lambda: server.request("GET", f"/tasks/{task_id}/log").body)
    once_watched(monkeypatch, file.touch)
    done = tasky("log", "-f", task_id, *options)
    assert (done.status, done.out) == (0, shown)


def test_ctrl_c_ends_following_quietly(tasky: Tasky, server: Server) -> None:
    task_id = running(tasky, server)
    terminal = Terminal(server, "log", "--follow", task_id)
    terminal.read_until("hot")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert "Traceback" not in terminal.text
    assert server.status(task_id) == "Running"
    tasky("cancel", task_id)


def test_result(tasky: Tasky, server: Server) -> None:
    task_id = ended(tasky, "echo", "text=x")
    assert json.loads(tasky("result", task_id).out)["text"] == "x"
    assert tasky("result", task_id, "--json").json["Output"]["text"] == "x"
    assert tasky("result", ended(tasky, "fail")).status == 1
    task_id = running(tasky, server)
    done = tasky("result", task_id)
    assert (done.status, done.out) == (6, "")
    assert done.err == "tasky: the task is Running: it has no result yet\n"
    assert tasky("result", task_id, "--wait=50ms").status == 6
    tasky("cancel", task_id)
    done = tasky("result", task_id, "--wait")
    assert done.status == 5
    assert done.err == f"tasky: the task was canceled: {task_id}\n"
    assert tasky("result", "0" * 32).status == 3


@pytest.mark.case("L26")
def test_a_result_on_a_terminal(tasky: Tasky, on_terminal: OnTerminal) -> None:
    text = on_terminal("result", ended(tasky, "say", "text=\x1b]0;owned\x07\x1b[31mred"))
    assert text == "red\n"


def test_pause_resume_cancel(tasky: Tasky, server: Server) -> None:
    task_id = running(tasky, server)
    assert tasky("pause", task_id).out == f"{task_id[-8:]}  Paused\n"
    assert tasky("resume", task_id, "--json").json == {"TaskId": task_id, "Status": "Running"}
    assert tasky("cancel", task_id, "--grace", "0s").out == f"{task_id[-8:]}  Canceling\n"
    server.await_status(task_id, "Canceled")
    done = tasky("cancel", task_id)
    assert done.status == 3
    assert done.err == f"tasky: {task_id}: a task that is Canceled cannot be canceled\n"
    assert tasky("cancel").status == 2


def test_one_refusal_does_not_keep_the_others(tasky: Tasky, server: Server) -> None:
    over, live = ended(tasky, "nothing"), running(tasky, server)
    done = tasky("cancel", over, "0" * 32, live)
    assert done.status == 3
    assert done.out == f"{live[-8:]}  Canceling\n"
    assert len(done.err.splitlines()) == 2


def test_a_mistyped_id_stops_everything(tasky: Tasky, server: Server) -> None:
    task_id = running(tasky, server)
    assert tasky("cancel", task_id, "nope").status == 2
    assert server.status(task_id) == "Running"
    tasky("cancel", task_id)


def test_restart(tasky: Tasky, server: Server) -> None:
    first = ended(tasky, "nothing")
    second = tasky("restart", first).out.strip()
    assert server.get(f"/tasks/{second}")["RestartOf"] == first
    assert set(tasky("restart", first, "--json").json) == {"TaskId"}


def test_delete(tasky: Tasky, server: Server) -> None:
    one, two = ended(tasky, "nothing"), ended(tasky, "nothing")
    assert tasky("delete", one).out == f"{one[-8:]}  Deleted\n"
    assert tasky("delete", two, "--json").json == {"TaskId": two, "Status": "Deleted"}
    assert tasky("show", one).status == 3
    live = running(tasky, server)
    assert tasky("delete", live).status == 3
    tasky("cancel", live)


def test_files(tasky: Tasky, server: Server, tmp_path: Path) -> None:
    task_id = ended(tasky, "leave")
    listed = "sub/data.csv (8B, text/csv)\nempty (0B, text/csv)\n"
    assert tasky("files", task_id).out == listed
    paths = [one["Path"] for one in tasky("files", task_id, "--json").documents]
    assert paths == ["sub/data.csv", "empty"]
    assert tasky("files", task_id, "sub/data.csv").out == "a,b\n1,2\n"
    file = tmp_path / "fetched"
    assert tasky("files", task_id, "sub/data.csv", "-o", str(file)).status == 0
    assert file.read_bytes() == b"a,b\n1,2\n"
    assert tasky("files", task_id, "none", "-o", str(file)).status == 3
    assert file.read_bytes() == b"a,b\n1,2\n"
    assert tasky("files", task_id, "empty", "-o", str(file)).status == 0
    assert file.read_bytes() == b""
    assert tasky("files", task_id, "empty", "-o", str(tmp_path / "no/such")).status == 1
    assert tasky("files", task_id, "-o", str(file)).status == 2
    assert [one.name for one in tmp_path.iterdir()] == ["fetched"]


def test_an_id_by_its_last_digits(tasky: Tasky) -> None:
    task_id = ended(tasky, "nothing")
    assert tasky("show", task_id[-8:], "--json").json["TaskId"] == task_id
    assert tasky("show", task_id.upper(), "--json").json["TaskId"] == task_id
    done = tasky("show", "fffffffffff")
    assert done.status == 3
    assert done.err == "tasky: none of the newest 1000 tasks has an id that ends in fffffffffff\n"
    for wrong in ("fff", "xyzt", "0" * 33, ""):
        assert tasky("show", wrong).status == 2


def test_an_ambiguous_id(tasky: Tasky, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = f"{1:028}abcd", f"{2:028}abcd"
    monkeypatch.setattr(Client, "tasks", lambda *_, **__: iter([{"TaskId": one}, {"TaskId": two}]))
    done = tasky("cancel", "abcd")
    assert done.status == 2
    assert "2 tasks have an id that ends in abcd: give more digits" in done.err
    assert one in done.err
    assert two in done.err
