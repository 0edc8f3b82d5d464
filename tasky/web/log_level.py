"""/log-level: how much the server says of itself."""

from __future__ import annotations

from typing import Any, Final

import falcon

from ..errors import Invalid, Violation
from ..logs import LEVELS, Levels
from ..model.access import Need
from .body import read_object
from .documents import dump
from .query import read_query
from .resource import NO_OPTIONS, Answer, Body, Resource, operation


class LogLevel(Resource):
    tag = "health"

    def __init__(self, levels: Levels, max_body: int) -> None:
        self._levels: Final = levels
        self._max_body: Final = max_body

    @operation(
        "How much the server's own log has.",
        Need.ADMIN,
        answers={200: Answer("The level.", "LogLevel")},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        resp.data = dump({"level": self._levels.level})

    @operation(
        "Changes how much the server's own log has, until it is started again.",
        Need.ADMIN,
        body=Body("LogLevel", required=True),
        answers={200: Answer("The new level.", "LogLevel")},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        self._levels.set(_wanted(read_object(req, self._max_body)))
        resp.data = dump({"level": self._levels.level})


def _wanted(body: dict[str, Any]) -> str:
    violations = [
        Violation("is no member here: there is level", f"/{_pointer(key)}")
        for key in body
        if key != "level"
    ]
    level = body.get("level")
    if level not in LEVELS:
        allowed = f"must be one of {', '.join(LEVELS)}"
        violations.append(Violation(allowed, "/level" if "level" in body else ""))
    if violations:
        raise Invalid(violations)
    return str(level)


def _pointer(key: str) -> str:
    return key[:64].replace("~", "~0").replace("/", "~1")
