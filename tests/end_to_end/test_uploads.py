"""Submissions with files, over a socket: what an answer promises, what happens when the server dies, and limits."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.disks import Disk, disk, fill_disk
from tests.forms import Part, field, file, form
from tests.helpers import PATIENCE, Answer, Server, serving, wait_for, write_definition

__all__ = ["disk"]

FILE = {"type": "string", "format": "file"}
MIB = 1 << 20


def write_readers(folder: Path) -> None:
    text: dict[str, Any] = {"protocol": "text", "params": {"file": FILE}, "args": ["{file}"]}
    write_definition(folder, "cat", command=["/bin/cat"], **text)
    write_definition(folder, "size", command=["/usr/bin/wc"], **text | {"args": ["-c", "{file}"]})
    again = {"attempts": 3, "delay": "0s", "on": ["lost", "exit"]}
    waits = 'cat "$1"; [ "$TASKY_ATTEMPT" -gt 1 ] || exec sleep 600'
    program = folder / "waits.sh"
    program.write_text(f"#!/bin/sh\n{waits}\n")
    program.chmod(0o755)
    write_definition(folder, "waits", command=["./waits.sh"], retry=again, **text)
    write_definition(folder, "plain", command=["/bin/true"], protocol="text")


@pytest.fixture
def workers(tmp_path: Path) -> Path:
    write_readers(tmp_path / "workers.d")
    return tmp_path / "workers.d"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all that do not kill it."""
    folder = tmp_path_factory.mktemp("uploads")
    write_readers(folder / "workers.d")
    with serving(folder / "workers.d", folder / "state", TASKY_MAX_UPLOAD="64MiB") as server:
        yield server


@pytest.fixture
def mortal(workers: Path, tmp_path: Path) -> Iterator[Server]:
    with serving(workers, tmp_path / "state") as server:
        yield server


def send(server: Server, worker: str, *parts: Part, query: str = "", **headers: str) -> Answer:
    body, content_type = form(*parts)
    headers = {"Content-Type": content_type, **headers}
    return server.request("POST", f"/workers/{worker}{query}", body, **headers)


def left(server: Server) -> list[str]:
    return sorted(os.listdir(server.state / "uploads"))  # noqa: PTH208


def await_nothing_left(server: Server) -> None:
    wait_for(lambda: not left(server), "no file of a submission is left")


def test_killed_right_after_the_answer(mortal: Server) -> None:
    query = "?at=2000-01-01T00:00:00Z"
    answers = [send(mortal, "cat", file("file", b"sent %d" % n), query=query) for n in range(20)]
    mortal.kill()
    mortal.start()
    for number, answer in enumerate(answers):
        assert answer.status == 201
        task_id = answer.json["TaskId"]
        status = mortal.await_status(task_id, "Completed", "Failed")
        result = mortal.get(f"/tasks/{task_id}/result")
        if status == "Completed":
            assert result["Output"] == {"string_output": f"sent {number}"}
        else:  # it was under way
            assert result["Error"]["code"] == "lost"
    await_nothing_left(mortal)


def test_those_that_wait_have_their_files_after_a_kill(mortal: Server) -> None:
    later = "?at=2100-01-01T00:00:00Z"
    waiting = [
        send(mortal, "cat", file("file", b"x"), query=later).json["TaskId"] for _ in range(3)
    ]
    staged = mortal.state / "uploads" / "new-0123"
    staged.mkdir()
    (staged / "1-upload-1").write_bytes(b"half of a f")
    (mortal.state / "uploads" / ("0" * 32)).mkdir()
    mortal.kill()
    mortal.start()
    wait_for(lambda: left(mortal) == waiting, "what belongs to no task is removed, and no more")
    for task_id in waiting:
        mortal.request("POST", f"/tasks/{task_id}/cancel")
    await_nothing_left(mortal)


