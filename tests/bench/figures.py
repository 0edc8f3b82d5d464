"""Medians and ratios of what the rounds found."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from .bench import Scenario

Samples = Sequence[Mapping[str, float] | None]


def median(samples: Samples, metric: str) -> float | None:
    values = [sample[metric] for sample in samples if sample and metric in sample]
    return statistics.median(values) if values else None


def ratio(samples: Samples, others: Samples, metric: str) -> float | None:
    """The median of the rounds' ratios: neighbours in time are compared, whatever the machine did in other rounds."""
    ratios = [
        sample[metric] / other[metric]
        for sample, other in zip(samples, others, strict=False)
        if sample and other and metric in sample and other.get(metric)
    ]
    return statistics.median(ratios) if ratios else None


def base(scenario: Scenario, found: Mapping[str, Any], case: str) -> Samples:
    """What the samples of a case are divided by; nothing if that was not measured."""
    if isinstance(scenario.base, str):
        return found.get(case, {}).get(scenario.base, [])
    first, system = scenario.base
    return found.get(first, {}).get(system, [])
