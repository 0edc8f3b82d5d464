"""Servers that are upgraded, and workers that tell how they fare meanwhile."""

from __future__ import annotations

import signal
import textwrap
from pathlib import Path

from tasky.daemon import Outcome
from tests.helpers import Server, wait_for, write_worker

#: Goes on when there is a file of that name in the folder; says that it waits by a line of its own.
_GATE = """
import json, os, signal, sys, time
FOLDER = {folder!r}

def say(**message):
    print(json.dumps(message), flush=True)

def reached(name):
    open(f"{{FOLDER}}/{{name}}.reached", "w").close()

def wait(name):
    reached(name)
    while not os.path.exists(f"{{FOLDER}}/{{name}}"):
        time.sleep(0.01)
"""


class Gates:
    """Files by which a test and its workers wait for each other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def await_reached(self, name: str) -> None:
        wait_for((self.folder / f"{name}.reached").exists, name)

    def open(self, name: str) -> None:
        (self.folder / name).touch()

    def worker(self, workers: Path, name: str, script: str, **definition: object) -> None:
        """One whose script has `say(...)` a message, and `wait("name")` until the test opens that gate."""
        before = _GATE.format(folder=str(self.folder))
        write_worker(workers, name, before + textwrap.dedent(script), **definition)


def ask(server: Server) -> None:
    server.process.send_signal(signal.SIGUSR2)


def await_outcome(server: Server, number: int = 1) -> Outcome:
    """Of the upgrade with this number in the server's state directory, or a later one."""

    def there() -> Outcome | None:
        if server.process.poll() is not None:
            raise AssertionError(f"the server has ended:\n{server.logged}")
        outcome = Outcome.read(server.state)
        return outcome if outcome is not None and outcome.number >= number else None

    outcome = wait_for(there, "an outcome of the upgrade")
    assert outcome is not None
    return outcome


def upgrade(server: Server) -> Outcome:
    """A whole one that must not be refused. The process is the same."""
    before = Outcome.read(server.state)
    ask(server)
    outcome = await_outcome(server, 1 if before is None else before.number + 1)
    assert outcome.reason is None, server.logged
    return outcome


def lines(server: Server, task_id: str) -> list[str]:
    """Of its log, without what Tasky itself says."""
    answer = server.request("GET", f"/tasks/{task_id}/log", Accept="text/plain")
    return answer.body.decode().splitlines()
