"""RQ with Redis: its workers, which fork for each job, run the same program by `subprocess`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from ..bench import System
from .peers import ENVIRONMENT, lacks_program, lacks_redis
from .queues import SLOTS, Queue, working

NAME: Final = "rq"
SYSTEM: Final = System(
    NAME,
    f"RQ with Redis, {SLOTS} workers, each of which forks for a job that runs the program by `subprocess`",
    "as Redis does",
    lambda: lacks_redis() or lacks_program("rq"),
)


def rq(folder: Path, fsync: str) -> AbstractContextManager[Queue]:
    return working(
        NAME,
        folder,
        fsync,
        lambda door: (
            *(ENVIRONMENT / "bin/rq", "worker-pool", "--num-workers", str(SLOTS)),
            *("--url", f"unix://{door}", "--quiet", "default"),
        ),
    )
