"""A picture for each scenario: bars of its first metric, by case and system."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from .bench import Scenario
from .figures import median
from .scenarios import SCENARIOS

_COLOURS: Final = {
    "tasky": "#1f6feb", "tasky-warm": "#54aeff", "tasky-reuse": "#0a3069", "posix_spawn": "#8c959f",
    "cat": "#8c959f", "webhook": "#bf8700", "celery": "#2da44e", "rq": "#cf222e",
    "supervisord": "#8250df", "task-spooler": "#bf3989",
}  # fmt: skip


def draw(results: Mapping[str, Any], folder: Path) -> None:
    import matplotlib as mpl  # only here: it takes a second, and not everybody has it

    mpl.use("svg")
    # The same figures make the same file; text stays text.
    mpl.rcParams.update({"svg.hashsalt": "tasky", "svg.fonttype": "none", "font.size": 9})
    folder.mkdir(parents=True, exist_ok=True)
    for name, result in results.items():
        _draw(SCENARIOS[name], result["found"], folder / f"{name}.svg")


def _draw(scenario: Scenario, found: Mapping[str, Any], file: Path) -> None:
    import matplotlib.pyplot as plt

    metric = scenario.metrics[0]
    bars = [
        (case, system, value / metric.scale)
        for case, systems in found.items()
        for system, samples in systems.items()
        if (value := median(samples, metric.key)) is not None
    ]
    figure, axes = plt.subplots(figsize=(8, 0.7 + 0.24 * (len(bars) + len(found))))
    place, ticks, longest = 0.0, [], max((value for _, _, value in bars), default=0) or 1
    before = next(iter(found))
    for case, system, value in bars:
        place += 1.8 if case != before else 1
        before = case
        ticks.append((place, f"{case} · {system}"))
        axes.barh(place, value, color=_COLOURS.get(system, "#57606a"))
        axes.text(value + longest * 0.01, place, f"{value:,.{metric.digits}f}", va="center")
    axes.set_yticks([at for at, _ in ticks], [words for _, words in ticks])
    axes.invert_yaxis()
    axes.set_xlim(0, longest * 1.12)
    axes.set_xlabel(f"{metric.unit} ({'more' if metric.more_is_better else 'less'} is better)")
    axes.set_title(scenario.title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
