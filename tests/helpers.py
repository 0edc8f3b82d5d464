"""A real server in a process of its own, and waiting for what it does."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
REPOSITORY = Path(__file__).resolve().parent.parent
#: Seconds after which something that should happen is said not to have: generous, since nothing waits it out.
PATIENCE = 30.0
#: The state directory of every server that a test has started, here or in a process of its own: see tests/order.py.
STATES: list[Path] = []
_LISTENING = re.compile(r"listening on ([^\s\"]+)")


def wait_for(condition: Callable[[], T], what: str = "", patience: float = PATIENCE) -> T:
    """The first true answer of `condition`, asked again and again."""
    deadline = time.monotonic() + patience
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen: {what or condition}")
        time.sleep(0.01)


class Answer(NamedTuple):
    """An HTTP response, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def link_bundled(folder: Path, *names: str) -> None:
    """A new folder of definitions with these of the bundled workers; others may need what is not here."""
    folder.mkdir()
    for name in names:
        (folder / f"{name}.yaml").symlink_to(REPOSITORY / f"workers.d/{name}.yaml")


def write_worker(folder: Path, name: str, script: str, **definition: Any) -> Path:
    """A worker of a Python script in `folder`; gives the file of its definition."""
    folder.mkdir(exist_ok=True)
    program = folder / f"{name}.py"
    program.write_text(f"#!{sys.executable} -IS\n{textwrap.dedent(script)}")
    program.chmod(0o755)
    return write_definition(folder, name, command=[f"./{name}.py"], **definition)


def write_definition(folder: Path, name: str, **definition: Any) -> Path:
    """JSON is YAML."""
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps(definition))
    return file


class Server:
    """`tasky serve` on a loopback port that the kernel chose. `stop`, `kill` and `start` again keep the state."""

    #: A program that becomes the server, and its arguments.
    prefix: tuple[str, ...] = ()
    #: Descriptors that it inherits.
    passed: tuple[int, ...] = ()

    def __init__(self, workers: Path, state: Path, *arguments: str, **environ: str) -> None:
        self.workers = workers
        self.state = state
        STATES.append(state)
        self.log: list[str] = []
        self._arguments = arguments
        self._environ = environ
        self._listening = threading.Event()
        self._reader: threading.Thread | None = None
        self.url = ""
        self.process: subprocess.Popen[str]
        self.start()

    def start(self) -> None:
        self._listening.clear()
        clean = {key: value for key, value in os.environ.items() if not key.startswith("TASKY_")}
        self.process = subprocess.Popen(
            [
                *self.prefix,
                *(sys.executable, "-m", "tasky", "serve", "--listen", "127.0.0.1:0"),
                *("--workers-dir", str(self.workers), "--state-dir", str(self.state)),
                *self._arguments,
            ],
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env=clean | self._environ,
            pass_fds=self.passed,
        )
        self._reader = threading.Thread(target=self._read, args=(self.process,))
        self._reader.start()
        self._listening.wait(PATIENCE)
        if not self.url:
            self.kill()
            raise AssertionError(f"the server did not start:\n{self.logged}")

    @property
    def logged(self) -> str:
        return "".join(self.log)

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        return host, int(port)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.log.append(line)
            if match := _LISTENING.search(line):
                self.url = match[1]
                self._listening.set()
        self._listening.set()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signals it, waits for its end, gives its exit status."""
        self.process.send_signal(number)
        return self._ended()

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def _ended(self) -> int:
        status = self.process.wait(PATIENCE * 2)
        assert self._reader is not None
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        self.url = ""
        if status > 0:
            print(self.logged)  # pytest shows it where the test fails
        return status

    def close(self) -> None:
        """At the end of a test: whatever it did, the server ends, and no process of a task is left."""
        if self.process.poll() is None:
            self.process.terminate()
        with contextlib.suppress(ValueError):
            self._ended()
        wait_for(lambda: not self.task_processes(), f"no process is left of {self.state}")

    def task_processes(self) -> list[int]:
        return task_processes(self.state)

    # ------------------------------------------------------------------ HTTP

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """`path` is below /tasky/v1 unless it begins with two slashes; `body` is sent as JSON unless it is bytes."""
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE * 2)
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            if data is not None:
                headers = {"Content-Type": "application/json", **headers}
            route = path[1:] if path.startswith("//") else f"/tasky/v1{path}"
            connection.request(method, route, data, headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Any:
        answer = self.request("GET", path, **headers)
        assert answer.status == 200, answer
        return answer.json

    def submit(self, worker: str, params: Any = None, query: str = "") -> str:
        """Gives the TaskId."""
        answer = self.request("POST", f"/workers/{worker}{query}", params or {})
        assert answer.status in (200, 201, 202), answer
        return str(answer.json["TaskId"])

    def run(self, worker: str, params: Any = None) -> Any:
        """Submits and waits: the result's document."""
        answer = self.request("POST", f"/workers/{worker}?wait={PATIENCE:.0f}s", params or {})
        assert answer.status == 200, answer
        return answer.json

    def status(self, task_id: str) -> str:
        return str(self.get(f"/tasks/{task_id}/status")["Status"])

    def await_status(self, task_id: str, *statuses: str) -> str:
        def reached() -> str | None:
            status = self.status(task_id)
            return status if status in statuses else None

        return wait_for(reached, f"{task_id} is {statuses}") or ""


@contextlib.contextmanager
def serving(workers: Path, state: Path, *arguments: str, **environ: str) -> Iterator[Server]:
    server = Server(workers, state, *arguments, **environ)
    try:
        yield server
    finally:
        server.close()


def task_processes(state: Path) -> list[int]:
    """Processes (no zombies) whose environment says that they belong to a task of the server with this state."""
    markers = f"TASKY_WORKDIR={state}/".encode(), f"TASKY_PROCESS={state}/".encode()
    return [pid for pid in all_pids() if any(marker in _environ(pid) for marker in markers)]


def all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - often done


def _environ(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""
