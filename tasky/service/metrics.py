"""What a server counts of itself from its start on: plain numbers, without the package that shows them.

Whoever has something to count calls a method of `Metrics`; each may be called in any thread, takes about a microsecond
and never raises. What is only looked at (how many wait, how big the store is) is read by `gauges` when it is asked for.
"""

from __future__ import annotations

from typing import Final

from ..model.notify import Delivery
from ..model.task import Outcome
from ..supervisor.observer import Observer
from ..tally import LONG, OTHER, SHORT, ByLabels, Count, Histogram, Names

#: Different names of workers that are counted apart: a catalogue that changes for years must not fill the memory.
_MOST_WORKERS: Final = 1000
#: Different reasons of refusals.
_MOST_REASONS: Final = 16
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})
_NANO: Final = 1e-9


class Metrics(Observer):
    """One for each server. Labels are bounded: workers are named by stored tasks, routes by their templates."""

    def __init__(self) -> None:
        self._workers: Final = Names(_MOST_WORKERS)
        self._reasons: Final = Names(_MOST_REASONS)
        self.submitted: Final = Count()  #: worker
        self.attempts: Final = Count()  #: worker
        self.retries: Final = Count()  #: worker
        self.ends: Final = Count()  #: worker, end: completed, canceled, or the failure's code
        self.waits: Final = Histogram(LONG)
        self.runs: Final = ByLabels(lambda: Histogram(LONG))  #: worker
        self.spawns: Final = Histogram(SHORT)
        self.taken: Final = Count()  #: worker, process: warm or reused
        self.requests: Final = Count()  #: route, method, status
        self.answers: Final = ByLabels(lambda: Histogram(SHORT))  #: route, method
        self.refused: Final = Count()  #: reason
        self.deliveries: Final = Count()  #: outcome

    # ------------------------------------------------------------------ as an observer of the supervisor

    def queued(self, task_id: str, worker: str) -> None:  # noqa: ARG002
        self.submitted.add(self._workers.bounded(worker))

    def started(self, task_id: str, worker: str, attempt: int, waited_ns: int) -> None:  # noqa: ARG002
        name = self._workers.bounded(worker)
        self.attempts.add(name)
        if attempt > 1:
            self.retries.add(name)
        self.waits.observe(waited_ns * _NANO)

    def spawned(self, seconds: float) -> None:
        self.spawns.observe(seconds)

    def took(self, worker: str, warm: bool) -> None:
        self.taken.add(self._workers.bounded(worker), "warm" if warm else "reused")

    def ended(
        self,
        task_id: str,  # noqa: ARG002
        worker: str,
        outcome: Outcome,
        run_ns: int,
        waited_ns: int,  # noqa: ARG002
    ) -> None:
        name = self._workers.bounded(worker)
        failure = outcome.failure
        self.ends.add(name, outcome.state.lower() if failure is None else str(failure.code))
        if run_ns:  # else it never ran
            self.runs.of(name).observe(run_ns * _NANO)

    # ------------------------------------------------------------------ for HTTP

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was. `route` is a template of ours, never what a client wrote: empty where it met none."""
        route, method = route or OTHER, method if method in _METHODS else OTHER
        self.requests.add(route, method, str(status))
        self.answers.of(route, method).observe(seconds)

    def auth_failed(self, reason: str) -> None:
        """What somebody sent to be known by does not hold. `reason` is one of a few words (`refused`, ...),
        never what was sent."""
        self.refused.add(self._reasons.bounded(reason))

    # ------------------------------------------------------------------ for webhooks

    def notified(self, delivery: Delivery) -> None:
        """What came of one attempt to deliver a notification: PENDING is one that is made again."""
        self.deliveries.add("retried" if delivery is Delivery.PENDING else delivery.lower())
