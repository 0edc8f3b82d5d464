"""The metrics as Prometheus reads them. Of prometheus_client only the formats are used (here and in `families`), and no
registry: every server of a process has its own figures. docs/metrics.md has a table of all of these.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import generate_latest as as_text
from prometheus_client.metrics_core import InfoMetricFamily, Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.exposition import generate_latest as as_openmetrics
from prometheus_client.registry import Collector

from .. import __version__
from ..model.states import State
from ..model.task import FailureCode
from ..service.metrics import Metrics
from ..store import Figures, sqlite_version
from ..supervisor import Load
from ..tally import Labels
from .families import counter, gauge, histogram, labelled, zeros
from .health import Readiness
from .metrics import Gauges, Measured

#: Its start, processor time, memory and descriptors, by the names that all programs have these under.
_PROCESS: Final[Collector] = ProcessCollector(registry=None)
_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
_ENDS: Final = ("completed", "canceled", *(str(code) for code in FailureCode))
_LIVE: Final = tuple(str(state) for state in (State.RUNNING, State.PAUSED, State.CANCELING))
_DELIVERIES: Final[tuple[Labels, ...]] = (("delivered",), ("failed",), ("retried",))
#: See service.access.
_REFUSALS: Final[tuple[Labels, ...]] = (("refused",), ("limited",))

Sees = Callable[[str], bool]
T = TypeVar("T")


def expose(measured: Measured, sees: Sees, openmetrics: bool) -> tuple[bytes, str]:
    """The body and its media type. What is counted by worker is shown of those that `sees` is true for."""
    gauges = measured.gauges
    workers = [] if gauges is None else sorted(filter(sees, gauges.workers()))
    families = _counted(measured.counted, workers, sees)
    if gauges is not None:
        families = chain(families, _looked_at(gauges, workers, sees))
    collector = _Families(families)
    if openmetrics:
        return as_openmetrics(collector), CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call]
    return as_text(collector), _TEXT


class _Families(CollectorRegistry):
    """A registry for one scrape, of what is there already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        super().__init__(auto_describe=False)
        self._found: Final = families

    def collect(self) -> Iterator[Metric]:
        yield from self._found
        yield from _PROCESS.collect()


# ---------------------------------------------------------------------- what was counted


def _counted(metrics: Metrics, workers: list[str], sees: Sees) -> Iterator[Metric]:
    def seen(counts: Mapping[Labels, T]) -> dict[Labels, T]:
        return {labels: each for labels, each in counts.items() if sees(labels[0])}

    # From the start, not from the first time on: or the first failure of a worker would not show as an increase.
    none: dict[Labels, int] = {(worker,): 0 for worker in workers}
    yield counter(
        "tasky_tasks_submitted",
        "Tasks that were stored, since the server's start.",
        ["worker"],
        none | seen(metrics.submitted.read()),
    )
    yield counter(
        "tasky_tasks",
        "Tasks that have ended: completed, canceled, or the code of the failure.",
        ["worker", "end"],
        zeros(workers, _ENDS) | seen(metrics.ends.read()),
    )
    yield counter(
        "tasky_attempts",
        "Attempts that were started; a task has one, or several where its worker has retry.",
        ["worker"],
        none | seen(metrics.attempts.read()),
    )
    yield counter(
        "tasky_retries",
        "Attempts that were started after another one of the same task.",
        ["worker"],
        none | seen(metrics.retries.read()),
    )
    yield histogram(
        "tasky_queue_wait_seconds",
        "From when an attempt could have started to its start.",
        [],
        {(): metrics.waits.read()},
    )
    runs = {labels: each.read() for labels, each in metrics.runs.all().items()}
    yield histogram(
        "tasky_task_run_seconds",
        "From a task's first start to its end, pauses and retries included.",
        ["worker"],
        seen(runs),
    )
    yield histogram(
        "tasky_spawn_seconds",
        "Making a process: cgroup, pipes, fork and exec.",
        [],
        {(): metrics.spawns.read()},
    )
    yield counter(
        "tasky_waiting_processes_taken",
        "Attempts whose process had waited for them: for its first task (warm), or after another (reused).",
        ["worker", "process"],
        zeros(workers, ("warm", "reused")) | seen(metrics.taken.read()),
    )
    yield counter(
        "tasky_http_requests",
        "Requests that were answered, by route (`other`: none).",
        ["route", "method", "status"],
        metrics.requests.read(),
    )
    yield histogram(
        "tasky_http_request_seconds",
        "From a request to its answer's first byte, `wait` included.",
        ["route", "method"],
        {labels: each.read() for labels, each in metrics.answers.all().items()},
    )
    yield counter(
        "tasky_notification_attempts",
        "Attempts to deliver to a webhook: delivered, failed (the last one), retried.",
        ["outcome"],
        dict.fromkeys(_DELIVERIES, 0) | dict(metrics.deliveries.read()),
    )
    yield counter(
        "tasky_auth_failures",
        "Requests and logins with a token that does not hold.",
        ["reason"],
        dict.fromkeys(_REFUSALS, 0) | dict(metrics.refused.read()),
    )


