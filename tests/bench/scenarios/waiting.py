"""A program to its end, and its result, again and again: /bin/true, a Python worker, a Node worker."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Final, NamedTuple

from ..bench import (
    PROGRAMS,
    Bench,
    Contestant,
    Metric,
    Sample,
    Scenario,
    Trouble,
    plain_python,
    rates,
)
from ..systems import posix_spawn, tasky, webhook
from ..systems.celery import NAME as CELERY
from ..systems.celery import celery
from ..systems.queues import Queue
from ..systems.rq import NAME as RQ
from ..systems.rq import rq
from ..systems.task_spooler import NAME as TSP
from ..systems.task_spooler import PROGRAM, task_spooler

_METRICS: Final = (
    Metric("rate", "tasks/s", more_is_better=True),
    Metric("p50", "p50 ms", scale=1000, digits=2),
    Metric("p99", "p99 ms", scale=1000, digits=2),
)


#: Seconds in which processes that wait for a task are started anew.
_PAUSE: Final = 0.15
PAUSING: Final = "1 client that pauses"


class _Job(NamedTuple):
    """`text` is in the answer of whoever gives back the output."""

    name: str
    command: Sequence[str]
    text: str
    clients: Sequence[int]
    protocol: str


def _jobs() -> dict[str, _Job]:
    node = shutil.which("node") or ""
    python = [plain_python(), str(PROGRAMS / "answer.py")]
    return {
        "true": _Job("true", ["/bin/true"], "", (1, 16, 64), "text"),
        "python": _Job("python", python, "42", (1, 16), "jsonl"),
        "node": _Job("node", [node, str(PROGRAMS / "answer.js")], "42", (1, 16), "jsonl"),
    }


def _contestants(name: str, bench: Bench, stack: ExitStack) -> Iterable[Contestant]:
    job = _jobs()[name]
    if not job.command[0]:
        raise Trouble(f"no {name} is here")
    cases = [
        (f"{clients} client{'s' if clients > 1 else ''}", clients, 0.0)
        for clients in (job.clients[:2] if bench.quick else job.clients)
    ]
    if job.protocol == "jsonl":
        cases.append((PAUSING, 1, _PAUSE))
    return [
        Contestant(case, system, partial(measure, clients, pause))
        for system, measure in _systems(bench, stack, job)
        for case, clients, pause in cases
    ]


def _systems(bench: Bench, stack: ExitStack, job: _Job) -> Iterator[tuple[str, partial[Sample]]]:
    if posix_spawn.SYSTEM.name in bench.chosen:
        yield posix_spawn.SYSTEM.name, partial(_bare, bench, job)
    for name in (tasky.TASKY, tasky.WARM, tasky.REUSE):
        if name == tasky.TASKY or job.name != "true":
            definition = {"command": job.command, "protocol": job.protocol, **tasky.KEYS[name]}
            start = tasky.server(bench.room(name), {"it": definition}, http_threads="80")
            if (server := bench.started(stack, name, start)) is not None:
                yield name, partial(_tasky, bench, server, job)
    hooks = bench.started(
        stack, webhook.NAME, webhook.webhook(bench.room(webhook.NAME), {"it": job.command})
    )
    if hooks is not None:
        yield webhook.NAME, partial(_webhook, bench, hooks, job)
    for name, queues in ((CELERY, celery), (RQ, rq)):
        queue = bench.started(stack, name, queues(bench.room(name), bench.fsync))
        if queue is not None:
            yield name, partial(_queue, bench, queue, job)
    if job.name == "true":
        spooler = bench.started(stack, TSP, task_spooler(bench.room(TSP), slots=64))
        if spooler is not None:
            yield TSP, partial(_spooler, bench, spooler, job)


def _bare(bench: Bench, job: _Job, clients: int, pause: float) -> Sample:
    return _sample(bench.spawn(clients, bench.period(pause), *job.command), pause)


def _tasky(bench: Bench, server: tasky.Server, job: _Job, clients: int, pause: float) -> Sample:
    path = "/tasky/v1/workers/it?wait=30s"
    found = bench.ask(clients, bench.period(pause), server.port, path, text='"Completed"')
    return _sample(found, pause)


def _webhook(bench: Bench, hooks: webhook.Webhook, job: _Job, clients: int, pause: float) -> Sample:
    path = hooks.path("it")
    return _sample(bench.ask(clients, bench.period(pause), hooks.port, path, text=job.text), pause)


def _queue(bench: Bench, queue: Queue, job: _Job, clients: int, pause: float) -> Sample:
    return _sample(queue.wait(clients, bench.seconds, job.text, job.command, pause), pause)


def _spooler(
    bench: Bench, spooler: dict[str, str], job: _Job, clients: int, pause: float
) -> Sample:
    command = (PROGRAM, "-n", "-f", *job.command)
    found = bench.spawn(clients, bench.period(pause), *command, environment=spooler)
    return _sample(found, pause)


def _sample(found: Mapping[str, Any], pause: float) -> Sample:
    """How many there were says nothing where there were pauses."""
    sample = rates(found)
    return {key: sample[key] for key in ("p50", "p99")} if pause else sample


_INTERPRETED: Final = (
    posix_spawn.SYSTEM.name, tasky.TASKY, tasky.WARM, tasky.REUSE, webhook.NAME, CELERY, RQ,
)  # fmt: skip
_ANSWERS: Final = (
    "A {} worker that answers one JSON line, to its result. Except with `warm` and `reuse`, the"
    " interpreter starts for each task. The client that pauses does so for 0.15 s before each: what counts is its p50."
)

SCENARIOS: Final = (
    Scenario(
        "true",
        "/bin/true",
        "`/bin/true` to its end, and the answer with its result (`POST ...?wait=30s`): what starting a program costs.",
        (posix_spawn.SYSTEM.name, tasky.TASKY, webhook.NAME, CELERY, RQ, TSP),
        _METRICS,
        posix_spawn.SYSTEM.name,
        partial(_contestants, "true"),
    ),
    Scenario(
        "python",
        "A Python worker",
        _ANSWERS.format("Python"),
        _INTERPRETED,
        _METRICS,
        webhook.NAME,
        partial(_contestants, "python"),
    ),
    Scenario(
        "node",
        "A Node worker",
        _ANSWERS.format("Node"),
        _INTERPRETED,
        _METRICS,
        webhook.NAME,
        partial(_contestants, "node"),
    ),
)
