"""Servers that a service manager has started, as far as they can tell."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.helpers import Server, write_definition, write_worker
from tests.systemd.told import Told

#: What systemd does between fork and exec: the socket to descriptor 3, and whom it is for.
PASS = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_FDNAMES="tasky.socket", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Activated(Server):
    """A server whose socket we hold."""

    held: socket.socket

    def start(self) -> None:
        self.passed = (self.held.fileno(),)
        self.prefix = (sys.executable, "-IS", "-c", PASS, str(self.held.fileno()))
        super().start()


@pytest.fixture
def workers(tmp_path: Path) -> Path:
    folder = tmp_path / "workers.d"
    write_definition(folder, "true", command=["/bin/true"], protocol="text")
    write_definition(folder, "sleep", command=["/bin/sleep", "600"], protocol="text")
    write_definition(
        folder, "environment", command=["/usr/bin/env"], protocol="text",
        pass_env=["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID"],
    )  # fmt: skip
    write_worker(
        folder,
        "polite",
        """
        import json, signal, sys
        signal.signal(signal.SIGTERM, lambda *_: (print('{"type":"result","output":"bye"}'), sys.exit(0)))
        print('{"type":"progress","percent":1}', flush=True)
        signal.pause()
        """,
        kill_grace="60s",
    )
    return folder


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    name = f"{tmp_path}/notify"
    return name if request.param == "path" else f"@tasky-test-{os.getpid()}-{tmp_path.name}"


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with Told(f"{tmp_path}/notify") as told:
        yield told


@pytest.fixture
def activate(workers: Path, tmp_path: Path) -> Iterator[Callable[..., Activated]]:
    with ExitStack() as undo:

        def start(held: socket.socket, *arguments: str, **environ: str) -> Activated:
            kind = type("Held", (Activated,), {"held": held})
            server: Activated = kind(workers, tmp_path / "state", *arguments, **environ)
            undo.callback(server.close)
            return server

        yield start
