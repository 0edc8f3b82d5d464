"""A server for the tests of a module, in each kind of containment, and the arena of a test on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasky.model.containment import Kind
from tasky.supervisor import probe
from tests.helpers import Server, serving
from tests.hostile.arena import Arena, workers
from tests.supervisor.house import Gate


def usable(kind: Kind) -> Kind:
    if kind is Kind.CGROUP and (found := probe()).kind is not kind:
        pytest.skip(f"CGROUPS ARE NOT TESTED: they cannot be had here: {found.reason}")
    return kind


@pytest.fixture(scope="module", params=[Kind.CGROUP, Kind.PROCESS_GROUP])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Both kinds, one after the other. Redefined by modules that have nothing to do with it."""
    return usable(Kind(request.param))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def server(kind: Kind, folder: Path) -> Iterator[Server]:
    """One for all: each case also shows that those before it did no harm."""
    with serving(workers(folder / "workers.d"), folder / kind, TASKY_CONTAINMENT=kind) as server:
        yield server


@pytest.fixture
def arena(server: Server, tmp_path: Path) -> Iterator[Arena]:
    arena = Arena(server, tmp_path)
    yield arena
    arena.close()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path / "gate")
    yield gate
    gate.close()
