"""A house for each test that asks for one, and a look at what it left behind."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasky.model.containment import Kind
from tasky.model.worker import WorkerDefinition
from tasky.supervisor import Found, direct, probe
from tests.helpers import wait_for
from tests.supervisor.house import Gate, House, open_fds, thread_names


@pytest.fixture
def houses(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Opens houses on the folder `tmp_path / "state"`, one after the other. In the end: no process, no thread, no
    descriptor more than before."""
    fds, threads = open_fds(), thread_names()
    opened: list[House] = []

    def open_house(*workers: WorkerDefinition, **settings: Any) -> House:
        house = House(tmp_path / "state", *workers, **settings)
        opened.append(house)
        return house

    yield open_house
    try:
        for house in opened:
            house.close()
        if opened:
            wait_for(lambda: not opened[0].processes(), "no process of a task is left")
    finally:
        for house in opened:
            for pid in house.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    assert thread_names() == threads
    assert open_fds() == fds


@pytest.fixture(scope="session")
def found() -> Found:
    return probe()


@pytest.fixture(params=[Kind.CGROUP, Kind.PROCESS_GROUP])
def kind(request: pytest.FixtureRequest, found: Found) -> Kind:
    """Both kinds of containment, one after the other."""
    kind = Kind(request.param)
    if kind is Kind.CGROUP and found.kind is not kind:
        pytest.skip(f"CGROUPS ARE NOT TESTED: they cannot be had here: {found.reason}")
    return kind


@pytest.fixture(params=["clone3", "vfork", "Popen"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The ways to start a process, one after the other."""
    way = str(request.param)
    if way == "Popen":
        monkeypatch.setattr(direct, "_start", None)
    elif not direct.is_there():
        pytest.skip("DIRECT STARTS ARE NOT TESTED: there was no compiler (scripts/test --system)")
    monkeypatch.setattr(direct, "_beside", way == "vfork")
    return way


@pytest.fixture
def house(houses: Callable[..., House]) -> House:
    return houses()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path / "gate")
    yield gate
    gate.close()
