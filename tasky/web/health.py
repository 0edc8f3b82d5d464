"""/healthz: the server answers. /readyz: it takes work, and what its operator should know."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import falcon

from ..errors import Problem
from ..model.access import Need
from .documents import dump
from .principal import principal_of
from .query import read_query
from .resource import NO_OPTIONS, Answer, Resource, operation


@dataclass(frozen=True, kw_only=True, slots=True)
class Readiness:
    """`containment` is how a task's processes are held together, `controllers` what the kernel limits for all of them.
    `store`: why no task can be stored now. `starved`: how many tasks wait for what the system is short of.
    `unkillable`: tasks that have left processes which do not end, with these. `problems` are those of the last reload,
    whose files keep their former definitions."""

    draining: bool
    containment: str
    controllers: Collection[str] = ()
    store: str | None = None
    starved: int = 0
    unkillable: Mapping[str, Sequence[int]] = field(default_factory=dict)
    problems: Sequence[Problem] = ()

    @property
    def takes_tasks(self) -> bool:
        return not self.draining and self.store is None

    @property
    def status(self) -> str:
        if self.draining:
            return "draining"
        if self.store is not None:
            return "blocked"
        return "degraded" if self.starved or self.unkillable else "ready"

    def troubles(self) -> Iterator[tuple[str, str]]:
        """A word for programs, a sentence for people."""
        if self.store is not None:
            yield "store", self.store
        if self.starved:
            yield (
                "shortage",
                "the system is short of processes, memory or descriptors;"
                f" tasks that are tried again: {self.starved}",
            )
        for task_id, pids in self.unkillable.items():
            which = ", ".join(map(str, pids))
            yield "unkillable", f"processes that do not end, of task {task_id}: {which}"


class Health(Resource):
    @operation(
        "Whether the server answers.", Need.OPEN, answers={200: Answer("It does.", "Health")}
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        resp.data = dump({"status": "ok"})


class Ready(Resource):
    """503 while no task is taken. What else is wrong is shown, and does not stop the work: 200."""

    def __init__(self, ready: Callable[[], Readiness]) -> None:
        self._ready: Final = ready

    @operation(
        "Whether the server takes tasks, and what is wrong.",
        Need.OPEN,
        answers={
            200: Answer("It takes tasks.", "Readiness"),
            503: Answer("It takes none now.", "Readiness"),
        },
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        readiness = self._ready()
        if not readiness.takes_tasks:
            resp.status = falcon.HTTP_503
        if not principal_of(req).sees_all:  # what is wrong names tasks, workers and their files
            resp.data = dump({"status": readiness.status})
            return
        document = {
            "status": readiness.status,
            "draining": readiness.draining,
            "containment": readiness.containment,
            "controllers": sorted(readiness.controllers),
            "troubles": [{"kind": kind, "detail": text} for kind, text in readiness.troubles()],
            "problems": [problem_document(problem) for problem in readiness.problems],
        }
        resp.data = dump(document)


def problem_document(problem: Problem) -> dict[str, Any]:
    """The names of the file and of what is beside it: where they lie is nobody's business here."""
    return {
        "file": problem.file.name,
        "line": problem.line,
        "key": problem.key,
        "message": problem.message.replace(f"{problem.file.parent}/", ""),
    }
