"""The processes that wait for a task. They may be ended at any moment: nothing is lost but time.

One that is taken belongs to the thread of the spawner, then to its attempt in the loop's thread. One that has answered
may come back (`put`). A reload begins a new era: what was started before it is not kept.
"""

from __future__ import annotations

import logging
import select
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from ..errors import SpawnError, TaskyError
from ..model.worker import WorkerDefinition
from ..store import Store
from .containment import Containment
from .emptying import PATIENCE, Emptying
from .launch import Launch
from .loop import READ, Loop
from .queue import Counts
from .register import Register
from .standby import Standby, start
from .timers import Timer

log = logging.getLogger(__name__)

#: How long one may take to end by itself, once its stdin is closed; in ns.
GRACE: Final = 1_000_000_000
_MILLISECOND: Final = 1_000_000


class Pool:
    """For the loop's thread, but where a section says otherwise. All processes together never exceed the slots;
    `broken(definition)` is called when one has ended by itself before it had any task."""

    def __init__(
        self,
        store: Store,
        loop: Loop,
        containment: Containment,
        emptying: Emptying,
        register: Register,
        *,
        max_tasks: int,
        broken: Callable[[WorkerDefinition], None],
    ) -> None:
        self._store: Final = store
        self._loop: Final = loop
        self._containment: Final = containment
        self._emptying: Final = emptying
        self._register: Final = register
        self._max_tasks: Final = max_tasks
        self._broken: Final = broken
        self._lock: Final = threading.Lock()
        #: Those that wait, the best at the end: the one that had a task last; the first are those that had none.
        self._waiting: list[Standby] = []
        #: All but those that have a task: also what is being started, or ended.
        self._ours: Final[set[Standby]] = set()
        self._timers: Final[dict[Standby, Timer]] = {}
        self._era = 0
        self._closed = False

    # ------------------------------------------------------------------ any thread

    def waiting(self) -> Mapping[str, int]:
        """How many wait, by worker."""
        with self._lock:
            return Counter(each.definition.name for each in self._waiting)

    def has_room(self, definition: WorkerDefinition) -> bool:
        """For one more that waits."""
        counts, waiting = self._register.counts(), self.waiting()
        name, limit = definition.name, definition.max_tasks or self._max_tasks
        mine = counts.get(name, Counts()).running + waiting.get(name, 0)
        everyone = sum(each.running for each in counts.values()) + sum(waiting.values())
        return not self._closed and mine < limit and everyone < self._max_tasks

    def drop(self) -> None:
        """Ends all that wait; those that have a task are not kept after it."""
        with self._lock:
            self._era += 1
            dropped, self._waiting = self._waiting, []
        for standby in dropped:
            self._loop.call(partial(self.end, standby))

    def reclaim(self, standby: Standby) -> None:
        """Ends one whose task was given up."""
        with self._lock:
            self._ours.add(standby)
        self._loop.call(partial(self.end, standby))

    def shut(self) -> None:
        """As `drop`, and nothing is kept until `reopen`."""
        self._closed = True
        self.drop()

    def reopen(self) -> None:
        self._closed = False

    # ------------------------------------------------------------------ the spawner's threads

    def take(self, launch: Launch) -> Standby | None:
        """One that waited, and has the task now."""
        while standby := self._pop(launch.definition):
            if standby.is_outdated:
                problem = "its program was changed"
            elif not standby.is_silent():
                problem = "it has ended, or written something, between two tasks"
            elif self._give(standby, launch):
                return standby
            else:
                problem = "its task could not be given to it"
            log.info("process %d is not used: %s", standby.pid, problem, extra=standby.about)
            self._loop.call(partial(self._kill, standby))
        return None

    def open(self, definition: WorkerDefinition, wanted: Callable[[], bool]) -> Standby:
        """Starts one. Raises what `spawn` does."""
        era = self._era
        standby = start(self._store, self._containment, definition, era, wanted)
        with self._lock:
            self._ours.add(standby)
        return standby

    def start(self, launch: Launch, wanted: Callable[[], bool]) -> Standby:
        """Starts one for a task, which it is given at once. Raises what `spawn` does."""
        standby = self.open(launch.definition, wanted)
        if not self._give(standby, launch):
            self._loop.call(partial(self._kill, standby))
            raise SpawnError("it cannot be started: it has changed its folder")
        return standby

    def make_room(self) -> None:
        """For a task that has a slot, and is to have a new process: ends as many as there are too many then, those
        first that are used least."""
        if not self._waiting:
            return
        running = sum(each.running for each in self._register.counts().values())
        with self._lock:
            excess = max(0, running + len(self._waiting) - self._max_tasks)
            dropped, self._waiting = self._waiting[:excess], self._waiting[excess:]
        for standby in dropped:
            standby.spawned.tree.kill()
            self._loop.call(partial(self._kill, standby))

    def _pop(self, definition: WorkerDefinition) -> Standby | None:
        with self._lock:
            for index in range(len(self._waiting) - 1, -1, -1):
                if self._waiting[index].definition is definition:
                    return self._waiting.pop(index)
        return None

    def _give(self, standby: Standby, launch: Launch) -> bool:
        try:
            standby.give(launch)
        except (OSError, TaskyError) as error:
            log.warning("a task cannot be given to its process: %s", error, extra=standby.about)
            return False
        with self._lock:
            self._ours.discard(standby)
        return True

    # ------------------------------------------------------------------ in, out, and away

    def put(self, standby: Standby) -> None:
        """A new one, or one that has answered, and has nothing left of its task."""
        self._emptying.watch()
        standby.spawned.tree.serve(None)
        with self._lock:
            self._ours.add(standby)
            is_current = standby.era == self._era and self._is_defined(standby.definition)
            kept = is_current and not standby.is_worn and not self._closed
            if kept:
                self._waiting.insert(len(self._waiting) if standby.served else 0, standby)
        if kept:
            self._watch(standby)
        else:
            self.end(standby)

    def _is_defined(self, definition: WorkerDefinition) -> bool:
        return self._register.definitions.get(definition.name) is definition

    def release(self, standby: Standby) -> None:
        """It was taken, or started: others watch it from now on."""
        for fd in standby.spawned.descriptors:
            self._loop.unwatch(fd)
        if timer := self._timers.pop(standby, None):
            timer.cancel()

    def gone(self, standby: Standby) -> None:
        """It has ended: its own folder goes, too."""
        self._store.scribe.clear(standby.process_id)

    def end(self, standby: Standby) -> None:
        """It reads the end of its stdin; and is killed, if that does not end it soon."""
        self.release(standby)
        with self._lock:
            self._ours.add(standby)
        standby.close_stdin()
        self._timers[standby] = self._loop.later(GRACE, standby.spawned.tree.kill)
        self._loop.watch(standby.spawned.pidfd, READ, lambda _: self._ended(standby))

    def _kill(self, standby: Standby) -> None:
        standby.spawned.tree.kill()
        self.end(standby)

    def _ended(self, standby: Standby) -> None:
        self.release(standby)
        standby.spawned.discard()
        self.gone(standby)
        with self._lock:
            self._ours.discard(standby)

    # ------------------------------------------------------------------ while it waits

    def _watch(self, standby: Standby) -> None:
        spawned, reuse = standby.spawned, standby.definition.reuse
        self._loop.watch(spawned.pidfd, READ, lambda _: self._on_end(standby))
        if standby.served:
            for fd in standby.outputs:
                self._loop.watch(fd, READ, partial(self._on_output, standby, fd))
        if reuse is not None:
            self._timers[standby] = self._loop.later(reuse.idle, partial(self._on_idle, standby))

    def _on_end(self, standby: Standby) -> None:
        """It has ended by itself."""
        if not self._leave(standby):
            return
        if standby.served:
            log.info("process %d has ended between two tasks", standby.pid, extra=standby.about)
        else:
            words = standby.last_words()
            message = "a process ended before it had a task%s"
            log.warning(message, f": {words}" if words else "", extra=standby.about)
        self._kill(standby)
        if not standby.served:
            self._broken(standby.definition)

    def _on_output(self, standby: Standby, fd: int, _: int) -> None:
        """Its last task may have read meanwhile what there was to read when this turn began."""
        if _is_readable(fd) and self._leave(standby):
            message = "process %d wrote something between two tasks, or closed its output: ended"
            log.warning(message, standby.pid, extra=standby.about)
            self._kill(standby)

    def _on_idle(self, standby: Standby) -> None:
        definition = standby.definition
        reuse = definition.reuse
        assert reuse is not None
        if self.waiting()[definition.name] <= definition.warm:
            again = partial(self._on_idle, standby)
            self._timers[standby] = self._loop.later(reuse.idle, again)
        elif self._leave(standby):
            self.end(standby)

    def _leave(self, standby: Standby) -> bool:
        """False if it was taken meanwhile: what it does now is of its task, and is looked at soon."""
        with self._lock:
            is_there = standby in self._waiting
            if is_there:
                self._waiting.remove(standby)
        if not is_there:
            self.release(standby)
        return is_there

    # ------------------------------------------------------------------ the end of the server

    def close(self) -> None:
        """After the loop, and the spawner. Ends what is left. Blocks."""
        deadline = time.monotonic_ns() + GRACE
        for standby in self._ours:
            standby.close_stdin()
        for standby in self._ours:
            if not _ends(standby, deadline):
                standby.spawned.tree.kill()
                if not _ends(standby, time.monotonic_ns() + PATIENCE):
                    log.error("process %d does not end", standby.pid, extra=standby.about)
                    continue
            standby.spawned.discard()
            self.gone(standby)
        self._ours.clear()


def _ends(standby: Standby, deadline: int) -> bool:
    return _is_readable(standby.spawned.pidfd, max(0, deadline - time.monotonic_ns()))


def _is_readable(fd: int, wait: int = 0) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(wait / _MILLISECOND))
