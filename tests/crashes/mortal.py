"""A server that can be told where to die, reached by a socket that is the same after each start."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tasky.crash import LAST_WORDS
from tests.helpers import PATIENCE, Answer, Server, task_processes

_CRASH_AT: Final = "TASKY_CRASH_AT"


class Mortal(Server):
    """`start` is told by `arm` where the server is to die; then it may be dead already when `start` returns."""

    def __init__(self, workers: Path, state: Path, socket: Path, **environ: str) -> None:
        self.socket: Final = socket
        self._began = 0
        super().__init__(workers, state, "--listen", f"unix:{socket}", **environ)

    def arm(self, setting: str | None) -> None:
        """For the starts that follow: a value of TASKY_CRASH_AT, None to let it live."""
        self._environ = {key: value for key, value in self._environ.items() if key != _CRASH_AT}
        if setting is not None:
            self._environ[_CRASH_AT] = setting

    def set(self, **environ: str) -> None:
        """Settings for the starts that follow."""
        self._environ = {**self._environ, **environ}

    def start(self) -> None:
        if _CRASH_AT in self._environ:
            self.start_doomed()
        else:
            super().start()

    def start_doomed(self) -> None:
        """It may die meanwhile."""
        self._began = len(self.log)
        with contextlib.suppress(AssertionError):
            super().start()

    def await_death(self) -> str:
        """Waits until it has died by itself, and gives the point."""
        try:
            self._ended()
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not come to that point:\n{self.tail()}") from None
        said = [line for line in self.log[self._began :] if line.startswith(LAST_WORDS)]
        assert self.process.returncode == -signal.SIGKILL, self.tail()
        assert said, f"it was killed by somebody else:\n{self.tail()}"
        return said[0].removeprefix(LAST_WORDS).strip()

    def tail(self, lines: int = 30) -> str:
        """The end of what it logged."""
        return "".join(self.log[-lines:])

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        with Caller(self.socket) as caller:
            return caller.request(method, path, body, **headers)

    def close(self) -> None:
        """Also where a test failed, and the server is dead, or does not stop."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE)
            self.process.kill()
        for pid in task_processes(self.state):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        super().close()


class Caller:
    """One client's connection: kept open from request to request, made anew when the server has died."""

    def __init__(self, socket: Path, patience: float = PATIENCE) -> None:
        self._connection: Final = _UnixConnection(socket, patience)

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """As `Server.request`. Raises OSError or HTTPException where no whole answer came."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if data is not None:
            headers = {"Content-Type": "application/json", **headers}
        route = path[1:] if path.startswith("//") else f"/tasky/v1{path}"
        try:
            self._connection.request(method, route, data, headers)
            with self._connection.getresponse() as response:
                return Answer(response.status, dict(response.getheaders()), response.read())
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, patience: float) -> None:
        super().__init__("localhost", timeout=patience)
        self._path: Final = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A socket's path must not be longer than 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="tasky-") as folder:
        yield Path(folder)
