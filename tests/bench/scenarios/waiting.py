"""A program to its end, and its result, again and again: /bin/true, a Python worker, a Node worker."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final, NamedTuple

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
    return [
        Contestant(
            f"{clients} client{'s' if clients > 1 else ''}", system, partial(measure, clients)
        )
        for system, measure in _systems(bench, stack, job)
        for clients in (job.clients[:2] if bench.quick else job.clients)
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


def _bare(bench: Bench, job: _Job, clients: int) -> Sample:
    return rates(bench.spawn(clients, bench.period, *job.command))


def _tasky(bench: Bench, server: tasky.Server, job: _Job, clients: int) -> Sample:
    path = "/tasky/v1/workers/it?wait=30s"
    return rates(bench.ask(clients, bench.period, server.port, path, text='"Completed"'))


def _webhook(bench: Bench, hooks: webhook.Webhook, job: _Job, clients: int) -> Sample:
    return rates(bench.ask(clients, bench.period, hooks.port, hooks.path("it"), text=job.text))


def _queue(bench: Bench, queue: Queue, job: _Job, clients: int) -> Sample:
    return rates(queue.wait(clients, bench.seconds, job.text, job.command))


def _spooler(bench: Bench, spooler: dict[str, str], job: _Job, clients: int) -> Sample:
    command = (PROGRAM, "-n", "-f", *job.command)
    return rates(bench.spawn(clients, bench.period, *command, environment=spooler))


_INTERPRETED: Final = (
    posix_spawn.SYSTEM.name, tasky.TASKY, tasky.WARM, tasky.REUSE, webhook.NAME, CELERY, RQ,
)  # fmt: skip
_ANSWERS: Final = (
    "A {} worker that answers one JSON line, to its result. Except with `warm` and `reuse`, the"
    " interpreter starts for each task."
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
