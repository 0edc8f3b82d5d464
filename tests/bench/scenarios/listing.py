"""The newest tasks among many, and those further back."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from typing import Final

from ..bench import Bench, Contestant, Metric, Sample, Scenario, rates
from ..systems import tasky
from . import stored


def _contestants(bench: Bench, stack: ExitStack) -> Iterable[Contestant]:
    for count in (1000, bench.count(1_000_000, 2000)):
        folder = stored.ended(bench, count)
        server = stack.enter_context(tasky.server(folder, stored.DEFINITIONS, **stored.SETTINGS))
        pages = {
            "the newest 100": "limit=100",
            "100 in the middle": f"limit=100&after={count // 2:032x}",
            "100 of one worker and state": "limit=100&worker=true&status=Completed",
        }
        for what, query in pages.items():
            measure = partial(_list, bench, server, f"/tasky/v1/tasks/?{query}")
            yield Contestant(f"{what} of {count:,}", tasky.TASKY, measure)


def _list(bench: Bench, server: tasky.Server, path: str) -> Sample:
    return rates(bench.ask(1, bench.period(), server.port, path, method="GET", text='"Tasks"'))


SCENARIO: Final = Scenario(
    "listing",
    "Listing",
    "`GET /tasks/?limit=100` by one client, among as many tasks as are stored.",
    (tasky.TASKY,),
    (
        Metric("p50", "p50 ms", scale=1000, digits=2),
        Metric("p99", "p99 ms", scale=1000, digits=2),
        Metric("rate", "lists/s", more_is_better=True),
    ),
    ("the newest 100 of 1,000", tasky.TASKY),
    _contestants,
    rounds=3,
)
