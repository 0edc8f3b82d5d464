"""Every console example of the README and of the pages on the API is run against a real server, as it stands but for
the server's address and the tasks' ids. What it is said to answer is compared (see `examples`)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasky.model.access import Scope
from tasky.store import Tokens
from tests.helpers import (
    PATIENCE,
    Server,
    link_bundled,
    serving,
    wait_for,
    write_worker,
)

from .examples import Example, check, check_events, examples

PAGES = ("README.md", "docs/api.md", "docs/authentication.md", "docs/metrics.md")
EXAMPLES = [example for page in PAGES for example in examples(page)]
#: What is not run here, by how it begins, and why.
ELSEWHERE = {
    "scripts/": "it is how this test was started",
    "TASKY_AUTH=true tasky serve": "it is the server that the others are asked of",
    "tasky run lookup": "tests/config loads that definition, and it needs a resolver",
}
#: The tasks that the pages speak of: the worker and its parameters, by how their ids, or the short ones, begin.
TASKS: dict[str, tuple[str, dict[str, object]]] = {
    "01a20eb81713": ("sleeper", {"seconds": 60}),
    "01a20eb81ee7": ("backup", {}),
    "01a20eb81caa": ("copyfile", {"source": "/etc/nothing", "destination": "/tmp/nothing"}),
    "01a20ebaf590": ("scan", {}),
    "01a20eb817bf": ("sleeper", {"seconds": 60}),
    "01a20eb8177d": ("ifconfig", {}),
    "01a20ebcd37d": ("sleeper", {"seconds": 60}),
    "01a20ebcd38a": ("sleeper", {"seconds": 60}),
    "01a20eb78da2": ("ifconfig", {}),
    "01a213bf76a6": ("sleeper", {"seconds": 3}),
    "ddef5121": ("sleeper", {"seconds": 60}),
    "0a595962": ("sleeper", {"seconds": 60}),
}
ENDED = {"Completed", "Failed"}
BUNDLED = ("copyfile", "ifconfig", "sleeper", "diskfree")
#: Stand-ins for workers that the pages show parts of.
BACKUP = """
import json, os
for name in ("backup.tar.gz", "notes.txt"):
    open(name, "w").write("Dear reader")
    print(json.dumps({"type": "artifact", "path": name}))
