"""tasky run"""

from __future__ import annotations

import io
import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Tasky, Terminal, command, environment
from tests.helpers import PATIENCE, Server, wait_for, write_definition

ID_LENGTH = 32


def test_it_prints_the_id(tasky: Tasky, server: Server) -> None:
    done = tasky("run", "nothing")
    assert done.status == 0
    assert server.await_status(done.out.strip(), "Completed")
    assert done.out == done.out.strip() + "\n"


def test_with_json_it_prints_what_the_api_gives(tasky: Tasky, server: Server) -> None:
    assert server.status(tasky("run", "nothing", "--json").json["TaskId"])
    document = tasky("run", "echo", "text=x", "--json", "--wait").json
    assert document["Status"] == "Completed"
    assert document["Output"]["text"] == "x"


def test_values_follow_the_schema(tasky: Tasky) -> None:
    done = tasky(
        *("run", "--wait", "echo", "text=5", "count=6", "force=true", 'names=["a"]', "--json")
    )
    given = done.json["Output"]
    assert given == {"text": "5", "count": 6, "force": True, "names": ["a"], "password": ""}


def test_a_whole_object(tasky: Tasky, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "params.json"
    file.write_text('{"text": "from the file", "count": 3}')
    given = tasky("run", "echo", "-w", "--json", "-p", f"@{file}", "count=4").json["Output"]
    assert (given["text"], given["count"]) == ("from the file", 4)
    monkeypatch.setattr("sys.stdin", io.StringIO('{"text": "from stdin"}'))
    assert tasky("run", "echo", "-w", "--json", "-p", "-").json["Output"]["text"] == "from stdin"
    assert tasky("run", "echo", "-w", "--params", '{"text": "inline"}').status == 0


def test_parameters_that_are_all_json_need_no_schema(tasky: Tasky) -> None:
    assert tasky("run", "echo", 'text:="5"', "-w", "--json").json["Output"]["text"] == "5"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["echo", "count=five"], "this parameter is of type integer"),
        (["echo", "text"], "'text' is no parameter"),
        (["echo", "-p", "@/nonexistent/file"], "No such file"),
        (["echo", "-p", "[]"], "not an object"),
        (["echo", "--timeout", "5"], "lacks a unit"),
        (["echo", "--priority", "11"], "-10<=x<=10"),
        (["echo", "--label", "x"], "write key:value"),
        (["echo", "--at", "tomorrow"], "2030-01-31T08:00:00Z"),
        (["echo", "--idempotency-key", "\u2603"], "printable ASCII"),
        ([""], "the name is empty"),
        (["echo", "--wait=soon"], "is not a duration"),
        ([], "Missing argument 'WORKER'"),
    ],
)
def test_a_wrong_command_line(tasky: Tasky, arguments: list[str], said: str) -> None:
    done = tasky("run", *arguments)
    assert done.status == 2
    assert said in done.err
    assert not done.out


def test_what_the_server_refuses(tasky: Tasky) -> None:
    done = tasky("run", "echo", 'count:="x"')
    assert done.status == 3
    first, *others = done.err.splitlines()
    assert first == "tasky: 2 mistakes:"
    assert sorted(line.split()[0] for line in others) == ["/count:", "/text:"]
    done = tasky("run", "echo")
    assert (done.status, done.err) == (3, "tasky: text is required\n")
    assert tasky("run", "ecko", "text=x").err == (
        "tasky: there is no worker 'ecko'; did you mean echo?\n"
    )


def test_options(tasky: Tasky) -> None:
    done = tasky(
        *("run", "nothing", "--timeout", "1m", "--priority", "-2", "-l", "a:b", "--label", "c:d"),
        *("--at", "2030-01-31T08:00:00+01:00", "--idempotency-key", "options"),
    )
    task_id = done.out.strip()
    task = tasky("show", task_id, "--json").json
    assert task["Timeout"] == "1m0s"
    assert task["Priority"] == -2
    assert task["Labels"] == {"a": "b", "c": "d"}
    assert task["NotBefore"] == "2030-01-31T07:00:00.000000Z"
    assert tasky("cancel", task_id).status == 0


