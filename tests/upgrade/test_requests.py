"""Those who talk to the server while it is upgraded: nobody is refused."""

from __future__ import annotations

import http.client
import json
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import PATIENCE, Server, serving, wait_for
from tests.systemd.conftest import PASS

from .conftest import Start
from .support import Gates, ask, await_outcome, upgrade


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PATIENCE * 2)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def _ask_through(connection: http.client.HTTPConnection, path: str) -> Any:
    connection.request("GET", f"/tasky/v1{path}")
    return json.loads(connection.getresponse().read())


@pytest.mark.case("D18")
def test_whoever_asks_is_answered(workers: Path, gates: Gates, start: Start) -> None:
    """A connection that is kept open goes on; who waits for an end is told how it is now; a stream says that it ends;
    and of those who come in between, none is turned away."""
    gates.worker(workers, "long", 'wait("on")')
    server = start()
    task = server.submit("long")
    gates.await_reached("on")
    kept = http.client.HTTPConnection(*server.address, timeout=PATIENCE * 2)
    stream = http.client.HTTPConnection(*server.address, timeout=PATIENCE * 2)
    assert _ask_through(kept, f"/tasks/{task}/status")["Status"] == "Running"
    ours = kept.sock.getsockname()
    stream.request("GET", f"/tasky/v1/tasks/{task}/events")
    events = stream.getresponse()
    assert events.status == 200
    events.readline()
    waited: list[Any] = []
    waiting = threading.Thread(
        target=lambda: waited.append(server.request("POST", "/workers/long?wait=5m", {}))
    )
    waiting.start()
    wait_for(lambda: server.get("/tasks?status=Running")["Tasks"][1:], "the one that is waited for")
    with _Busy(server) as busy:
        upgrade(server)
        waiting.join(PATIENCE)
        assert waited[0].status == 202
    assert "shutdown" in events.read().decode()
    assert _ask_through(kept, f"/tasks/{task}/status")["Status"] == "Running"
    assert kept.sock.getsockname() == ours
    assert busy.failed == []
    gates.open("on")
    server.await_status(task, "Completed")
    server.await_status(waited[0].json["TaskId"], "Completed")
    kept.close()
    stream.close()


class _Busy:
    """Asks again and again, by a connection of its own each time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._over = threading.Event()
        self.failed: list[str] = []
        self._asked = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> _Busy:
        self._thread.start()
        self._asked.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                answer = self._server.request("GET", "/workers")
                if answer.status != 200:
                    self.failed.append(str(answer))
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
            self._asked.set()


class _Passed(Server):
    """With a socket of ours, which a service manager would hold."""

    held: socket.socket

    def start(self) -> None:
        self.passed = (self.held.fileno(),)
        self.prefix = (sys.executable, "-IS", "-c", PASS, str(self.held.fileno()))
        super().start()


@pytest.mark.case("D18")
@pytest.mark.parametrize("kind", ["passed", "path"])
def test_the_socket_stays(workers: Path, gates: Gates, tmp_path: Path, kind: str) -> None:
    """One that the service manager holds is still its own; one with a path goes at the end, as ever."""
    gates.worker(workers, "long", 'wait("on")')
    path = tmp_path / "socket"
    if kind == "passed":
        with socket.create_server(("127.0.0.1", 0)) as held:
            server = type("Held", (_Passed,), {"held": held})(workers, tmp_path / "state")
            try:
                task = server.submit("long")
                upgrade(server)
                assert server.status(task) == "Running"
                gates.open("on")
                server.await_status(task, "Completed")
                assert server.stop() == 0
                with socket.create_connection(held.getsockname(), PATIENCE):
                    pass  # it waits for the next server
            finally:
                server.close()
        return
    with serving(workers, tmp_path / "state", "--listen", f"unix:{path}") as server:
        connection = _Unix(str(path))
        assert "long" in str(_ask_through(connection, "/workers"))
        upgrade(server)
        assert "long" in str(_ask_through(connection, "/workers"))
        connection.close()
        assert server.stop() == 0
        assert not path.exists()


@pytest.mark.case("D18")
def test_asked_twice_and_stopped_meanwhile(workers: Path, gates: Gates, start: Start) -> None:
    """Of two that ask at once, both have their upgrade; a stop that comes at any moment of one is one."""
    gates.worker(workers, "long", 'wait("never")')
    server = start()
    task = server.submit("long")
    gates.await_reached("never")
    ask(server)
    wait_for(lambda: "the installed code rehearses" in server.logged)
    ask(server)
    wait_for(lambda: "an upgrade is under way already" in server.logged)
    assert await_outcome(server).reason is None
    assert server.status(task) == "Running"
    ask(server)
    wait_for(lambda: server.logged.count("the installed code rehearses") == 2)
    wait_for(lambda: server.logged.count("handing over") == 2)
    assert server.stop() == 0
    assert "stopped" in server.log[-1]
