"""What must hold after a crash, whatever the moment. Each check adds what it finds wrong to `told.mistakes`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from tests.helpers import all_pids, wait_for
from tests.remains import cgroups_of

from . import disk
from .mortal import Caller, Mortal
from .told import Fate, Told
from .workers import MOST_ATTEMPTS, READER, RETRIED, SIGNED, SWITCH

LIVE: Final = ("Queued", "Running", "Paused", "Canceling")
#: What the failure of a well-behaved worker may be.
_STOPPED: Final = frozenset({"lost", "shutdown"})
#: Seconds until what runs and waits has ended by itself.
_PATIENCE: Final = 60.0


class Ledger:
    """The test's side: what clients were told, and what workers have witnessed."""

    def __init__(self, server: Mortal, told: Told, witness: Path) -> None:
        self.server: Final = server
        self.told: Final = told
        self.witness: Final = witness
        self.live_at_end = 0
        self.duplicates = 0

    # ------------------------------------------------------------------ after each start

    def after_start(self) -> None:
        """The cheap ones: what was told since the last time is there, and nothing runs that has ended."""
        with Caller(self.server.socket) as caller:
            self._look_at(caller, self.told.take_recent())
        self.look_at_processes()

    def look_at_processes(self) -> None:
        """Whether the server lives or not: nothing runs that has ended, nothing runs twice."""
        self.no_process_of_an_ended_task()
        self._no_violation()

    def no_process_of_an_ended_task(self) -> None:
        ended = {fate.task_id for fate in list(self.told.fates.values()) if fate.end is not None}
        for pid, task_id in task_pids(self.server.state):
            if task_id in ended:
                self.told.mistake(task_id, f"it has ended, and its process {pid} lives")

    # ------------------------------------------------------------------ at the end

    def settle(self) -> None:
        """Waits until nothing is live; what would wait too long is canceled."""
        with Caller(self.server.socket) as caller:
            for fate in list(self.told.fates.values()):
                if fate.later and fate.end is None:
                    fate.cancel_asked = True
                    caller.request("POST", f"/tasks/{fate.task_id}/cancel")
            for task in _listed(caller, "Paused"):
                caller.request("POST", f"/tasks/{task['TaskId']}/resume")
            try:
                wait_for(lambda: not self._live(caller), "nothing is live", _PATIENCE)
            except AssertionError:
                for task in self._live(caller):
                    self.live_at_end += 1
                    self.told.mistake(task["TaskId"], f"it is {task['Status']} for ever")

    def whole(self) -> None:
        """Everything, from the server while it lives and from its files when it has stopped."""
        self.settle()
        with Caller(self.server.socket) as caller:
            self._look_at(caller, list(self.told.fates.values()))
            self._artifacts(caller)
            self.told.switch_stands(caller.request("GET", f"/workers/{SWITCH}").json["status"])
        self.no_process_of_an_ended_task()
        self._cleared()
        status = self.server.stop()
        self._said(status)
        self.duplicates += disk.check(self.server.state, self.witness, self.told)
        self._no_violation()
        for pid, task_id in task_pids(self.server.state):
            self.told.mistake(task_id, f"its process {pid} outlives the server")
        for cgroup in cgroups_of(self.server.state):
            self.told.mistake("", f"{cgroup} outlives the server")

    def _live(self, caller: Caller) -> list[Any]:
        return [task for state in LIVE for task in _listed(caller, state)]

    def _look_at(self, caller: Caller, fates: Iterable[Fate]) -> None:
        for fate in fates:
            if fate.deleted:
                continue
            before = fate.known
            answer = caller.request("GET", f"/tasks/{fate.task_id}")
            if answer.status == 200:
                self.told.saw(fate, answer.json, before)
                self._ended_well(fate)
            elif answer.status == 404:
                self.told.gone(fate)
            else:
                self.told.mistake(fate.task_id, f"GET: {answer.status} {answer.body!r}")

    def _ended_well(self, fate: Fate) -> None:
        if fate.end is None:
            return
        status, code = fate.end["Status"], fate.end.get("Error", {}).get("code")
        if status == "Failed":
            again = fate.worker in RETRIED and len(fate.end["Attempts"]) < MOST_ATTEMPTS
            allowed = frozenset[str]() if again else _STOPPED
            if fate.worker == "stubborn":
                allowed |= {"timeout"}
            if code not in allowed:
                self.told.mistake(fate.task_id, f"failed with {fate.end.get('Error')}")
        if status == "Completed" and fate.worker in {*SIGNED, READER}:
            output = fate.end.get("Output")
            if output != (fate.key if fate.worker == READER else fate.task_id):
                self.told.mistake(fate.task_id, f"completed with {output!r} as its output")

    def _artifacts(self, caller: Caller) -> None:
        for fate in self.told.fates.values():
            if fate.worker != "artist" or fate.end is None or fate.delete_asked or self.told.pruned:
                continue
            for artifact in fate.end.get("Artifacts", ()):
                path = f"/tasks/{fate.task_id}/files/{artifact['Path']}"
                answer = caller.request("GET", path)
                if (answer.status, answer.body) != (200, f"{fate.task_id}\n".encode()):
                    self.told.mistake(fate.task_id, f"GET {path}: {answer}")
            if fate.end["Status"] == "Completed" and len(fate.end["Artifacts"]) != 2:
                self.told.mistake(fate.task_id, f"its artifacts: {fate.end['Artifacts']}")

    # ------------------------------------------------------------------ when it is down

    def _said(self, status: int) -> None:
        if status:
            self.told.mistake("", f"the server ended with {status}")
        for line in self.server.log:
            if "Traceback" in line or "unexpected" in line:
                self.told.mistake("", f"the server said: {line.strip()}")

    def _cleared(self) -> None:
        """What is left is cleared in quiet moments."""
        state = self.server.state
        folders = (state / "work", state / "trash", state / "uploads")
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not any(list(folder.iterdir()) for folder in folders))
        for left in (left for folder in folders for left in folder.iterdir()):
            self.told.mistake(left.name, f"{left} is left")

    # ------------------------------------------------------------------ the witness

    def _no_violation(self) -> None:
        file = self.witness / "violations"
        for line in file.read_text().splitlines() if file.exists() else ():
            self.duplicates += 1
            self.told.mistake(line.partition(": ")[2].split()[0], line)


def _listed(caller: Caller, state: str) -> list[Any]:
    tasks: list[Any] = caller.request("GET", f"/tasks/?status={state}&limit=100").json["Tasks"]
    return tasks


def task_pids(state: Path) -> list[tuple[int, str]]:
    """Processes of tasks of the server with this state directory (no zombies), each with its task's id."""
    marker = f"TASKY_WORKDIR={state}/work/".encode()
    found = []
    for pid in all_pids():
        try:
            environ = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        _, there, rest = environ.partition(marker)
        if there:
            found.append((pid, rest.partition(b"\0")[0].decode()))
    return found
