"""P: the wall clock is set back by a day while tasks are to be ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasky.model.containment import Kind
from tests.helpers import Server, serving
from tests.hostile.arena import Arena, workers

DAY = 86_400
#: Python imports it before anything else: a clock that somebody sets.
SITE = """
import os, time

_time, _time_ns = time.time, time.time_ns

def _set():
    with open({clock!r}) as file:
        return int(file.read())

time.time = lambda: _time() + _set()
time.time_ns = lambda: _time_ns() + _set() * 1_000_000_000
"""


class Clock:
    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set(0)
        (folder / "sitecustomize.py").write_text(SITE.format(clock=str(self._file)))

    def set(self, seconds: int) -> None:
        """It says as much more than the truth."""
        new = self._file.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self._file)


@pytest.fixture(scope="module")
def kind() -> Kind:
    return Kind.AUTO


@pytest.fixture(scope="module")
def clock(folder: Path) -> Clock:
    return Clock(folder)


@pytest.fixture(scope="module")
def server(clock: Clock, folder: Path) -> Iterator[Server]:
    definitions = workers(folder / "workers.d")
    with serving(definitions, folder / "state", PYTHONPATH=str(folder)) as server:
        yield server


@pytest.mark.case("P34")
def test_grace_and_timeout(arena: Arena, clock: Clock) -> None:
    """They end when they should, though by the clock that would be tomorrow."""
    canceled = arena.unleash("ignores-term")
    canceled.pids()
    late = arena.unleash("waits", query="?timeout=1s")
    clock.set(-DAY)
    assert canceled.cancel().attempt["Signal"] == "SIGKILL"
    ended = late.ended()
    assert ended.code == "timeout"
    assert ended.document["Seconds"] >= 1
