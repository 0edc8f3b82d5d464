"""`tasky serve` as the first process of a PID namespace, as in a container."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import PATIENCE, wait_for, write_definition

_UNSHARE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
#: Where there is no root, with a user namespace.
_AS_USER = () if os.geteuid() == 0 else ("--user", "--map-root-user")


class Container:
    """As of a runtime: `sh -c 'helper & exec tasky serve'`, in a session of its own; `helper` is there before."""

    def __init__(self, root: Path, helper: str = "true", **environ: str) -> None:
        self.socket = root / "socket"
        write_definition(
            root / "workers.d", "sleep", command=["/bin/sleep", "1000"], protocol="text"
        )
        serve = [
            *(sys.executable, "-m", "tasky", "serve", "--listen", f"unix:{self.socket}"),
            *("--workers-dir", str(root / "workers.d"), "--state-dir", str(root / "state")),
        ]
        self.process = subprocess.Popen(
            [*_UNSHARE, *_AS_USER, "sh", "-c", f'{helper} & exec "$@"', "sh", *serve],
            start_new_session=True,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environ},
        )
        assert self.process.stderr is not None
        self.log = next(line for line in self.process.stderr if "listening on" in line)
        (self.pid,) = children(self.process.pid)

    def enter(self, script: str, *before: str) -> None:
        """As `docker exec` does."""
        command = (
            "nsenter",
            "--target",
            str(self.pid),
            "--pid",
            "--mount",
            *before,
            "sh",
            "-c",
            script,
        )
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    def submit(self) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(self.socket))
            connection.sendall(b"POST /tasky/v1/workers/sleep HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        return str(json.loads(answer.partition(b"\r\n\r\n")[2])["TaskId"])

    def stop(self, number: signal.Signals) -> int:
        """The exit status of the container, whose first process gets the signal."""
        os.kill(self.pid, number)
        return self.process.wait(PATIENCE)


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


@pytest.fixture
def containers(tmp_path: Path) -> Iterator[list[Container]]:
    made: list[Container] = []
    yield made
    for container in made:
        container.process.kill()  # the kernel ends all that is in it
        container.process.communicate()


@pytest.mark.parametrize(("mode", "session"), [("auto", "its own"), ("process-group", "none")])
def test_orphans_of_strangers_are_reaped(
    containers: list[Container], tmp_path: Path, mode: str, session: str
) -> None:
    """Whether a task runs or not, also those of what was there before; and they are not killed."""
    helper = "(sleep 0.1 & sleep 0.2 & exec sleep 0.3)"
    container = Container(tmp_path, helper, TASKY_CONTAINMENT=mode)
    containers.append(container)
    before = ("setsid",) if session == "its own" else ()
    wait_for(lambda: not children(container.pid), "what was there before has ended")
    container.enter("sleep 0.5 & sleep 1 &", *before)
    assert len(children(container.pid)) > 0
    wait_for(lambda: not children(container.pid), "no zombie is left")
    task = container.submit()
    (worker,) = wait_for(lambda: children(container.pid))
    container.enter("sleep 0.1 & sleep 1000 &", *before)
    wait_for(lambda: len(children(container.pid)) == 2, "the one that lives, and the task's")
    assert worker in children(container.pid)
    assert container.stop(signal.SIGTERM) == 0
    assert task


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_orderly(
    containers: list[Container], tmp_path: Path, number: signal.Signals
) -> None:
    container = Container(tmp_path)
    containers.append(container)
    container.submit()
    wait_for(lambda: children(container.pid))
    assert container.stop(number) == 0
    assert container.process.stderr is not None
    assert container.process.stderr.read().endswith("INFO    stopped\n")


def test_the_exit_status_of_what_cannot_start(tmp_path: Path) -> None:
    serve = (sys.executable, "-m", "tasky", "serve", "--workers-dir", str(tmp_path / "none"))
    done = subprocess.run(
        [*_UNSHARE, *_AS_USER, *serve, "--state-dir", str(tmp_path / "state")],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=PATIENCE,
    )
    assert done.returncode == 78
