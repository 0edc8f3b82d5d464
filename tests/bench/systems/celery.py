"""Celery with Redis: its worker runs the same program by `subprocess`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from ..bench import System
from .peers import ENVIRONMENT, lacks_program, lacks_redis
from .queues import SLOTS, Queue, working

NAME: Final = "celery"
SYSTEM: Final = System(
    NAME,
    f"Celery with Redis, {SLOTS} processes that run the program by `subprocess`; acknowledged late, results in Redis",
    "as Redis does",
    lambda: lacks_redis() or lacks_program("celery"),
)


def celery(folder: Path, fsync: str) -> AbstractContextManager[Queue]:
    return working(
        NAME,
        folder,
        fsync,
        lambda _: (
            *(ENVIRONMENT / "bin/celery", "-A", "celery_app", "worker", "--loglevel", "warning"),
            *("--concurrency", str(SLOTS), "--without-gossip", "--without-mingle"),
        ),
    )
