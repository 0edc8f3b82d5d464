"""A server's /metrics, read as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text
from prometheus_client.samples import Sample

from tests.helpers import Server

OPENMETRICS = "application/openmetrics-text"


class Scrape:
    """What one request has found."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self.families = {family.name: family for family in families}

    @classmethod
    def parse(cls, body: str) -> Scrape:
        return cls(text(body))

    @property
    def samples(self) -> list[Sample]:
        return [sample for family in self.families.values() for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """Of the one sample of this name with just these labels."""
        (found,) = [s.value for s in self.samples if s.name == name and s.labels == labels]
        return float(found)

    def total(self, name: str, **labels: str) -> float:
        """Of all samples of this name that have these labels."""
        values = [
            s.value for s in self.samples if s.name == name and labels.items() <= s.labels.items()
        ]
        return float(sum(values))

    def nonzero(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """By these labels."""
        return {
            tuple(s.labels[label] for label in labels): s.value
            for s in self.samples
            if s.name == name and s.value
        }


def scrape(server: Server, accept: str = "text/plain;version=0.0.4") -> Scrape:
    answer = server.request("GET", "//metrics", Accept=accept)
    assert answer.status == 200, answer
    wants_openmetrics = OPENMETRICS in accept
    assert answer.headers["Content-Type"].startswith(OPENMETRICS) is wants_openmetrics
    return Scrape((openmetrics if wants_openmetrics else text)(answer.body.decode()))
