"""Keeps as many processes waiting as the definitions say with `warm`: one is started after the other, while there is no
task to be started, and as far as there are slots."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from ..logs import about
from ..model.worker import WorkerDefinition
from .loop import Loop
from .pool import Pool
from .spawner_threads import Job, Spawner
from .standby import Standby
from .timers import Timer

log = logging.getLogger(__name__)

_SECOND: Final = 1_000_000_000
#: While the spawner has tasks to start it is asked again after this, in ns.
_BUSY: Final = _SECOND // 200
#: A task that ends within this time, in ns, is not disturbed by the start of another process.
_SOON: Final = _SECOND // 20
#: What cannot be started, or ends before it has a task, is tried again after pauses that double, in ns.
_FIRST_PAUSE: Final = _SECOND
_LONGEST_PAUSE: Final = 64 * _SECOND


class Warmth:
    """For the loop's thread, but for `wake`."""

    def __init__(self, loop: Loop, spawner: Spawner, pool: Pool) -> None:
        self._loop: Final = loop
        self._spawner: Final = spawner
        self._pool: Final = pool
        #: Whether a worker takes tasks.
        self.in_use: Callable[[WorkerDefinition], bool] = lambda definition: definition.enabled
        self._warm: list[WorkerDefinition] = []
        self._starting = False
        self._timer: Timer | None = None
        #: Of those that fail: how often they have, and when they are tried again.
        self._pauses: dict[str, tuple[int, int]] = {}

    def redefine(self, definitions: Iterable[WorkerDefinition]) -> None:
        self._warm = [each for each in definitions if each.warm]
        self._pauses.clear()
        self._look()

    def wake(self) -> None:
        """There may be room, or a need. Any thread."""
        if self._warm:
            self._loop.call(self._look)

    def taken(self) -> None:
        """One has a task now, which is to have the processor: it is replaced when that is over, or goes on for long."""
        if self._warm:
            self._look_in(_SOON)

    def broken(self, definition: WorkerDefinition) -> None:
        """A process of it cannot be started, or has ended without a task."""
        times = self._pauses.get(definition.name, (0, 0))[0]
        pause = min(_FIRST_PAUSE << min(times, 10), _LONGEST_PAUSE)
        self._pauses[definition.name] = times + 1, time.monotonic_ns() + pause
        self._look_in(pause)

    def worked(self, definition: WorkerDefinition) -> None:
        """A process of it has lived to see its task."""
        self._pauses.pop(definition.name, None)

    def _look_in(self, delay: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.later(delay, self._look)

    def _look(self) -> None:
        if self._starting:
            return
        now = time.monotonic_ns()
        waiting = self._pool.waiting()
        for definition in self._warm:
            if waiting.get(definition.name, 0) >= definition.warm or not self.in_use(definition):
                continue
            if self._pool.has_room(definition) and self._due(definition) <= now:
                self._start(definition)
                return
        later = [due for each in self._warm if (due := self._due(each)) > now]
        if later:
            self._look_in(min(later) - now)

    def _due(self, definition: WorkerDefinition) -> int:
        return self._pauses.get(definition.name, (0, 0))[1]

    def _start(self, definition: WorkerDefinition) -> None:
        if not self._spawner.is_idle:
            self._look_in(_BUSY)
            return
        self._starting = True
        job = Job(
            partial(self._open, definition),
            lambda standby: self._loop.call(partial(self._opened, standby)),
            lambda error: self._loop.call(partial(self._failed, definition, error)),
            discard=self._pool.reclaim,
        )
        self._spawner.post(job)

    def _open(self, definition: WorkerDefinition, job: Job[Standby]) -> Standby:
        """In the spawner's thread."""
        return self._pool.open(definition, lambda: not job.given_up)

    def _opened(self, standby: Standby) -> None:
        self._starting = False
        self._pool.put(standby)
        self._look()

    def _failed(self, definition: WorkerDefinition, error: Exception) -> None:
        self._starting = False
        which = about(worker=definition.name)
        log.warning("a process cannot be kept waiting: %s", error, extra=which)
        self.broken(definition)
        self._look()
