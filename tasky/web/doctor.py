"""/doctor: what `tasky doctor` would find, seen from where the server is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final, Protocol

import falcon

from ..model.access import Need
from .documents import dump
from .query import read_query
from .resource import NO_OPTIONS, Answer, Resource, operation


class Finding(Protocol):
    """As tasky.doctor has it, which is above this floor: whoever starts the server hands it down."""

    @property
    def verdict(self) -> str: ...

    @property
    def subject(self) -> str: ...

    @property
    def message(self) -> str: ...


Examine = Callable[[], Iterable[Finding]]


def nothing() -> Iterable[Finding]:
    """For a server that nobody has told how to look."""
    return ()


class Doctor(Resource):
    """One look at a time: it tries things out, on processes and cgroups."""

    tag = "health"

    def __init__(self, examine: Examine) -> None:
        self._examine: Final = examine
        self._looking: Final = threading.Lock()

    @operation(
        "Looks at everything that the server depends on, and says what to do about it.",
        Need.ADMIN,
        answers={200: Answer("What was found.", "Findings")},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        with self._looking:
            found = list(self._examine())
        resp.data = dump(
            {
                "findings": [
                    {"verdict": each.verdict, "subject": each.subject, "message": each.message}
                    for each in found
                ]
            }
        )
