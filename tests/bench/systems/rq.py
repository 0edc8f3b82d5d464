"""RQ with Redis: its workers, which fork for each job, run the same program by `subprocess`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..bench import System
from .peers import ENVIRONMENT, lacks_program, lacks_redis
from .processes import running
from .queues import SLOTS, Queue, environment
from .redis import redis

NAME: Final = "rq"
SYSTEM: Final = System(
    NAME,
    f"RQ with Redis, {SLOTS} workers, each of which forks for a job that runs the program by `subprocess`",
    "as Redis does",
    lambda: lacks_redis() or lacks_program("rq"),
)


@contextmanager
def rq(folder: Path, fsync: str) -> Iterator[Queue]:
    with redis(folder, fsync) as door:
        surroundings = environment(door)
        inner = folder / "worker"
        inner.mkdir()
        with running(
            *(ENVIRONMENT / "bin/rq", "worker-pool", "--num-workers", str(SLOTS)),
            *("--url", f"unix://{door}", "--quiet", "default"),
            folder=inner,
            environment=surroundings,
        ):
            queue = Queue(NAME, surroundings)
            queue.answers()
            yield queue