def test_another_attempt_after_a_kill_has_the_same_file(mortal: Server) -> None:
    task_id = send(mortal, "waits", file("file", b"the same\n")).json["TaskId"]
    wait_for(lambda: b"the same" in mortal.request("GET", f"/tasks/{task_id}/log").body)
    mortal.kill()
    mortal.start()
    mortal.await_status(task_id, "Completed")
    assert mortal.get(f"/tasks/{task_id}/result")["Output"] == {"string_output": "the same"}
    await_nothing_left(mortal)


def test_a_large_one_is_never_in_memory(server: Server) -> None:
    def memory() -> int:
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) << 10

    send(server, "size", file("file", b"x" * MIB), query="?wait=30s")
    before = memory()
    answer = send(server, "size", file("file", b"x" * (60 * MIB)), query="?wait=30s")
    assert answer.json["Output"]["string_output"].split()[0] == str(60 * MIB)
    assert memory() - before < 16 * MIB
    await_nothing_left(server)


def test_to_a_worker_of_another_user_it_is_somebody_elses() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can start a worker as another user")
    script = 'id -un; cat "$1"; chmod u+w "$1" 2>/dev/null || echo refused; rm "$1"'
    above = Path(tempfile.gettempdir()).parent  # those of the tests nobody passes through
    with tempfile.TemporaryDirectory(prefix="tasky-", dir=above) as folder:
        workers = Path(folder) / "workers.d"
        Path(folder).chmod(0o755)
        write_definition(
            workers,
            "other",
            command=["/bin/sh", "-c", script, "sh"],
            user="nobody",
            protocol="text",
            params={"file": FILE},
            args=["{file}"],
            retry={"attempts": 2, "delay": "0s"},
        )
        with serving(workers, Path(folder) / "state") as server:
            answer = send(server, "other", file("file", b"sent\n"), query="?wait=30s")
            assert answer.json["Output"] == {"string_output": "nobody\nsent\nrefused"}
            await_nothing_left(server)


# ---------------------------------------------------------------------- what is taken, and what is not


def head(path: str, length: int | str, media_type: str = form()[1], *more: str) -> bytes:
    """Of a request with a body: `length` in bytes, or its coding."""
    how = f"Content-Length: {length}" if isinstance(length, int) else f"Transfer-Encoding: {length}"
    lines = [f"POST /tasky/v1{path} HTTP/1.1", "Host: localhost", f"Content-Type: {media_type}"]
    return "\r\n".join([*lines, how, *more, "", ""]).encode()


def ask(server: Server, request: bytes) -> bytes:
    """The beginning of the answer, to a request of which no more than this is sent."""
    with socket.create_connection(server.address, PATIENCE) as connection:
        connection.sendall(request)
        return connection.recv(65536)


@pytest.mark.parametrize(
    ("path", "length", "status"),
    [
        ("/workers/cat", 64 * MIB + 1, 413),
        ("/workers/plain", 2 * MIB, 413),
        ("/workers/nobody", 2 * MIB, 413),
        ("/workers/cat/enable", 2 * MIB, 413),
        (f"/tasks/{'0' * 32}/cancel", 2 * MIB, 413),
        ("/workers/cat", 10**17, 413),
    ],
)
@pytest.mark.parametrize("expect", [False, True])
def test_refused_before_it_is_sent(
    server: Server, path: str, length: int, status: int, expect: bool
) -> None:
    more = ["Expect: 100-continue"] if expect else []
    answer = ask(server, head(path, length, form()[1], *more))
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"application/problem+json" in answer
    assert not left(server)


def test_json_stays_small(server: Server) -> None:
    request = head("/workers/cat", 2 * MIB, "application/json")
    assert ask(server, request).startswith(b"HTTP/1.1 413 ")


def test_asked_to_go_on(server: Server) -> None:
    request = head("/workers/cat", 2 * MIB, form()[1], "Expect: 100-continue")
    assert ask(server, request).startswith(b"HTTP/1.1 100 ")


