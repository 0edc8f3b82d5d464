"""What clients were told, and what contradicts it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

TERMINAL: Final = frozenset({"Completed", "Failed", "Canceled"})


class Known(NamedTuple):
    """What was certain of a task at some time."""

    end: dict[str, Any] | None = None
    canceled: bool = False


@dataclass(slots=True)
class Fate:
    """Of one task whose id a client knows."""

    task_id: str
    worker: str
    key: str | None = None
    later: bool = False  #: it is to run in an hour, and so must be canceled
    cancel_asked: bool = False
    canceled: bool = False  #: and that was answered with 202
    delete_asked: bool = False
    deleted: bool = False  #: and that was answered with 204
    end: dict[str, Any] | None = None  #: its document, when it had ended

    @property
    def known(self) -> Known:
        return Known(self.end, self.canceled)


class Told:
    """Shared by all clients. `mistakes` are pairs of a task's id ("" for none) and what is wrong with it."""

    def __init__(self) -> None:
        self.fates: Final[dict[str, Fate]] = {}
        self.recent: list[Fate] = []
        self.mistakes: Final[list[tuple[str, str]]] = []
        #: What the switch may be set to: one, or both while a change is not answered.
        self.switch = {"Enabled"}
        #: Ended tasks may be gone: the server was told to keep few.
        self.pruned = False
        #: Tasks of chains that are deleted.
        self.going: Final[set[str]] = set()
        self._keys: Final[dict[str, str]] = {}
        self._lock: Final = threading.Lock()

    def mistake(self, task_id: str, what: str) -> None:
        with self._lock:
            self.mistakes.append((task_id, what))

    def submitted(self, fate: Fate) -> Fate:
        """A submission was answered, perhaps with the id of a task that is known."""
        with self._lock:
            known = self.fates.setdefault(fate.task_id, fate)
            if known is fate:
                self.recent.append(fate)
            if fate.key is not None:
                first = self._keys.setdefault(fate.key, fate.task_id)
                if first != fate.task_id and not self.fates[first].delete_asked and not self.pruned:
                    self.mistakes.append((first, f"its key was answered with {fate.task_id}, too"))
        return known

    def saw(self, fate: Fate, document: dict[str, Any], before: Known) -> None:
        """Its document as the server gave it, and what was known when it was asked."""
        status = document["Status"]
        if before.end is not None:
            for name in ("Status", "Error", "Output", "Finished", "Attempts", "Artifacts"):
                was, now = before.end.get(name), document.get(name)
                if name in before.end and was != now:
                    self.mistake(fate.task_id, f"its end has changed: {name}: {was} became {now}")
        elif status in TERMINAL:
            fate.end = document
        if status == "Canceled" and not fate.cancel_asked:
            self.mistake(fate.task_id, "Canceled, and nobody asked for it")
        if before.canceled and status not in ("Canceling", "Canceled"):
            self.mistake(fate.task_id, f"its cancel was accepted, and now it is {status}")

    def switch_stands(self, status: str) -> None:
        if status not in self.switch:
            self.mistake("", f"the switch is {status}, not {self.switch}")

    def goes_too(self, chain: dict[str, Any]) -> None:
        """It is about to be deleted."""
        self.going.update(task["TaskId"] for step in chain["Steps"] for task in step["Tasks"])

    def gone(self, fate: Fate) -> None:
        """The server does not know it."""
        if not (fate.delete_asked or self.pruned):
            self.mistake(fate.task_id, "lost: the server does not know a task that it has answered")

    def take_recent(self) -> list[Fate]:
        with self._lock:
            recent, self.recent = self.recent, []
        return recent
