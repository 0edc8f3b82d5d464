"""What Tasky is to reach, as ratios of one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .figures import median, ratio
from .scenarios.waiting import PAUSING


@dataclass(frozen=True, slots=True)
class Target:
    """`system` against `other`, each in a case of the scenario; `bound` is the least ratio, or the greatest."""

    about: str
    scenario: str
    metric: str
    system: tuple[str, str]
    other: tuple[str, str]
    bound: float
    at_least: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    target: Target
    ratio: float | None

    @property
    def word(self) -> str:
        if self.ratio is None:
            return "not measured"
        target = self.target
        met = self.ratio >= target.bound if target.at_least else self.ratio <= target.bound
        return "met" if met else "**missed**"


def _pairs(
    scenario: str, case: str, system: str, others: dict[str, float], about: str
) -> Iterator[Target]:
    for other, bound in others.items():
        yield Target(f"{about}{other}", scenario, "rate", (case, system), (case, other), bound)


TARGETS: Final = (
    *_pairs("true", "16 clients", "tasky", {"posix_spawn": 0.75, "webhook": 0.75},
            "`/bin/true`, 16 clients: tasks/s of Tasky ÷ "),
    Target("`/bin/true`, 1 client: p50 of Tasky ÷ webhook", "true", "p50",
           ("1 client", "tasky"), ("1 client", "webhook"), 1.5, at_least=False),
    Target("Python worker, 1 client that pauses: p50 warm ÷ webhook", "python", "p50",
           (PAUSING, "tasky-warm"), (PAUSING, "webhook"), 0.2, at_least=False),
    *_pairs("python", "16 clients", "tasky-reuse", {"webhook": 10, "celery": 5, "rq": 5},
            "Python worker, 16 clients: tasks/s with reuse ÷ "),
    *_pairs("burst", "10,000 tasks", "tasky", {"celery": 2},
            "10,000 submitted: tasks/s to the last end, Tasky ÷ "),
    Target("100 MB of log through one task: Tasky ÷ `cat`", "logs", "rate",
           ("100 MB through 1", "tasky"), ("100 MB through 1", "cat"), 0.5),
    Target("the newest 100 of 1,000,000: p99 ÷ that of 1,000", "listing", "p99",
           ("the newest 100 of 1,000,000", "tasky"), ("the newest 100 of 1,000", "tasky"), 1.5,
           at_least=False),
    Target("`/bin/true` with 1,000,000 stored: tasks/s ÷ those with 100", "growth", "rate",
           ("1,000,000 stored", "tasky"), ("100 stored", "tasky"), 0.8),
    Target("`/bin/true` beside 1,000 live tasks: tasks/s ÷ those beside none", "growth", "rate",
           ("beside 1,000 live", "tasky"), ("beside 0 live", "tasky"), 0.8),
)  # fmt: skip

#: Kilobytes of memory for each live task.
LIVE_TASK: Final = 40


def verdicts(results: Mapping[str, Any]) -> list[Verdict]:
    return [Verdict(target, _reached(target, results)) for target in TARGETS]


def memory_of_a_task(results: Mapping[str, Any]) -> float | None:
    """In kB."""
    found = results.get("sleeping", {}).get("found", {})
    for systems in found.values():
        middle = median(systems.get("tasky", []), "memory")
        return None if middle is None else middle / 1000
    return None


def _reached(target: Target, results: Mapping[str, Any]) -> float | None:
    found = results.get(target.scenario, {}).get("found", {})
    (case, system), (other_case, other) = target.system, target.other
    samples = found.get(case, {}).get(system, [])
    return ratio(samples, found.get(other_case, {}).get(other, []), target.metric)