def test_in_chunks(server: Server) -> None:
    body, content_type = form(file("file", b"in chunks " * 5000))
    pieces = [body[start : start + 999] for start in range(0, len(body), 999)]
    connection = http.client.HTTPConnection(*server.address, timeout=PATIENCE)
    with contextlib.closing(connection):
        headers = {"Content-Type": content_type}
        connection.request("POST", "/tasky/v1/workers/size?wait=30s", iter(pieces), headers)
        output = json.loads(connection.getresponse().read())["Output"]["string_output"]
    assert output.split()[0] == "50000"


def test_a_client_that_goes_away_leaves_nothing(server: Server) -> None:
    def spooled() -> int:
        links = Path(f"/proc/{server.process.pid}/fd").iterdir()
        with contextlib.suppress(OSError):
            return sum("/uploads/" in os.readlink(link) for link in links)  # noqa: PTH115
        return -1

    body, _ = form(file("file", b"x" * MIB))
    with socket.create_connection(server.address, PATIENCE) as connection:
        connection.sendall(head("/workers/cat", 2 * MIB) + body)
        wait_for(lambda: spooled() == 1, "it is collected on the disk of the state directory")
    wait_for(lambda: spooled() == 0, "its room is given back")
    assert not left(server)


@pytest.mark.case("S1")
def test_a_disk_without_room(workers: Path, disk: Disk) -> None:
    """Files are refused first; tasks without any are made as long as there is room for them."""
    state = disk(300 * MIB) / "state"
    with serving(workers, state, TASKY_MAX_UPLOAD="1GiB") as server:
        answer = ask(server, head("/workers/cat", 200 * MIB))
        assert answer.startswith(b"HTTP/1.1 507 ")
        assert str(state).encode() not in answer
        assert send(server, "cat", file("file", b"x"), query="?wait=30s").status == 200
        fill_disk(state.parent, 50 * MIB)
        small = file("file", b"x")
        assert send(server, "cat", small).status == 507
        assert server.submit("plain")
        await_nothing_left(server)


def test_a_disk_that_fills_up_meanwhile(workers: Path, disk: Disk) -> None:
    state = disk(300 * MIB) / "state"
    with serving(workers, state, TASKY_MAX_UPLOAD="1GiB") as server:
        size = 90 * MIB
        body, _ = form(file("file", b"x" * size))
        with socket.create_connection(server.address, PATIENCE) as connection:
            connection.sendall(head("/workers/cat", len(body)) + body[: 20 * MIB])
            filler = fill_disk(state.parent)
            with contextlib.suppress(OSError):
                connection.sendall(body[20 * MIB :])
            answer = b""
            with contextlib.suppress(OSError):
                answer = connection.recv(65536)
        assert not answer or answer.startswith(b"HTTP/1.1 507 ")
        filler.unlink()
        await_nothing_left(server)
        assert send(server, "cat", field("params", {}), file("file", b"x")).status == 201
        await_nothing_left(server)


def token(server: Server, scope: str) -> dict[str, str]:
    """The header of a new one."""
    made = subprocess.run(
        [
            *(sys.executable, "-m", "tasky", "token", "create", "--name", scope[-4:-1]),
            *("--scope", scope, "--state-dir", str(server.state)),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    (text,) = re.findall(r"tsk_\S+", made.stdout)
    return {"Authorization": f"Bearer {text}"}


def test_who_may_not_run_it_is_told_before_much_is_sent(workers: Path, tmp_path: Path) -> None:
    with serving(workers, tmp_path / "state", TASKY_AUTH="true") as server:
        headers = [{}, {"Authorization": "Bearer tsk_none"}, token(server, "run:plain")]
        for given, status in zip(headers, (401, 401, 404), strict=True):
            lines = [f"{name}: {text}" for name, text in given.items()]
            answer = ask(server, head("/workers/cat", 50 * MIB, form()[1], *lines))
            assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer
            assert send(server, "cat", file("file", b"x"), **given).status == status
        assert not left(server)
        content = file("file", b"x" * 5 * MIB)
        answer = send(server, "size", content, query="?wait=30s", **token(server, "run:siz*"))
        assert answer.json["Output"]["string_output"].split()[0] == str(5 * MIB)
