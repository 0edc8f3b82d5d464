"""Celery with Redis: its worker runs the same program by `subprocess`."""

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

NAME: Final = "celery"
SYSTEM: Final = System(
    NAME,
    f"Celery with Redis, {SLOTS} processes that run the program by `subprocess`; acknowledged late, results in Redis",
    "as Redis does",
    lambda: lacks_redis() or lacks_program("celery"),
)


@contextmanager
def celery(folder: Path, fsync: str) -> Iterator[Queue]:
    with redis(folder, fsync) as door:
        surroundings = environment(door)
        inner = folder / "worker"
        inner.mkdir()
        with running(
            *(ENVIRONMENT / "bin/celery", "-A", "celery_app", "worker", "--loglevel", "warning"),
            *("--concurrency", str(SLOTS), "--without-gossip", "--without-mingle"),
            folder=inner,
            environment=surroundings,
        ):
            queue = Queue(NAME, surroundings)
            queue.answers()
            yield queue
