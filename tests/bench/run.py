"""The rounds: all that is to be compared, one after the other, again and again."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any, TypeAlias

from .bench import Bench, Contestant, Sample, Scenario, Trouble, note

#: By case, by system: what each round found; None where it failed.
Found: TypeAlias = dict[str, dict[str, list[dict[str, float] | None]]]


def run(bench: Bench, scenarios: Iterable[Scenario], rounds: int) -> dict[str, Any]:
    """By scenario: what was found, and the seconds that it took."""
    results: dict[str, Any] = {}
    for scenario in scenarios:
        begin = time.monotonic()
        found = _rounds(bench, scenario, rounds)
        if found:
            took = round(time.monotonic() - begin, 1)
            results[scenario.name] = {"seconds": took, "found": found}
    return results


def _rounds(bench: Bench, scenario: Scenario, rounds: int) -> Found:
    found: Found = {}
    with ExitStack() as stack:
        try:
            contestants = _side_by_side(scenario.contestants(bench, stack))
        except Trouble as trouble:
            bench.miss(scenario.name, str(trouble))
            return found
        total = min(rounds, scenario.rounds)
        for number in range(total):
            for contestant in contestants:
                sample = _measured(bench, scenario, contestant)
                note(
                    f"{scenario.name}, round {number + 1} of {total}, {contestant.case}, {contestant.system}: "
                    + (_brief(scenario, sample) if sample else "failed")
                )
                systems = found.setdefault(contestant.case, {})
                systems.setdefault(contestant.system, []).append(sample)
    return found


def _side_by_side(contestants: Iterable[Contestant]) -> list[Contestant]:
    """The systems of one case after each other."""
    given = list(contestants)
    cases = list(dict.fromkeys(it.case for it in given))
    return sorted(given, key=lambda it: cases.index(it.case))


def _measured(bench: Bench, scenario: Scenario, contestant: Contestant) -> dict[str, float] | None:
    try:
        return dict(contestant.measure())
    except Trouble as trouble:
        bench.miss(f"{scenario.name}, {contestant.case}, {contestant.system}", str(trouble))
        return None


def _brief(scenario: Scenario, sample: Sample) -> str:
    return ", ".join(
        f"{sample[metric.key] / metric.scale:.{metric.digits}f} {metric.unit}"
        for metric in scenario.metrics
        if metric.key in sample
    )
