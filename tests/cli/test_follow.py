"""tasky run --follow"""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Tasky, Terminal, command, environment
from tests.client.stand_in import answer, playing
from tests.helpers import Server, wait_for

ID = "0199f0c5a1b27c3d8e4f5a6b7c8d9e0f"


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r\n", "\n")


def test_plain_lines_and_then_the_result(tasky: Tasky) -> None:
    done = tasky("run", "talk", "stay=false", "--follow")
    first, *lines = done.err.splitlines()
    assert re.fullmatch(r"tasky: [0-9a-f]{32} Running", first)
    assert "tasky: 42% half way" in lines
    assert sorted(line for line in lines if not line.startswith("tasky:")) == [
        "last words", "plain red", "to stderr", "warning: hot degrees=80",
    ]  # fmt: skip
    assert done.status == 0
    assert done.out == "plain \x1b[31mred\x1b[0m\nlast words\n"


def test_the_exit_status_is_that_of_wait(tasky: Tasky, server: Server) -> None:
    done = tasky("run", "fail", "-f")
    assert (done.status, done.out) == (1, "as far as it came\n")
    assert done.err.endswith("tasky: the task failed: worker: no such city\n")
    process = subprocess.Popen(
        command("run", "sleep", "-f", "-l", "test:canceled-f"),
        stderr=subprocess.PIPE,
        env=environment(server),
    )
    found = wait_for(lambda: server.get("/tasks/?label=test:canceled-f&status=running")["Tasks"])
    tasky("cancel", found[0]["TaskId"])
    assert b"the task was canceled" in process.communicate()[1]
    assert process.returncode == 5


def test_json_has_the_events_and_the_result_last(tasky: Tasky) -> None:
    done = tasky("run", "flaky", "--follow", "--json")
    assert done.err == ""
    assert [one["event"] for one in done.documents][0::100] == ["status"]
    texts = [one["data"]["Text"] for one in done.documents if one["event"] == "log"]
    assert texts[0::3] == ["attempt 1", "attempt 2"]
    last = done.documents[-1]
    assert (last["event"], last["data"]["Status"]) == ("result", "Completed")


@pytest.mark.parametrize("words", [["--follow", "--wait=5s"], ["--cancel-on-interrupt"]])
def test_a_wrong_command_line(tasky: Tasky, words: list[str]) -> None:
    assert tasky("run", "nothing", *words).status == 2


def test_wait_without_a_time_goes_with_it(tasky: Tasky) -> None:
    assert tasky("run", "say", "text=x", "--wait", "--follow").out == "x\n"


def test_a_bar_on_a_terminal(server: Server) -> None:
    pytest.importorskip("rich")
    terminal = Terminal(server, "run", "talk", "--follow", "-l", "test:bar", LC_ALL="C.UTF-8")
    terminal.read_until("half way")
    (task,) = server.get("/tasks/?label=test:bar")["Tasks"]
    server.request("POST", f"/tasks/{task['TaskId']}/cancel")
    assert terminal.end() == 5
    text = terminal.text
    assert "\u2501" in text, "a bar"
    assert f"{task['TaskId'][-8:]}" in text
    assert "\x1b[33mwarning: hot degrees=80" in text
    assert "\x1b[31mred" not in text, "the worker's colour"
    assert "42%" in text
    assert text.rstrip().endswith(f"the task was canceled: {task['TaskId']}")
    assert text.count("\x1b[?25h") == text.count("\x1b[?25l") >= 1, "the cursor is there again"


def test_text_that_was_seen_is_not_printed_once_more(server: Server) -> None:
    terminal = Terminal(server, "run", "say", "text=only once", "-f", LC_ALL="C.UTF-8")
    assert terminal.end() == 0
    assert plain(terminal.text).count("only once") == 1


@pytest.mark.parametrize(
    "environ",
    [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["NO_COLOR", "TERM", "locale"],
)  # fmt: skip
def test_plain_lines_on_a_terminal(server: Server, environ: dict[str, str]) -> None:
    terminal = Terminal(server, "run", "talk", "stay=false", "--follow", **environ)
    assert terminal.end() == 0
    assert "\x1b" not in terminal.text
    assert "tasky: 42% half way" in terminal.text


def test_plain_lines_without_rich(server: Server, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'rich' else find(name, *rest)\n"
    )
    environ = {"PYTHONPATH": str(tmp_path), "LC_ALL": "C.UTF-8"}
    terminal = Terminal(server, "run", "talk", "stay=false", "--follow", **environ)
    assert terminal.end() == 0
    assert "\x1b" not in terminal.text
    assert "tasky: 42% half way" in terminal.text


def test_ctrl_c_leaves_the_task_alone(server: Server) -> None:
    terminal = Terminal(server, "run", "talk", "-f", "-l", "test:f-ctrl-c", LC_ALL="C.UTF-8")
    terminal.read_until("half way")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    (task,) = server.get("/tasks/?label=test:f-ctrl-c")["Tasks"]
    assert task["Status"] == "Running"
    assert f"the task goes on; to end it: tasky cancel {task['TaskId']}" in plain(terminal.text)
    assert "Traceback" not in terminal.text
    server.request("POST", f"/tasks/{task['TaskId']}/cancel")


def test_ctrl_c_may_cancel_it(server: Server) -> None:
    terminal = Terminal(
        server, "run", "talk", "-f", "--cancel-on-interrupt", "-l", "test:f-cancel",
        LC_ALL="C.UTF-8",
    )  # fmt: skip
    terminal.read_until("half way")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 5
    (task,) = server.get("/tasks/?label=test:f-cancel")["Tasks"]
    assert task["Status"] == "Canceled"
    text = plain(terminal.text)
    assert "canceling the task; Ctrl-C again" in text
    assert text.count("hot degrees") == 1, "lines are not told twice"


def test_the_second_ctrl_c_stops_following(server: Server) -> None:
    terminal = Terminal(
        server, "run", "ignore", "-f", "--cancel-on-interrupt", "-l", "test:second", NO_COLOR="1"
    )
    terminal.read_until("ready")
    terminal.process.send_signal(signal.SIGINT)
    terminal.read_until("Canceling")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    (task,) = server.get("/tasks/?label=test:second")["Tasks"]
    assert task["Status"] == "Canceling"
    server.request("POST", f"/tasks/{task['TaskId']}/cancel?grace=0s")


def test_no_stream_left(tasky: Tasky) -> None:
    plays = (
        answer(f'{{"TaskId":"{ID}"}}', "201 Created", close=True),
        answer(f'{{"TaskId":"{ID}","Status":"Completed"}}'),
        answer(f'{{"TaskId":"{ID}","Status":"Completed","Output":5}}'),
    )
    busy = answer('{"detail":"no stream is left"}', "503 Busy\r\nRetry-After: 5", close=True)
    with playing(plays[0], busy, *plays[1:]) as server:
        done = tasky("run", "x", "-f", "--url", server.url)
    assert (done.status, done.out) == (0, "5\n")
    assert "no stream is left: the task is waited for without its log" in done.err
    assert json.loads(done.out) == 5
