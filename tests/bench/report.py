"""The figures as text: docs/benchmarks.md is this, with the pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .bench import Metric, Scenario
from .figures import base, median, ratio
from .scenarios import SCENARIOS
from .systems import SYSTEMS
from .systems.redis import KEEPS
from .targets import LIVE_TASK, memory_of_a_task, verdicts

#: The load of a machine on which nothing else runs.
_QUIET = 0.5


def report(document: Mapping[str, Any], pictures: str | None = None) -> str:
    """`pictures` is the folder where they are, seen from the page; without, there are none."""
    lines = [*_head(document), "", *_targets(document["results"])]
    for name, scenario in SCENARIOS.items():
        if result := document["results"].get(name):
            lines += ["", *_scenario(scenario, result["found"], pictures)]
    lines += ["", *_systems(document)]
    if document["absent"]:
        lines += ["", "## Not measured", ""]
        lines += [f"- {what}: {why}" for what, why in document["absent"].items()]
    return "\n".join(lines)


def _head(document: Mapping[str, Any]) -> Iterator[str]:
    machine = document["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    yield "# Benchmarks"
    yield ""
    yield (
        "Written by `scripts/bench --record`; what was found on the way, and tried, is in"
        " [performance.md](performance.md). On a quiet machine, `scripts/bench --install --record` takes some"
        " ten minutes."
    )
    yield ""
    yield (
        f"{document['date']}: {machine['cores']} cores of {machine['cpu']}, Linux {machine['kernel']}, {versions}."
        f" `{document['command']}`, in {document['minutes']:g} minutes; load of the machine before: {document['load']}."
    )
    if document["load"] > _QUIET:
        yield ""
        yield (
            "**Other programs were running, many of them if that load is high: the figures say little, and the ratios"
            " not much more.**"
        )
    yield ""
    yield (
        "In each round, all systems are measured one after the other; a ratio is the median of the rounds' ratios,"
        " a figure the median of the rounds. Clients are threads of a C program (those of Celery and RQ: forked"
        " processes) on the same machine."
    )


def _targets(results: Mapping[str, Any]) -> Iterator[str]:
    yield "## What it is to reach"
    yield ""
    yield "| | reached | aim | |"
    yield "|---|---|---|---|"
    for verdict in verdicts(results):
        target = verdict.target
        reached = "-" if verdict.ratio is None else f"{verdict.ratio:.2f}"
        sign = "≥" if target.at_least else "≤"
        yield f"| {target.about} | {reached} | {sign} {target.bound:g} | {verdict.word} |"
    memory = memory_of_a_task(results)
    if memory is not None:
        word = "met" if memory < LIVE_TASK else "**missed**"
        yield f"| memory of a live task, kB | {memory:.1f} | < {LIVE_TASK} | {word} |"


def _scenario(scenario: Scenario, found: Mapping[str, Any], pictures: str | None) -> Iterator[str]:
    yield f"## {scenario.title}"
    yield ""
    yield scenario.about
    yield ""
    if pictures is not None:
        yield f"![{scenario.title}]({pictures}/{scenario.name}.svg)"
        yield ""
    first = scenario.metrics[0]
    measured = scenario.base if isinstance(scenario.base, str) else scenario.base[0]
    yield f"| | | {first.unit} ÷ {measured} | {' | '.join(m.unit for m in scenario.metrics)} |"
    yield f"|---|---|---|{'---|' * len(scenario.metrics)}"
    for case, systems in found.items():
        for system, samples in systems.items():
            compared = ratio(samples, base(scenario, found, case), first.key)
            words = "-" if compared is None else f"**{compared:.2f}**"
            cells = [_cell(metric, median(samples, metric.key)) for metric in scenario.metrics]
            yield f"| {case} | {system} | {words} | {' | '.join(cells)} |"


def _cell(metric: Metric, value: float | None) -> str:
    return "-" if value is None else f"{value / metric.scale:,.{metric.digits}f}"


def _systems(document: Mapping[str, Any]) -> Iterator[str]:
    redis = KEEPS[document["fsync"]]
    yield "## The systems"
    yield ""
    yield "| | | when it has taken a task, it has kept |"
    yield "|---|---|---|"
    for system in SYSTEMS.values():
        keeps = redis if system.keeps == "as Redis does" else system.keeps
        yield f"| {system.name} | {system.about} | {keeps} |"
