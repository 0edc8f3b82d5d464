"""Tasky: a server with a store of its own."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from ..bench import System, Trouble
from .processes import running, said

_KEEPS: Final = "the task, synced to disk (SQLite, `synchronous=FULL`), and each change of it"
TASKY: Final = "tasky"
WARM: Final = "tasky-warm"
REUSE: Final = "tasky-reuse"
#: What makes a definition warm, or has its processes used again.
KEYS: Final[Mapping[str, Mapping[str, Any]]] = {
    TASKY: {},
    WARM: {"warm": 4},
    REUSE: {"reuse": {"tasks": 1000, "idle": "60s"}, "max_tasks": 4},
}


def _lacks_keys(name: str) -> str:
    """Asks `tasky check` whether it knows the keys."""
    definition = {"command": ["/bin/true"], **KEYS[name]}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "it.yaml"
        file.write_text(json.dumps(definition))
        done = subprocess.run(
            [sys.executable, "-m", "tasky", "check", "--insecure-perms", file],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
    key = next(iter(KEYS[name]))
    return f"a Tasky that knows `{key}:`" if done.returncode else ""


SYSTEMS: Final = (
    System(TASKY, "every task gets a new process", _KEEPS, lambda: ""),
    System(WARM, "`warm: 4`: processes wait for their task", _KEEPS, lambda: _lacks_keys(WARM)),
    System(REUSE, "`reuse:` by 4 processes, 1,000 tasks each", _KEEPS, lambda: _lacks_keys(REUSE)),
)


class Server(NamedTuple):
    port: int
    pid: int

    def get(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", f"/tasky/v1{path}")
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200:
            raise Trouble(f"{path}: {answer.status} {body[:200]!r}")
        return json.loads(body)

    def worker(self, name: str) -> Any:
        return self.get(f"/workers/{name}")

    def is_idle(self, name: str) -> bool:
        worker = self.worker(name)
        return bool(worker["running"] == worker["queued"] == 0)


@contextmanager
def server(
    folder: Path, workers: Mapping[str, Mapping[str, Any]], **settings: str
) -> Iterator[Server]:
    """`folder/state` is its state directory: what is in there, it finds. `settings` are named as in the environment."""
    definitions = folder / "workers.d"
    definitions.mkdir(exist_ok=True)
    for name, definition in workers.items():
        (definitions / f"{name}.yaml").write_text(
            json.dumps({"kill_grace": "2s", "max_tasks": 0, **definition})
        )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TASKY_")}
    environment |= {"TASKY_LOG_LEVEL": "info", "TASKY_MAX_TASKS": "64"}
    environment |= {f"TASKY_{key.upper()}": value for key, value in settings.items()}
    (folder / "words").unlink(missing_ok=True)
    with running(
        *(sys.executable, "-m", "tasky", "serve", "--listen", "127.0.0.1:0", "--insecure-perms"),
        *("--workers-dir", definitions, "--state-dir", folder / "state"),
        folder=folder,
        environment=environment,
    ) as process:
        port = int(said(folder, process, r"listening on http://127\.0\.0\.1:(\d+)")[1])
        yield Server(port, process.pid)
