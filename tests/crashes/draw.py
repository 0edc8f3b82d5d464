"""Which of the many crash tests a run has, and which of the upgrades: a few, drawn with the seed that pytest-randomly
prints. A pytest plugin.

PYTEST_DONT_REWRITE: it has no assertion.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tasky.crash import Point
from tasky.model.containment import Kind
from tasky.supervisor import probe

MODES: Final = tuple(map(str, (Kind.CGROUP, Kind.PROCESS_GROUP)))
#: Of the points, in a run that is not told to take all.
_FEW: Final = 2
_HERE: Final = Path(__file__).parent
_DRAWN: Final = (_HERE, _HERE.parent / "upgrade")


def pytest_report_header(config: pytest.Config) -> str:
    if config.getoption("all"):
        return "crash points: all"
    mode, points = draw(seed_of(config))
    return f"crash points: {', '.join(points)}; containment: {mode} (--all takes all)"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what was not drawn, unless all are wanted, or one was named."""
    if config.getoption("all") or any("::" in argument for argument in config.args):
        return
    out = [item for item in items if item.path.parent in _DRAWN and not _is_in(item, config)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


def _is_in(item: pytest.Item, config: pytest.Config) -> bool:
    params: dict[str, object] = item.callspec.params if hasattr(item, "callspec") else {}
    seed = seed_of(config)
    mode, points = draw(seed)
    wanted = {"mode": (mode,), "point": points, "kind": (("passed", "path")[seed % 2],)}
    return all(params.get(name, some[0]) in some for name, some in wanted.items())


def seed_of(config: pytest.Config) -> int:
    """That of pytest-randomly; without that plugin, the day."""
    seed = config.getoption("randomly_seed", None)
    return seed if isinstance(seed, int) else datetime.now(UTC).toordinal()


def drawn_mode(config: pytest.Config) -> list[str]:
    """For other tests that take long: the kinds of containment that a run has them in."""
    return list(MODES) if config.getoption("all") else [draw(seed_of(config))[0]]


@cache
def draw(seed: int) -> tuple[str, list[Point]]:
    """A kind of containment that can be had here, and points."""
    chance = random.Random(seed)
    modes = MODES if probe().kind is Kind.CGROUP else (str(Kind.PROCESS_GROUP),)
    return chance.choice(modes), chance.sample(list(Point), _FEW)
