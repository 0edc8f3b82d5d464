"""task-spooler (Debian's package, in C): each client is a process, and runs its task itself when its turn has come."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..bench import System

NAME: Final = "task-spooler"
PROGRAM: Final = "tsp"
SYSTEM: Final = System(
    NAME,
    "Debian's package `task-spooler`: a queue in memory, each task with a client process of its own",
    "nothing but the output",
    lambda: "" if shutil.which(PROGRAM) else "the Debian package task-spooler",
)


@contextmanager
def task_spooler(folder: Path, slots: int) -> Iterator[dict[str, str]]:
    """Gives the environment of its clients."""
    environment = {
        **os.environ,
        "TS_SOCKET": str(folder / "socket"),
        "TS_SLOTS": str(slots),
        "TS_MAXFINISHED": "10",
        "TMPDIR": str(folder),
    }
    subprocess.run([PROGRAM], env=environment, check=True, capture_output=True)
    try:
        yield environment
    finally:
        subprocess.run([PROGRAM, "-K"], env=environment, check=False)
