"""1,000 tasks that do nothing: what a live task costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

from ..bench import Bench, Contestant, Metric, Sample, Scenario
from ..systems import tasky, webhook
from ..systems.processes import cost, running_tasks, wait_for
from ..systems.supervisord import NAME as SUPERVISORD
from ..systems.supervisord import supervisord

_SLEEP: Final = ["/bin/sleep", "600"]
_NAME: Final = "sleep"


def _contestants(bench: Bench, stack: ExitStack) -> Iterable[Contestant]:
    count = bench.count(1000, 30)
    measures: dict[str, Callable[[Bench, int], Sample]] = {
        tasky.TASKY: _tasky,
        webhook.NAME: _webhook,
        SUPERVISORD: _supervisord,
    }
    return [
        Contestant(f"{count:,} tasks", name, partial(measure, bench, count))
        for name, measure in measures.items()
        if name in bench.chosen
    ]


def _tasky(bench: Bench, count: int) -> Sample:
    definitions = {"sleep": {"command": _SLEEP, "protocol": "text"}}
    with tasky.server(bench.room(tasky.TASKY), definitions, max_tasks=str(count + 1)) as server:

        def submit(number: int) -> None:
            path = "/tasky/v1/workers/sleep"
            bench.ask(4, str(number), server.port, path, status=201, text="TaskId")

        def cancel() -> None:
            paths = [f"/tasky/v1/tasks/{task}/cancel" for task in _running(server)]
            bench.ask(4, str(len(paths)), server.port, "-", status=202, paths=paths)
            wait_for(lambda: server.is_idle("sleep"), "all tasks have ended", pause=0.01)

        return _measured(bench, server.pid, count, submit, cancel)


def _running(server: tasky.Server) -> list[str]:
    found: list[str] = []
    after = ""
    while True:
        page: Any = server.get(f"/tasks/?status=Running&limit=1000{after}")
        found += [task["TaskId"] for task in page["Tasks"]]
        if "Next" not in page:
            return found
        after = f"&after={page['Next']}"


def _webhook(bench: Bench, count: int) -> Sample:
    with webhook.webhook(bench.room(webhook.NAME), {"sleep": _SLEEP}) as hooks:

        def submit(number: int) -> None:
            bench.ask(4, str(number), hooks.port, hooks.path("sleep", wait=False))

        return _measured(bench, hooks.pid, count, submit, None)


def _supervisord(bench: Bench, count: int) -> Sample:
    with supervisord(bench.room(SUPERVISORD), " ".join(_SLEEP), count) as control:

        def submit(number: int) -> None:
            if number == count:
                control.api.startAllProcesses(False)

        return _measured(bench, control.pid, count, submit, control.api.stopAllProcesses)


def _measured(
    bench: Bench,
    pid: int,
    count: int,
    submit: Callable[[int], None],
    cancel: Callable[[], object] | None,
) -> Sample:
    submit(1)  # what is made once, is made
    wait_for(lambda: running_tasks(pid, _NAME) <= 1, "the first one runs")
    before = cost(pid, _NAME)
    submit(count)
    wait_for(lambda: running_tasks(pid, _NAME) >= count, "all run", pause=0.02)
    after = cost(pid, _NAME)
    time.sleep(bench.seconds)
    rest = cost(pid, _NAME)
    sample = {
        "memory": (after.memory - before.memory) / count,
        "whole": after.memory,
        "processor": (rest.processor - after.processor) / bench.seconds * 100,
    }
    if cancel is None:
        return sample
    begin = time.monotonic()
    cancel()
    wait_for(lambda: not running_tasks(pid, _NAME), "all are gone", pause=0.01)
    return sample | {"cancel": time.monotonic() - begin}


SCENARIO: Final = Scenario(
    "sleeping",
    "Tasks that sleep",
    "`sleep 600` many times at once: the server's own memory for each of them (anonymous pages, without the"
    " programs'), its processor time at rest, and the time until all are canceled and gone. webhook cannot cancel.",
    (tasky.TASKY, webhook.NAME, SUPERVISORD),
    (
        Metric("memory", "kB a task", scale=1000, digits=1),
        Metric("whole", "MB in all", scale=1e6, digits=1),
        Metric("processor", "% of a core at rest", digits=2),
        Metric("cancel", "s to cancel all", digits=2),
    ),
    SUPERVISORD,
    _contestants,
    rounds=3,
)
