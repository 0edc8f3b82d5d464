"""The threads in which processes are started: one, as long as that gets on; another where it is stuck in a start, whose
program or folder is on a hung file system. So that holds up other starts for seconds, and nothing else at all.

None of them ends before the server: what a worker is told at its parent's end, it is told at the end of this thread.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from ..errors import SpawnError
from .containment import proc
from .loop import Loop

log = logging.getLogger(__name__)

T = TypeVar("T")

_SECOND: Final = 1_000_000_000
#: A start that takes longer, in ns, is left to its thread, and others go on in another.
STUCK: Final = 2 * _SECOND
#: ... and longer than this has failed.
TIMEOUT: Final = 30 * _SECOND
_MOST_THREADS: Final = 4


class StartTimeout(SpawnError):
    """It cannot be started: that takes too long (a file system hangs)."""


class Job(Generic[T]):
    """`make()`, then `done` with what it gave, or `failed` with what it raised: one of them, once. If it was given up
    before, what it makes after all goes to `discard`."""

    def __init__(
        self,
        make: Callable[[Job[T]], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
        *,
        discard: Callable[[T], None] = lambda _: None,
        unwanted: Callable[[int], bool] = lambda _: False,
    ) -> None:
        """`unwanted(now)` says whether it is not worth waiting for; all but that, and a `failed` for one that was given
        up, is called in the thread that carries it out."""
        self._make: Final = make
        self._done: Final = done
        self._failed: Final = failed
        self._discard: Final = discard
        self.unwanted: Final = unwanted
        self._settled: Final = threading.Lock()

    @property
    def given_up(self) -> bool:
        """While it is being carried out."""
        return self._settled.locked()

    def carry_out(self) -> None:
        try:
            made = self._make(self)
        except Exception as error:  # noqa: BLE001 - the top of the thread: a task that waits is told
            if self._settle():
                self._failed(error)
            return
        if self._settle():
            self._done(made)
        else:
            self._discard(made)

    def give_up(self) -> bool:
        """False if it is too late for that."""
        if settled := self._settle():
            self._failed(StartTimeout())
        return settled

    def _settle(self) -> bool:
        return self._settled.acquire(blocking=False)


class Spawner:
    """Carries out jobs in the order in which they are given, as long as none takes long."""

    def __init__(self, loop: Loop) -> None:
        self._loop: Final = loop
        self._jobs: Final[queue.SimpleQueue[Job[Any] | None]] = queue.SimpleQueue()
        self._lock: Final = threading.Lock()
        self._threads: Final[list[_Thread]] = []
        self._watched = False

    def start(self) -> None:
        self._add_thread()

    def post(self, job: Job[T]) -> None:
        """Any thread."""
        self._jobs.put(job)
        with self._lock:
            watched, self._watched = self._watched, True
        if not watched:
            self._loop.call(self._watch)

    @property
    def is_idle(self) -> bool:
        """As far as that can be told."""
        return self._jobs.empty() and not any(each.busy for each in self._threads)

    def close(self) -> None:
        """Ends the threads after the jobs that they have; but for one that is stuck."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            while thread.is_alive() and not thread.is_stuck_for_good:
                thread.join(0.1)

    def _add_thread(self) -> None:
        thread = _Thread(self._jobs)
        self._threads.append(thread)
        thread.start()

    # ------------------------------------------------------------------ once a second, in the loop's thread

    def _watch(self) -> None:
        self._loop.later(_SECOND, self._look)

    def _look(self) -> None:
        with self._lock:
            self._watched = not self._jobs.empty() or any(each.busy for each in self._threads)
        if not self._watched:
            return
        now = time.monotonic_ns()
        stuck = [thread for thread in self._threads if thread.busy_for(now) > STUCK]
        for thread in stuck:
            thread.give_up(now)
        if len(stuck) == len(self._threads) < _MOST_THREADS and not self._jobs.empty():
            log.warning("a start takes long (a file system hangs?): others go on beside it")
            self._add_thread()
        self._watch()


class _Thread(threading.Thread):
    def __init__(self, jobs: queue.SimpleQueue[Job[Any] | None]) -> None:
        super().__init__(name="spawner", daemon=True)
        self._jobs: Final = jobs
        #: What it does, and since when.
        self._current: tuple[Job[Any], int] | None = None

    def run(self) -> None:
        # A worker inherits the mask of the thread that starts it; with SIGTERM blocked it could not be cancelled.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        while job := self._jobs.get():
            self._current = job, time.monotonic_ns()
            job.carry_out()
            self._current = None

    @property
    def busy(self) -> bool:
        return self._current is not None

    @property
    def is_stuck_for_good(self) -> bool:
        current = self._current
        return current is not None and current[0].given_up

    def busy_for(self, now: int) -> int:
        current = self._current
        return 0 if current is None else now - current[1]

    def give_up(self, now: int) -> None:
        """If it takes too long, or nobody waits for it any more. Its process, which is none of the worker's yet, is
        killed: then the thread may go on."""
        current = self._current
        if current is None:
            return
        job, since = current
        if (now - since > TIMEOUT or job.unwanted(now)) and not job.given_up and job.give_up():
            for pid in _not_executed_yet(self.native_id or 0):
                proc.send(pid, signal.SIGKILL)


def _not_executed_yet(thread: int) -> list[proc.Process]:
    """Its children that still are what they were forked from: with our memory, and so our environment."""
    found = []
    with contextlib.suppress(OSError):
        ours = Path("/proc/self/environ").read_bytes()
        for pid in Path(f"/proc/self/task/{thread}/children").read_text().split():
            seen = proc.stat(int(pid))
            if seen and Path(f"/proc/{pid}/environ").read_bytes() == ours:
                found.append(seen.process)
    return found