# ---------------------------------------------------------------------- what is looked at


def _looked_at(gauges: Gauges, workers: list[str], sees: Sees) -> Iterator[Metric]:
    load, ready = gauges.load(), gauges.ready()
    yield from _tasks(load, workers, sees)
    yield from _slots(load, gauges)
    yield from _processes(load, ready)
    yield from _store(gauges.store(), ready)
    yield gauge("tasky_streams", "Event and log streams that are open.", gauges.streams())
    yield gauge(
        "tasky_streams_limit", "Streams that may be: the setting http.streams.", gauges.max_streams
    )
    yield gauge("tasky_ready", "1 where new tasks are taken, as /readyz says.", ready.takes_tasks)
    yield gauge(
        "tasky_definition_problems",
        "Mistakes that the last reload found in the workers' files.",
        len(ready.problems),
    )
    yield InfoMetricFamily(
        "tasky_build",
        "What is running.",
        value={
            "version": __version__,
            "python": platform.python_version(),
            "sqlite": sqlite_version(),
        },
    )


def _tasks(load: Load, workers: list[str], sees: Sees) -> Iterator[Metric]:
    yield labelled(
        "tasky_waiting_processes",
        "Processes that wait for a task.",
        ["worker"],
        {(name,): load.waiting.get(name, 0) for name in workers},
    )
    queued = dict.fromkeys(workers, 0) | {name: n for name, n in load.queued.items() if sees(name)}
    yield labelled(
        "tasky_queued_tasks",
        "Tasks that wait, for a slot or for their time.",
        ["worker"],
        {(name,): number for name, number in queued.items()},
    )
    live = {(name, str(state)): n for (name, state), n in load.live.items() if sees(name)}
    yield labelled(
        "tasky_live_tasks",
        "Tasks under way.",
        ["worker", "state"],
        {
            (name, state.lower()): number
            for (name, state), number in (zeros(workers, _LIVE) | live).items()
        },
    )


def _slots(load: Load, gauges: Gauges) -> Iterator[Metric]:
    taken, waiting = sum(load.taken.values()), sum(load.queued.values())
    yield gauge("tasky_slots_taken", "Slots that are taken, of all workers together.", taken)
    yield gauge("tasky_slots", "Slots that there are: the setting max_tasks.", gauges.max_tasks)
    yield gauge("tasky_queue_length", "Tasks that wait, of all workers together.", waiting)
    yield gauge(
        "tasky_queue_limit", "Tasks that may wait: the setting max_queued.", gauges.max_queued
    )
    yield gauge(
        "tasky_starved_tasks",
        "Tasks that have a slot and wait for processes, memory or descriptors.",
        load.starved,
    )


def _processes(load: Load, ready: Readiness) -> Iterator[Metric]:
    if load.processes is not None:
        yield gauge("tasky_processes", "Processes below the server.", load.processes)
    yield gauge("tasky_trees", "Attempts that have processes.", load.trees)
    yield gauge(
        "tasky_unkillable_trees",
        "Attempts whose processes were killed and do not end.",
        load.unkillable,
    )
    yield histogram(
        "tasky_loop_lag_seconds",
        "Of each turn of the supervisor's loop, how late it began and how long it took.",
        [],
        {(): load.lag},
    )
    yield InfoMetricFamily(
        "tasky_containment",
        "What holds the processes of a task together.",
        value={"mode": ready.containment, "controllers": ",".join(sorted(ready.controllers))},
    )


def _store(store: Figures, ready: Readiness) -> Iterator[Metric]:
    yield histogram(
        "tasky_store_commit_seconds", "Commits, their sync included.", [], {(): store.seconds}
    )
    yield histogram(
        "tasky_store_commit_operations", "Operations that shared a commit.", [], {(): store.sizes}
    )
    yield counter("tasky_store_syncs", "Commits that were synced to disk.", [], {(): store.syncs})
    yield gauge(
        "tasky_store_blocked", "1 where nothing can be stored now.", ready.store is not None
    )
    sizes = (
        ("tasky_store_database_bytes", "The database's file.", store.database),
        ("tasky_store_wal_bytes", "The database's write-ahead log.", store.wal),
        ("tasky_store_free_bytes", "Free on the disk of the state directory.", store.free),
    )
    for name, about, size in sizes:
        if size is not None:
            yield gauge(name, about, size)
