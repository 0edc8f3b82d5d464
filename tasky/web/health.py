"""/healthz: the server answers. /readyz: it takes work, and what its operator should know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import falcon

from ..errors import Problem
from .documents import dump
from .query import read_query
from .resource import NO_OPTIONS, Resource


@dataclass(frozen=True, kw_only=True, slots=True)
class Readiness:
    """`containment` is how a task's processes are held together; `problems` are those of the last reload, whose files
    keep their former definitions."""

    draining: bool
    containment: str
    problems: Sequence[Problem] = ()


class Health(Resource):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        resp.data = dump({"status": "ok"})


class Ready(Resource):
    """503 while the server shuts down. Mistakes in definitions are shown, and do not stop the work: 200."""

    def __init__(self, ready: Callable[[], Readiness]) -> None:
        self._ready: Final = ready

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        readiness = self._ready()
        if readiness.draining:
            resp.status = falcon.HTTP_503
        document = {
            "status": "draining" if readiness.draining else "ready",
            "draining": readiness.draining,
            "containment": readiness.containment,
            "problems": [_problem(problem) for problem in readiness.problems],
        }
        resp.data = dump(document)


def _problem(problem: Problem) -> dict[str, Any]:
    """The file's name alone: where it lies is nobody's business here."""
    return {
        "file": problem.file.name,
        "line": problem.line,
        "key": problem.key,
        "message": problem.message,
    }
