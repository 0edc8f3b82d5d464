from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tasky.model.containment import Kind
from tasky.supervisor import probe
from tests.crashes.draw import MODES
from tests.helpers import Server
from tests.systemd.told import Told

from .support import Gates


class Start(Protocol):
    def __call__(self, *arguments: str, **environ: str) -> Server: ...


@pytest.fixture
def workers(tmp_path: Path) -> Path:
    folder = tmp_path / "workers.d"
    folder.mkdir()
    return folder


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with Told(f"{tmp_path}/notify") as told:
        yield told


@pytest.fixture
def gates(tmp_path: Path) -> Gates:
    return Gates(tmp_path / "gates")


@pytest.fixture
def start(workers: Path, tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as undo:

        def start(*arguments: str, **environ: str) -> Server:
            server = Server(workers, tmp_path / "state", *arguments, **environ)
            undo.callback(server.close)
            return server

        yield start


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """The kind of containment; a run has one of them, unless it has all (see crashes.draw)."""
    found = probe()
    if request.param == Kind.CGROUP and found.kind is not Kind.CGROUP:
        pytest.skip(f"UPGRADES WITH CGROUPS ARE NOT TESTED: none can be had here: {found.reason}")
    return str(request.param)
