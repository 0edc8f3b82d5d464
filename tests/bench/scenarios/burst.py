"""10,000 tasks submitted as fast as they are taken, and the time to the end of the last one."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from typing import Final

from ..bench import Bench, Contestant, Metric, Sample, Scenario, rates
from ..systems import posix_spawn, tasky, webhook
from ..systems.celery import NAME as CELERY
from ..systems.celery import celery
from ..systems.processes import running_tasks, wait_for
from ..systems.queues import Queue
from ..systems.rq import NAME as RQ
from ..systems.rq import rq

_CLIENTS: Final = 4
_TRUE: Final = "/bin/true"


def _contestants(bench: Bench, stack: ExitStack) -> Iterable[Contestant]:
    count = bench.count(10_000, 200)
    case = f"{count:,} tasks"
    if posix_spawn.SYSTEM.name in bench.chosen:
        yield Contestant(case, posix_spawn.SYSTEM.name, partial(_bare, bench, count))
    definitions = {"true": {"command": [_TRUE], "protocol": "text"}}
    start = tasky.server(bench.room(tasky.TASKY), definitions)
    if (server := bench.started(stack, tasky.TASKY, start)) is not None:
        yield Contestant(case, tasky.TASKY, partial(_tasky, bench, server, count))
    hooks = bench.started(
        stack, webhook.NAME, webhook.webhook(bench.room(webhook.NAME), {"true": [_TRUE]})
    )
    if hooks is not None:
        yield Contestant(case, webhook.NAME, partial(_webhook, bench, hooks, count))
    # RQ gets a tenth: it takes its time.
    for name, queues, number in ((CELERY, celery, count), (RQ, rq, count // 10)):
        queue = bench.started(stack, name, queues(bench.room(name), bench.fsync))
        if queue is not None:
            yield Contestant(case, name, partial(_queue, queue, number))


def _bare(bench: Bench, count: int) -> Sample:
    return {"rate": rates(bench.spawn(_CLIENTS, str(count), _TRUE))["rate"]}


def _tasky(bench: Bench, server: tasky.Server, count: int) -> Sample:
    begin = time.monotonic()
    taken = bench.ask(
        _CLIENTS, str(count), server.port, "/tasky/v1/workers/true", status=201, text="TaskId"
    )
    wait_for(lambda: server.is_idle("true"), "all tasks have ended", pause=0.01)
    return _sample(count, taken["seconds"], time.monotonic() - begin)


def _webhook(bench: Bench, hooks: webhook.Webhook, count: int) -> Sample:
    begin = time.monotonic()
    taken = bench.ask(_CLIENTS, str(count), hooks.port, hooks.path("true", wait=False))
    wait_for(lambda: not running_tasks(hooks.pid, "true"), "all programs have ended", pause=0.05)
    return _sample(count, taken["seconds"], time.monotonic() - begin)


def _queue(queue: Queue, count: int) -> Sample:
    done = queue.submit(_CLIENTS, count, [_TRUE])
    return _sample(done["count"], done["accepted"], done["seconds"])


def _sample(count: int, accepted: float, ended: float) -> Sample:
    return {"rate": count / ended, "accepted": count / accepted}


SCENARIO: Final = Scenario(
    "burst",
    "A burst of submissions",
    f"`/bin/true`, submitted by {_CLIENTS} clients that do not wait. What counts is the time from the first submission"
    " to the last end. RQ gets a tenth of the tasks. webhook queues nothing: it starts all at once.",
    (posix_spawn.SYSTEM.name, tasky.TASKY, webhook.NAME, CELERY, RQ),
    (
        Metric("rate", "tasks/s to the last end", more_is_better=True),
        Metric("accepted", "taken/s", more_is_better=True),
    ),
    CELERY,
    _contestants,
    rounds=2,
)