print(json.dumps({"type": "result", "output": {"files": 2, "bytes": 152}}))
"""
SCAN = """
import json, time
print("scanning /srv", flush=True)
full = {"type": "log", "level": "warning", "message": "disk nearly full", "free": 3, "path": "/srv"}
print(json.dumps(full), flush=True)
print(json.dumps({"type": "progress", "percent": 50}), flush=True)
time.sleep(0.5)
print(json.dumps({"type": "result", "output": {"files": 3}}))
"""
WORDCOUNT = 'print(\'{"type":"result","output":1}\')'


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workers = tmp_path_factory.mktemp("examples") / "workers.d"
    link_bundled(workers, *BUNDLED)
    write_worker(workers, "backup", BACKUP, description="Packs a folder.")
    write_worker(workers, "scan", SCAN)
    file = {"type": "string", "format": "file"}
    write_worker(workers, "wordcount", WORDCOUNT,
                 params={"file": file, "lines": {"type": "boolean", "default": False}})  # fmt: skip
    return workers


@pytest.fixture(scope="module")
def stage(workers: Path) -> Iterator[Server]:
    if shutil.which("curl") is None:
        pytest.skip("THE EXAMPLES ARE NOT TESTED: no curl; scripts/test --system installs it")
    with serving(workers, workers.parent / "state") as server:
        yield server


@pytest.fixture
def guarded(workers: Path, tmp_path: Path) -> Iterator[Server]:
    """One that wants a token."""
    with serving(workers, tmp_path / "state", TASKY_AUTH="true") as server:
        yield server


@pytest.fixture
def arrange(stage: Server) -> Iterator[dict[str, str]]:
    """The ids that are there for those on the page. What still runs afterwards is canceled."""
    found: dict[str, str] = {}
    yield found
    listed = stage.get("/tasks/?status=Running,Queued,Paused,Canceling")["Tasks"]
    for task in listed:
        stage.request("POST", f"/tasks/{task['TaskId']}/cancel?grace=0s")
        stage.await_status(task["TaskId"], "Canceled", "Completed", "Failed")


def task_for(server: Server, shown: str, example: Example, status: str) -> str:
    """A task as the one that is shown in the example, in this state."""
    worker, params = next(
        (task for prefix, task in TASKS.items() if shown.startswith(prefix)), ("", {})
    )
    assert worker, f"{example}: which task is {shown}? Say so in TASKS"
    labels = "?label=team:ops" if '"team"' in example.output else ""
    task_id = server.submit(worker, params, labels)
    live = worker == "sleeper"
    if live:
        server.await_status(task_id, "Running")
        if "Progress" in example.output:
            wait_for(lambda: "Progress" in server.get(f"/tasks/{task_id}/status"), "it has begun")
        if status == "Canceled":
            server.request("POST", f"/tasks/{task_id}/cancel")
            server.await_status(task_id, "Canceled")
    elif not example.command.endswith("/events"):
        server.await_status(task_id, *ENDED)
    return task_id


def typed(server: Server, example: Example, ids: dict[str, str]) -> str:
    """The command for this server."""
    host, port = server.address
    for shown in example.ids:
        ids.setdefault(shown, task_for(server, shown, example, example.status))
    for shown, status in example.listed:
        task_for(server, shown, example, status)
    command = re.sub(r"(?:localhost|127\.0\.0\.1):8888", f"{host}:{port}", example.command)
    for shown, real in ids.items():
        command = command.replace(shown, real)
    if match := re.fullmatch(r"(tasky cancel) ([0-9a-f]{4,8})", command):
        (shown,) = (each for each in TASKS if each.endswith(match[2]))
        command = f"{match[1]} {task_for(server, shown, example, 'Running')}"
    return command


def shell(server: Server, folder: Path, token: str = "") -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    clean = {key: value for key, value in os.environ.items() if not key.startswith("TASKY_")}
    ours = {"TASKY_URL": server.url, "TASKY_TOKEN": token, "TASKY_STATE_DIR": str(server.state)}
    return clean | {"PATH": path, "HOME": str(folder)} | {k: v for k, v in ours.items() if v}


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_example(
    stage: Server,
    arrange: dict[str, str],
    example: Example,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    if any(example.command.startswith(start) for start in ELSEWHERE):
        return
    (tmp_path / "letter.txt").write_text("Dear reader\n")
    server, token = stage, ""
    if example.wants_token:
        server = request.getfixturevalue("guarded")
        if "token create" not in example.command:
            scopes = (Scope.parse("run:sleeper"), Scope.parse("read"))
            token, _ = Tokens(server.state).create("ci", scopes)
    command = typed(server, example, arrange)
    environ = shell(server, tmp_path, token)
    if "/v1/events" in command:
        check_events(example.output, endless(stage, command, environ, example.output))
        return
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=environ, capture_output=True, text=True,
        timeout=2 * PATIENCE,
    )  # fmt: skip
    said = done.stdout + done.stderr if example.command.startswith("tasky") else done.stdout
    assert example.command.startswith("tasky") or done.returncode == 0, done.stderr
    check(example.output, said)


def endless(server: Server, command: str, environ: dict[str, str], documented: str) -> str:
    """What a stream without an end says until what is documented has come."""
    heard: list[str] = []
    with subprocess.Popen(
        ["sh", "-c", f"exec {command}"], env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        heard.append(process.stdout.readline())
        server.submit("copyfile", {"source": "/etc/hostname", "destination": "/dev/null"})
        wanted = set(re.findall(r"^event: .*$", documented, re.MULTILINE))
        while not (wanted <= {line.strip() for line in heard} and heard[-1] == "\n"):
            line = process.stdout.readline()
            assert line, heard
            heard.append(line)
        process.terminate()
    return "".join(heard)


def test_they_are_found() -> None:
    """Neither the pages nor what they are searched for have changed so that none is."""
    assert {page: sum(each.page == page for each in EXAMPLES) >= least
            for page, least in zip(PAGES, (10, 25, 2, 1), strict=True)} == dict.fromkeys(PAGES, True)  # fmt: skip


@pytest.mark.parametrize(
    ("documented", "answer"),
    [
        ('{"TaskId":"x","By":"ci"}', '{"TaskId":"y"}'),
        ('{"TaskId":"x"}', '{"TaskId":"y","By":"ci"}'),
        ('{"Status":"Running"}', '{"Status":"Failed"}'),
        ('{"Seconds":1}', '{"Seconds":"1"}'),
        ('[{"name":"copyfile"}, …]', '[{"title":"copyfile"}]'),
        ("HTTP/1.1 201 Created\nLocation: /", "HTTP/1.1 201 Created\r\nServer: x\r\n\r\n"),
        ("event: status\ndata: {}", "event: log\ndata: {}\n\n"),
        ("no space left", "no space"),
    ],
)
def test_what_is_not_as_documented_is_found(documented: str, answer: str) -> None:
    with pytest.raises(AssertionError):
        check(documented, answer)
