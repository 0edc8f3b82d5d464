"""Starting the server with a long queue."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from ..bench import Bench, Contestant, Metric, Sample, Scenario
from ..systems import tasky
from ..systems.processes import cost
from . import stored


def _contestants(bench: Bench, stack: ExitStack) -> Iterable[Contestant]:
    for count in (1, bench.count(100_000, 1000)):
        folder = stored.queued(bench, count)
        yield Contestant(f"{count:,} queued", tasky.TASKY, partial(_start, folder))


def _start(folder: Path) -> Sample:
    """Until it listens, and has started the first task."""
    begin = time.monotonic()
    with tasky.server(folder, stored.DEFINITIONS, **stored.SETTINGS) as server:
        listening = time.monotonic() - begin
        server.worker("sleep")
        answered = time.monotonic() - begin
        return {
            "listening": listening,
            "answered": answered,
            "memory": cost(server.pid, "sleep").memory,
        }


SCENARIO: Final = Scenario(
    "starting",
    "Start of the server",
    "From the command to the first answer, with as many tasks in the queue.",
    (tasky.TASKY,),
    (
        Metric("answered", "s to the first answer", digits=2),
        Metric("listening", "s until it listens", digits=2),
        Metric("memory", "MB", scale=1e6, digits=1),
    ),
    ("1 queued", tasky.TASKY),
    _contestants,
    rounds=3,
)
