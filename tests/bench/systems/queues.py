"""What Celery and RQ have in common here: a queue in Redis, workers in processes, clients in queue_client.py."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from ..bench import run_json
from .peers import PYTHON, QUEUE_CLIENT
from .processes import running
from .redis import redis

#: Processes that run tasks: twice as many as there are cores.
SLOTS: Final = 2 * (os.cpu_count() or 1)


class Queue(NamedTuple):
    name: str
    environment: Mapping[str, str]

    def wait(
        self, clients: int, seconds: float, text: str, command: Iterable[str], pause: float = 0
    ) -> Any:
        return self._client("wait", str(clients), str(seconds), str(pause), text, *command)

    def submit(self, clients: int, count: int, command: Iterable[str]) -> Any:
        return self._client("submit", str(clients), str(count), *command)

    def answers(self) -> None:
        """Waits until its workers do something."""
        self.wait(1, 0.001, "", ["/bin/true"])

    def _client(self, *arguments: str) -> Any:
        return run_json(PYTHON, QUEUE_CLIENT, self.name, *arguments, environment=self.environment)


@contextmanager
def working(
    name: str, folder: Path, fsync: str, command: Callable[[Path], Iterable[str | Path]]
) -> Iterator[Queue]:
    """A queue in a Redis of its own, with its workers: `command(door)` starts them on that socket."""
    with redis(folder, fsync) as door:
        surroundings = environment(door)
        inner = folder / "worker"
        inner.mkdir()
        with running(*command(door), folder=inner, environment=surroundings):
            queue = Queue(name, surroundings)
            queue.answers()
            yield queue


def environment(door: Path) -> Mapping[str, str]:
    """For clients and workers; the jobs are found beside the client."""
    return {**os.environ, "BENCH_REDIS": str(door), "PYTHONPATH": str(QUEUE_CLIENT.parent)}
