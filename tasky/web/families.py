"""One metric of each kind, with its samples, from plain numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate, product

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.utils import floatToGoString

from ..tally import Labels, Reading


def zeros(workers: Iterable[str], others: Iterable[str]) -> dict[Labels, int]:
    return dict.fromkeys(product(workers, others), 0)


def counter(
    name: str, about: str, labels: list[str], counts: Mapping[Labels, int]
) -> CounterMetricFamily:
    """Its samples are called `name`_total."""
    family = CounterMetricFamily(name, about, labels=labels)
    for values, count in sorted(counts.items()):
        family.add_metric(values, count)
    return family


def gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, value=float(value))


def labelled(
    name: str, about: str, labels: list[str], numbers: Mapping[Labels, int]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, about, labels=labels)
    for values, number in sorted(numbers.items()):
        family.add_metric(values, number)
    return family


def histogram(
    name: str, about: str, labels: list[str], readings: Mapping[Labels, Reading]
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, about, labels=labels)
    for values, reading in sorted(readings.items()):
        bounds = [*map(floatToGoString, reading.bounds), "+Inf"]
        buckets = list(zip(bounds, accumulate(reading.counts), strict=True))
        family.add_metric(values, buckets, reading.sum)
    return family