def test_the_same_key_gives_the_same_task(tasky: Tasky) -> None:
    first, second = (tasky("run", "nothing", "--idempotency-key", "x y") for _ in range(2))
    assert first.out == second.out


def test_wait_prints_text_as_it_is(tasky: Tasky) -> None:
    done = tasky("run", "say", "text=a \x1b[31mred\x1b[0m line\n", "-w")
    assert (done.status, done.out, done.err) == (0, "a \x1b[31mred\x1b[0m line\n", "")
    assert tasky("run", "say", "text=no end", "--wait").out == "no end\n"


def test_wait_prints_nothing_for_null_and_json_for_the_rest(tasky: Tasky) -> None:
    assert tasky("run", "nothing", "-w").out == ""
    assert json.loads(tasky("run", "echo", "text=ü", "-w").out)["text"] == "ü"


def test_wait_for_a_task_that_fails(tasky: Tasky) -> None:
    done = tasky("run", "fail", "-w")
    assert done.status == 1
    assert done.out == "as far as it came\n"
    assert done.err == "tasky: the task failed: worker: no such city\n"


def test_wait_for_a_task_that_is_canceled(tasky: Tasky, server: Server) -> None:
    process = subprocess.Popen(
        command("run", "sleep", "-w", "-l", "test:canceled", "--json"),
        stdout=subprocess.PIPE,
        env=environment(server),
    )
    found = wait_for(lambda: server.get("/tasks/?label=test:canceled&status=running")["Tasks"])
    tasky("cancel", found[0]["TaskId"])
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 5
    assert json.loads(out)["Status"] == "Canceled"


def test_a_wait_that_is_over(tasky: Tasky) -> None:
    done = tasky("run", "talk", "--wait=50ms", "--json")
    assert done.status == 6
    assert done.json["Status"] in ("Queued", "Running")
    assert done.json["TaskId"] in done.err
    tasky("cancel", done.json["TaskId"])


def test_wait_may_stand_before_the_worker(tasky: Tasky) -> None:
    assert tasky("run", "-w", "say", "text=x").out == "x\n"
    assert "'--wait' is no parameter" in tasky("run", "nothing", "--", "--wait").err


def test_ctrl_c_leaves_the_task_running(server: Server, on_terminal: Callable[..., str]) -> None:
    terminal = Terminal(server, "run", "talk", "--wait", "-l", "test:ctrl-c")
    terminal.read_until("42%")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    (task,) = server.get("/tasks/?label=test:ctrl-c")["Tasks"]
    assert task["Status"] == "Running"
    assert f"to end it: tasky cancel {task['TaskId']}" in terminal.text
    assert "Traceback" not in terminal.text
    assert "\x1b[31m" not in terminal.text, "the worker's colour"
    assert "half way" in terminal.text
    server.request("POST", f"/tasks/{task['TaskId']}/cancel")


def test_progress_is_for_terminals(server: Server, tasky: Tasky) -> None:
    done = subprocess.run(
        command("run", "talk", "stay=false", "-w"), capture_output=True, env=environment(server)
    )
    assert done.stderr == b""


def test_it_sends_files(tasky: Tasky, server: Server, tmp_path: Path) -> None:
    file = {"type": "string", "format": "file"}
    write_definition(
        server.workers, "cat", command=["cat"], args=["{parts}"], protocol="text",
        params={"parts": {"type": "array", "items": file, "minItems": 1}},
    )  # fmt: skip
    try:
        wait_for(lambda: tasky("workers", "cat").status == 0, "the server has it")
        (tmp_path / "a").write_text("one ")
        (tmp_path / "b").write_text("two")
        done = tasky("run", "cat", f"parts=@{tmp_path}/a", f"parts=@{tmp_path}/b", "--wait")
        assert (done.status, done.out.strip()) == (0, "one two")
        assert "write parts=@PATH" in tasky("run", "cat", "parts=/etc/passwd").err
        assert tasky("run", "cat", 'parts:=["/etc/passwd"]').status != 0
    finally:
        (server.workers / "cat.yaml").unlink()
        wait_for(lambda: tasky("workers", "cat").status != 0, "the server has it no more")
