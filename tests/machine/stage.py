"""The test's end of the puppets (tests/workers/puppet.py): they come up here, and do what they are told."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.helpers import all_pids, wait_for

#: Seconds.
PATIENCE: Final = 20.0
_LOOK: Final = 0.5


class Puppet:
    """One attempt's process, as long as it is connected."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        self._connection: Final = connection
        self._lines: Final = connection.makefile()
        hello = self._answer()
        self.task_id: Final = str(hello.get("task"))
        self.attempt: Final = int(hello.get("attempt", 0))
        #: 0: it was killed before it could say who it is.
        self.pid: Final = int(hello.get("pid", 0))

    def does(self, what: str, **details: Any) -> None:
        """Tells it, and waits until it is done."""
        self.begins(what, **details)
        while "done" not in (answer := self._answer()):
            assert answer, f"the worker {self.pid} ended at: {what} {details}"

    def begins(self, what: str, **details: Any) -> None:
        """Tells it. It may be gone, or about to be: its descriptors are closed first."""
        try:
            self._connection.sendall(json.dumps({"do": what, **details}).encode() + b"\n")
        except OSError:
            wait_for(lambda: self.pid not in all_pids(), f"{self.pid} is gone: it does not listen")

    def hears_sigterm(self) -> None:
        assert "heard" in self._answer(), f"{self.pid} was sent SIGTERM"

    def kill(self) -> None:
        pidfd = os.pidfd_open(self.pid)
        try:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        finally:
            os.close(pidfd)

    def close(self) -> None:
        self._lines.close()
        self._connection.close()

    def _answer(self) -> Any:
        """What it says next; empty when it is gone."""
        try:
            return json.loads(self._lines.readline() or "{}")
        except ConnectionResetError:  # it had not read all that we sent
            return {}


class Stage:
    """A listening socket at `path`."""

    def __init__(self, path: Path) -> None:
        self._socket: Final = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(64)
        self._socket.settimeout(_LOOK)
        self._puppets: Final[dict[tuple[str, int], Puppet]] = {}

    def puppet(self, task_id: str, attempt: int, meanwhile: Callable[[], object]) -> Puppet:
        """Waits for this one to come up. `meanwhile` is called now and then; it raises if that cannot happen."""
        deadline = time.monotonic() + PATIENCE
        while (task_id, attempt) not in self._puppets:
            try:
                self._welcome(Puppet(self._socket.accept()[0]))
            except TimeoutError:
                meanwhile()
                late = time.monotonic() > deadline
                assert not late, f"attempt {attempt} of {task_id} does not start"
        return self._puppets[task_id, attempt]

    def _welcome(self, puppet: Puppet) -> None:
        key = puppet.task_id, puppet.attempt
        if not puppet.pid:
            puppet.close()
            return
        assert key not in self._puppets, f"attempt {puppet.attempt} runs twice"
        self._puppets[key] = puppet

    def clear(self) -> None:
        """Nobody is asked for again who came until now."""
        for puppet in self._puppets.values():
            puppet.close()
        self._puppets.clear()

    def close(self) -> None:
        self.clear()
        self._socket.close()
