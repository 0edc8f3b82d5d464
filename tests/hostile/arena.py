"""Hostile tasks on a real server: what a client sees of one, and whether anything of it is left.

The worker is tests/workers/chaos.py, under several definitions: `workers` writes them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.helpers import Server, wait_for, write_definition
from tests.supervisor.chaos import CHAOS, Witness

ENDED: Final = ("Completed", "Failed", "Canceled")
_COMMAND: Final = (sys.executable, "-IS", CHAOS)
_PARAMS: Final = {
    "mode": {"type": "string"},
    "witness": {"type": "string"},
    "options": {"type": "object", "default": {}},
}


def workers(folder: Path) -> Path:
    """Definitions: `chaos`, its mode among the parameters; `patient`, which has all the grace it wants; `true`."""
    define(folder, "chaos")
    define(folder, "patient", kill_grace="60s")
    write_definition(folder, "true", command=["/bin/true"], protocol="text")
    return folder


def define(folder: Path, name: str, **definition: Any) -> None:
    """The chaos worker under a name of its own."""
    given = {"command": _COMMAND, "params": _PARAMS, "kill_grace": "500ms"}
    write_definition(folder, name, **given | definition)


def define_unread(folder: Path, mode: str, **options: Any) -> None:
    """A definition, of the mode's name, whose worker has its mode from its command and does not read its stdin."""
    given = (f"{key}={json.dumps(value)}" for key, value in options.items())
    params = {"data": {"type": "string", "default": ""}}
    define(folder, mode, command=(*_COMMAND, mode, *given), params=params)


@dataclass(frozen=True)
class Ended:
    """What the server says of a task."""

    server: Server
    document: Mapping[str, Any]

    @property
    def status(self) -> str:
        return str(self.document["Status"])

    @property
    def output(self) -> Any:
        return self.document.get("Output")

    @property
    def error(self) -> Mapping[str, Any]:
        return self.document.get("Error") or {}

    @property
    def code(self) -> str | None:
        return self.error.get("code")

    @property
    def attempt(self) -> Mapping[str, Any]:
        """The last one."""
        return dict(self.document["Attempts"][-1])

    @property
    def log(self) -> list[tuple[str, str]]:
        """Streams and lines, by now: of a long log the end."""
        path = f"/tasks/{self.document['TaskId']}/log?tail=2000"
        answer = self.server.request("GET", path, Accept="application/jsonl")
        lines = map(json.loads, answer.body.splitlines())
        return [(line["Stream"], line["Text"]) for line in lines]

    @property
    def notes(self) -> list[str]:
        """What the server has said of it in its log by now."""
        return [text for stream, text in self.log if stream == "tasky"]

    def noted(self, note: str) -> bool:
        """Waits for it: a log may be complete later than its task."""
        return wait_for(lambda: note in self.notes, f"{note!r} is noted")


@dataclass(frozen=True)
class Hostile:
    """A task of a mode that was submitted."""

    server: Server
    task_id: str
    witness: Witness

    def pids(self) -> list[int]:
        """The processes that it says it is made of, its own first, when it says so."""

        def said() -> str | None:
            status = self.server.get(f"/tasks/{self.task_id}/status")
            assert status["Status"] not in ENDED, self.server.get(f"/tasks/{self.task_id}")
            return status.get("Progress", {}).get("Message")

        pids = str(wait_for(said, f"{self.task_id} is ready"))
        return list(map(int, pids.split()))

    def cancel(self, grace: str | None = None) -> Ended:
        """Canceled, and its end."""
        query = "" if grace is None else f"?grace={grace}"
        answer = self.server.request("POST", f"/tasks/{self.task_id}/cancel{query}")
        assert answer.status == 202, answer
        return self.ended()

    def ended(self) -> Ended:
        """Its end, at which nothing of it is left: no process outlives its task, not for a moment."""
        ended = self.over()
        left = self.witness.something_is_left()
        assert not left, f"a process has outlived its task: {self.witness.path.name}"
        return ended

    def over(self) -> Ended:
        """Its end, where something may be left."""
        self.server.await_status(self.task_id, *ENDED)
        return Ended(self.server, self.server.get(f"/tasks/{self.task_id}"))


class Arena:
    """Where they are let loose. `close` ends those that a test that failed has left."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server: Final = server
        self._folder: Final = folder
        self._loose: Final[list[Hostile]] = []

    def unleash(self, mode: str, worker: str = "chaos", query: str = "", **options: Any) -> Hostile:
        witness = Witness(self._folder / f"{len(self._loose)}-{mode}")
        params = {"mode": mode, "witness": str(witness.path), "options": options}
        return self._submitted(worker, params, query, witness)

    def submit(self, worker: str, params: Any = None, query: str = "") -> Hostile:
        """A task of another definition. Its witness is nobody's."""
        return self._submitted(worker, params, query, Witness(self._folder / "nobody"))

    def _submitted(self, worker: str, params: Any, query: str, witness: Witness) -> Hostile:
        hostile = Hostile(self.server, self.server.submit(worker, params, query), witness)
        self._loose.append(hostile)
        return hostile

    def close(self) -> None:
        for hostile in self._loose:
            self.server.request("POST", f"/tasks/{hostile.task_id}/cancel?grace=0s")
        for hostile in self._loose:
            hostile.ended()

    def others_are_served(self) -> None:
        """A task that behaves well ends well."""
        assert self.unleash("good", value="fine").ended().output == "fine"
