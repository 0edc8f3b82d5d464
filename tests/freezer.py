"""Processes that do not end though they are killed, as in a driver, or on a dead file system.

Made by the freezer of cgroup v1, which SIGKILL does not get through.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import wait_for

FREEZER = Path("/sys/fs/cgroup/freezer")


class Freezer:
    def __init__(self, name: str) -> None:
        self._folder = FREEZER / name
        self._folder.mkdir()

    def take(self, pid: int) -> None:
        """It does not end from now on."""
        (self._folder / "cgroup.procs").write_text(str(pid))
        (self._folder / "freezer.state").write_text("FROZEN")
        state = self._folder / "freezer.state"
        wait_for(lambda: state.read_text() == "FROZEN\n", "it is frozen")

    def give_back(self) -> None:
        (self._folder / "freezer.state").write_text("THAWED")

    def close(self) -> None:
        self.give_back()
        wait_for(lambda: not (self._folder / "cgroup.procs").read_text(), "it is empty")
        self._folder.rmdir()


@pytest.fixture
def freezer(tmp_path: Path) -> Iterator[Freezer]:
    try:
        freezer = Freezer(f"tasky-test-{os.getpid()}-{tmp_path.name}")
    except OSError as error:
        pytest.skip(f"UNKILLABLE PROCESSES ARE NOT TESTED: no freezer of cgroup v1: {error}")
    yield freezer
    freezer.close()
