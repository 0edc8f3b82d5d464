"""What a task costs when many are stored, and beside many that run."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from typing import Final

from ..bench import Bench, Contestant, Metric, Sample, Scenario, rates
from ..systems import tasky
from ..systems.processes import running_tasks, wait_for
from . import stored

_SLEEP: Final = ["/bin/sleep", "600"]


def _contestants(bench: Bench, stack: ExitStack) -> Iterable[Contestant]:
    for count in (100, 10_000, 1_000_000)[: 2 if bench.quick else 3]:
        folder = stored.ended(bench, count)
        server = stack.enter_context(tasky.server(folder, stored.DEFINITIONS, **stored.SETTINGS))
        measure = partial(_run, bench, server)
        yield Contestant(f"{count:,} stored", tasky.TASKY, measure)
    for count in (0, bench.count(1000, 20)):
        settings = {"max_tasks": str(count + 64)}
        sleepers = {"true": stored.DEFINITIONS["true"], "sleep": {"command": _SLEEP}}
        server = stack.enter_context(tasky.server(bench.room("live"), sleepers, **settings))
        if count:
            path = "/tasky/v1/workers/sleep"
            bench.ask(4, str(count), server.port, path, status=201, text="TaskId")
            wait_for(partial(_all_run, server.pid, count), f"{count} tasks run", pause=0.02)
        yield Contestant(f"beside {count:,} live", tasky.TASKY, partial(_run, bench, server))


def _all_run(pid: int, count: int) -> bool:
    return running_tasks(pid, "sleep") >= count


def _run(bench: Bench, server: tasky.Server) -> Sample:
    path = "/tasky/v1/workers/true?wait=30s"
    return rates(bench.ask(12, bench.period(), server.port, path, text='"Completed"'))


SCENARIO: Final = Scenario(
    "growth",
    "Growth",
    "`/bin/true` with `wait` by 12 clients, with as many tasks in the store as have ended before; and beside tasks"
    " that sleep.",
    (tasky.TASKY,),
    (
        Metric("rate", "tasks/s", more_is_better=True),
        Metric("p50", "p50 ms", scale=1000, digits=2),
        Metric("p99", "p99 ms", scale=1000, digits=2),
    ),
    ("100 stored", tasky.TASKY),
    _contestants,
)
