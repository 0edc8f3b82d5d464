"""A program on a file system that hangs: its exec blocks until the test lets it go on."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import wait_for
from tests.supervisor.house import BEHAVE


class HungProgram:
    """A copy of behave.sh under a lease (fcntl(2)): whoever opens it waits until the holder gives the lease up."""

    def __init__(self, path: Path) -> None:
        self.path = path
        shutil.copy(BEHAVE, path)
        self._fd = os.open(path, os.O_RDONLY)
        # The holder is told by a signal; this one is ignored by default.
        fcntl.fcntl(self._fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(self._fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)

    def await_exec(self) -> None:
        """Until somebody waits for the file."""
        wait_for(
            lambda: fcntl.fcntl(self._fd, fcntl.F_GETLEASE) != fcntl.F_WRLCK,
            "the program is being executed",
        )

    def go_on(self) -> None:
        if self._fd >= 0:
            fcntl.fcntl(self._fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            os.close(self._fd)
            self._fd = -1


@contextlib.contextmanager
def hung_program(folder: Path) -> Iterator[HungProgram]:
    if sys.version_info < (3, 11, 4):
        pytest.skip("A HUNG EXEC IS NOT TESTED: before 3.11.4 Python stands still until it is over")
    program = HungProgram(folder / "hung.sh")
    try:
        yield program
    finally:
        program.go_on()
