"""What keeps a server from starting, and what it says then."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers import Server, write_definition


def start(
    workers: Path, state: Path, *arguments: str, before: tuple[str, ...] = ()
) -> tuple[int, str]:
    """Runs `tasky serve`, as an argument of `before`, to its end, which must come by itself."""
    command = [*before, sys.executable, "-m", "tasky", "serve", "--workers-dir", str(workers)]
    done = subprocess.run(
        [*command, "--state-dir", str(state), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:8888"])
def test_only_loopback(workers: Path, tmp_path: Path, listen: str) -> None:
    status, said = start(workers, tmp_path / "state", "--listen", listen)
    assert status != 0
    assert "authentication" in said or "listen" in said
    assert not (tmp_path / "state").exists(), "nothing was made"


def test_a_port_in_use(workers: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = start(workers, tmp_path / "state", "--listen", f"127.0.0.1:{port}")
    assert status == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in said


def test_a_state_directory_in_use(server: Server, workers: Path) -> None:
    status, said = start(workers, server.state, "--listen", "127.0.0.1:0")
    assert status == 1
    assert f"another server (process {server.process.pid}) uses the state directory" in said
    assert server.run("true")["Status"] == "Completed"


@pytest.mark.case("C1", "C7")
def test_a_broken_definition(workers: Path, tmp_path: Path) -> None:
    file = write_definition(workers, "bad", comand=["/bin/true"])
    status, said = start(workers, tmp_path / "state", "--listen", "127.0.0.1:0")
    assert status == 78
    assert f"{file}:1: comand:" in said
    assert "'command'" in said or "command" in said.split("comand", 1)[1]


@pytest.mark.case("C1")
def test_a_definition_that_is_no_yaml(workers: Path, tmp_path: Path) -> None:
    file = workers / "bad.yaml"
    file.write_text("protocol: text\ncommand: [/bin/true\n")
    status, said = start(workers, tmp_path / "state", "--listen", "127.0.0.1:0")
    assert status == 78
    assert f"{file}:2: is not valid YAML at column 10: " in said
    assert not (tmp_path / "state").exists(), "nothing was made"


@pytest.mark.case("P27")
def test_limits_that_the_system_cannot_give(workers: Path, tmp_path: Path) -> None:
    status, said = start(
        workers,
        tmp_path / "state",
        *("--listen", "127.0.0.1:0"),
        before=("sh", "-c", 'ulimit -n 700; exec "$@"', "sh"),
    )
    assert status == 1
    assert "max_tasks: 64 needs 832 open files and the limit is 700" in said
    assert "set max_tasks to 37" in said


def test_a_unix_socket(serve: Callable[..., Server], workers: Path, tmp_path: Path) -> None:
    path = tmp_path / "tasky.sock"
    server = serve("--listen", f"unix:{path}")
    assert path.stat().st_mode & 0o777 == 0o660
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.0 200")
    server.kill()
    assert path.exists()
    server.start()  # what a killed server left is no obstacle
    assert server.stop() == 0
    assert not path.exists()
