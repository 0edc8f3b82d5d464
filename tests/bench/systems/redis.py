"""Debian's redis-server, for Celery and RQ: on a Unix socket, with an append-only file."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..bench import Trouble
from .processes import running, wait_for

#: What Redis has on disk when it has answered, by its appendfsync.
KEEPS: Final = {
    "always": "the task, synced to disk (Redis, `appendonly yes`, `appendfsync always`)",
    "everysec": "the task in memory, on disk within a second (Redis, `appendfsync everysec`)",
    "no": "the task in memory (Redis, `appendfsync no`)",
}


@contextmanager
def redis(folder: Path, fsync: str) -> Iterator[Path]:
    """Gives its socket."""
    program = shutil.which("redis-server")
    if program is None:
        raise Trouble("the Debian package redis-server is not here")
    door = folder / "redis.sock"
    with running(
        *(program, "--port", "0", "--unixsocket", door, "--dir", folder, "--save", ""),
        *("--appendonly", "yes", "--appendfsync", fsync),
        folder=folder,
    ) as process:
        wait_for(lambda: _answers(door, process), "Redis answers")
        yield door


def _answers(door: Path, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise Trouble("Redis ended while it was started")
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(door)) == 0
