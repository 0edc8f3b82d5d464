"""/overview: what happens on the server, and what has happened lately."""

from __future__ import annotations

from typing import Final

import falcon

from ..model.access import Need
from ..service import STEPS, Point, Service, Sums, Window
from ..supervisor import Counts
from . import options
from .documents import Document, dump, timestamp
from .principal import principal_of
from .query import Option, Options, read_query
from .resource import Answer, Resource, operation

_LOOK: Final[Options] = {
    "window": Option(
        options.window, about="How far back, in steps of 10 s, 1 min or 15 min; 2h if not given."
    )
}
_SECOND: Final = 1_000_000_000
_NO_SUMS: Final = Sums()
_NO_COUNTS: Final = Counts()


class Overview(Resource):
    tag = "tasks"

    def __init__(self, service: Service) -> None:
        self._service: Final = service

    @operation(
        "What runs and waits, and what has ended lately, of the workers that one may see.",
        Need.READ,
        _LOOK,
        answers={200: Answer("The overview.", "Overview")},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        window = read_query(req, _LOOK).get("window", Window.MIDDLE)
        by = principal_of(req)
        counts, found = self._service.counts(by), self._service.overview(window, by)
        step, _ = STEPS[found.window]
        resp.data = dump(
            {
                "Time": timestamp(found.now),
                "Window": found.window,
                "Step": step,
                "Running": sum(each.running for each in counts.values()),
                "Queued": sum(each.queued for each in counts.values()),
                "Points": [_point(point) for point in found.points],
                "Workers": [
                    _worker(
                        name,
                        counts.get(name, _NO_COUNTS),
                        found.workers.get(name, _NO_SUMS),
                    )
                    for name in sorted(counts.keys() | found.workers.keys())
                ],
            }
        )


def _point(point: Point) -> Document:
    document = {"Time": timestamp(point.start), **_ends(point.sums)}
    if point.running is not None:
        document["Running"] = point.running
        document["Queued"] = point.queued
    return document


def _worker(name: str, counts: Counts, sums: Sums) -> Document:
    document = {"Worker": name, "Running": counts.running, "Queued": counts.queued, **_ends(sums)}
    if sums.ran:
        document["MeanSeconds"] = sums.run_ns / sums.ran / _SECOND
        document["LongestSeconds"] = sums.longest_ns / _SECOND
    return document


def _ends(sums: Sums) -> Document:
    return {"Completed": sums.completed, "Failed": sums.failed, "Canceled": sums.canceled}
