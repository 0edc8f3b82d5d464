"""The start of a task: from a free slot to a process.

A slot, then the row (a task is stored as Running before it runs, so that it never runs twice), then the spawner's
thread, then the loop's.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

from ..crash import Point, crash_at
from ..errors import SpawnError, StoreError, TaskyError
from ..model.outcome import Reason
from ..model.states import State
from ..model.worker import WorkerDefinition
from ..store import Store, tasks
from .alarm import Alarm
from .chains import Conduct, Conductor
from .containment import Containment
from .emptying import Emptying
from .ends import Ends
from .launch import Launch
from .live import Live
from .loop import Loop
from .observer import Observer
from .pool import Pool
from .preparation import prepare
from .process import Process
from .progress import ProgressSaver
from .queue import Instant
from .register import Register
from .spawner import Shortage, Spawned, is_shortage, spawn
from .spawner_threads import Job, Spawner, StartTimeout
from .standby import Standby
from .warm import Warmth

log = logging.getLogger(__name__)

_SECOND: Final = 1_000_000_000
#: A start that the system or the store is too short for is tried again after pauses that double, in ns.
_FIRST_PAUSE: Final = _SECOND // 10
_LONGEST_PAUSE: Final = 10 * _SECOND
#: The wall clock may be set: a delayed task's time is looked at again this often, in ns.
_LOOK_AGAIN: Final = 30 * _SECOND

#: None of a task that was stopped meanwhile.
_Made: TypeAlias = Spawned | Standby | None


class Starts:
    """`dispatch` and `launch` are for any thread."""

    def __init__(
        self,
        store: Store,
        register: Register,
        loop: Loop,
        *,
        containment: Containment,
        spawner: Spawner,
        ends: Ends,
        saver: ProgressSaver,
        conductor: Conductor,
        max_tasks: int,
        max_line: int,
        observer: Observer,
    ) -> None:
        self._store: Final = store
        self._register: Final = register
        self._loop: Final = loop
        self._containment: Final = containment
        self._spawner: Final = spawner
        self._ends: Final = ends
        self._saver: Final = saver
        self._conductor: Final = conductor
        self._max_line: Final = max_line
        self._observer: Final = observer
        self._emptying: Final = Emptying(loop, containment)
        #: The processes that wait for a task.
        self.pool: Final = Pool(
            store,
            loop,
            containment,
            self._emptying,
            register,
            max_tasks=max_tasks,
            broken=lambda definition: self._warmth.broken(definition),
        )
        self._warmth: Final = Warmth(loop, spawner, self.pool)
        #: For delayed tasks.
        self._alarm: Final = Alarm(loop, self.dispatch)

    def dispatch(self, freed: Live | None = None) -> None:
        """Starts what may start now; `freed` has given its slot back."""
        if freed is not None:
            self._warmth.wake()
        now = Instant(time.time_ns(), time.monotonic_ns())
        lives, wait = self._register.start(now, freed)
        for live in lives:
            self._begin(live)
        if wait is not None:
            self._alarm.set(now.steady + min(wait, _LOOK_AGAIN))

    def redefine(self) -> None:
        """There are definitions, or other ones. In the loop's thread."""
        self._warmth.redefine(self._register.definitions.values())
        self.dispatch()

    def keep_waiting(self) -> None:
        """Any thread."""
        self.pool.reopen()
        self._warmth.wake()

    def switch(self, in_use: Callable[[WorkerDefinition], bool]) -> None:
        """Any thread."""
        self._warmth.in_use = in_use
        self.pool.drop()
        self._warmth.wake()

    def launch(self, live: Live) -> None:
        """Its start is stored: makes a process of it. In the writer's thread."""
        crash_at(Point.START_STORED)
        self._observer.changed(live.task_id, live.worker, State.RUNNING)
        self._observer.started(live.task_id, live.worker, live.attempt, live.waited)
        self._launch(live)

    def _launch(self, live: Live) -> None:
        if live.is_chain:
            self.conduct(live)
            return
        job = Job(
            partial(self._spawn, live),
            partial(self._made, live),
            partial(self._failed, live),
            discard=self._discard,
            unwanted=live.is_unwanted,
        )
        self._spawner.post(job)

    def conduct(self, live: Live) -> None:
        """Has a chain begin, or go on from where it was. Any thread."""
        plan = live.definition.chain if live.definition else None
        self._conductor.begin(
            live.task_id,
            live.attempt,
            plan.document if plan else {},
            lambda conduct: self._loop.call(partial(self._conducted, live, conduct)),
            partial(self._failed, live),
        )

    def unkillable(self) -> Mapping[str, list[int]]:
        """As Supervisor's. Any thread."""
        return self._emptying.stuck

    def close(self) -> None:
        """After the loop."""
        self.pool.close()
        self._emptying.close()

    def time_out(self, live: Live) -> None:
        live.stop(Reason.TIMEOUT, live.kill_grace)

    # ------------------------------------------------------------------ the row

    def _begin(self, live: Live) -> None:
        """Stores that a queued task starts."""
        self._store.writer.post(
            tasks.start(live.task_id, live.attempt, live.started), done=partial(self._begun, live)
        )

    def _begun(self, live: Live, _: object, error: TaskyError | None) -> None:
        """In the writer's thread."""
        if error is None:
            self.launch(live)
        elif isinstance(error, StoreError):
            log.error("its start cannot be stored yet: %s", error, extra=live.about)
            self._loop.call(partial(self._loop.later, _SECOND, partial(self._begin, live)))
        else:
            self._ends.lost_track(live, error)

    # ------------------------------------------------------------------ the process

    def _spawn(self, live: Live, job: Job[_Made]) -> _Made:
        """In the spawner's thread. None of one that was stopped meanwhile, or while nothing starts."""
        if live.stopped is not None or self._register.held:
            return None
        if live.launch is None:
            live.launch = prepare(self._store, live)
        if live.attempt == 1 or live.began is None:
            live.began = time.monotonic_ns()
        waits = live.launch.definition.waits
        if waits and (standby := self.pool.take(live.launch)):
            self._observer.took(live.worker, standby.served == 1)
            self._loop.call(partial(self._warmth.worked, standby.definition))
            return standby
        began = time.monotonic()
        self.pool.make_room()
        made: _Made
        if waits:
            made = self.pool.start(live.launch, lambda: not job.given_up)
        else:
            made = spawn(live.launch, self._containment, lambda: not job.given_up)
        self._observer.spawned(time.monotonic() - began)
        return made

    def _made(self, live: Live, made: _Made) -> None:
        """In the spawner's thread."""
        if made is None:
            self._loop.call(partial(self._ends.stopped_before_start, live))
        elif isinstance(made, Standby):
            self._loop.call(partial(self._spawned, live, made.spawned, made))
        else:
            self._loop.call(partial(self._spawned, live, made))

    def _discard(self, made: _Made) -> None:
        """It was given up, and started after all. In the spawner's thread."""
        if isinstance(made, Standby):
            self.pool.reclaim(made)
        elif made is not None:
            made.discard()

    def _failed(self, live: Live, error: Exception) -> None:
        """In the spawner's thread; or, of one that was given up, in the loop's."""
        self._loop.call(partial(self._not_spawned, live, error))

    def _not_spawned(self, live: Live, error: Exception) -> None:
        if isinstance(error, (Shortage, StoreError)) or is_shortage(error):
            self._try_again(live, error)
        elif isinstance(error, StartTimeout) and live.stopped is not None:
            self._ends.stopped_before_start(live)
        elif isinstance(error, SpawnError):
            self._ends.not_started(live, error.message)
        elif isinstance(error, OSError):
            log.error("its folder cannot be made: %s", error, extra=live.about)
            name = errno.errorcode.get(error.errno or 0, "unknown error")
            reason = f"{os.strerror(error.errno or 0)} ({name})"
            self._ends.not_started(live, f"its working directory cannot be made: {reason}")
        else:
            log.error("unexpected error in the spawner", exc_info=error, extra=live.about)
            self._ends.not_started(live, "it cannot be started: the server made a mistake")

    def _try_again(self, live: Live, error: Exception) -> None:
        """A shortage passes; until then the task waits in its slot."""
        pause = min(_FIRST_PAUSE << min(live.tries, 10), _LONGEST_PAUSE)
        live.tries += 1
        log.warning("%s; trying again", error, extra=live.about)
        live.try_again = self._loop.later(pause, partial(self._launch, live))
        if live.stopped is not None:
            live.stop(*live.stopped)

    def adopt(
        self, live: Live, spawned: Spawned, launch: Launch, handed: Mapping[str, Any]
    ) -> None:
        """The process of another server's, which goes on here, and has no further task. Before the loop runs."""
        live.process = self._process(live, spawned, launch)
        live.process.go_on(handed)
        self._register.adopt(live)
        self._saver.wake()
        self._emptying.watch()
        if live.stopped is None and live.state is State.RUNNING:
            live.set_alarm(self._loop, partial(self.time_out, live))

    def _process(
        self, live: Live, spawned: Spawned, launch: Launch, standby: Standby | None = None
    ) -> Process:
        """`standby` is of one that has waited for its task."""
        keep = former = None
        if standby is not None and standby.definition.reuse is not None:
            keep, former = partial(self.pool.put, standby), standby.former
        return Process(
            spawned,
            launch,
            max_line=self._max_line,
            loop=self._loop,
            emptying=self._emptying,
            scribe=self._store.scribe,
            ended=partial(self._process_ended, live, standby, launch if keep else None),
            gone=partial(self.dispatch, live),
            progressed=partial(self._observer.progressed, live.task_id, live.worker),
            keep=keep,
            former=former,
        )

    def _spawned(self, live: Live, spawned: Spawned, standby: Standby | None = None) -> None:
        launch, live.launch, live.params = live.launch, None, None
        assert launch is not None
        if standby is not None:
            self.pool.release(standby)
            self._warmth.taken()
        try:
            live.process = self._process(live, spawned, launch, standby)
        except OSError as error:  # the kernel has no room for one more watched descriptor
            for fd in spawned.descriptors:
                self._loop.unwatch(fd)
            live.launch = launch
            self._spawner.post(Job(lambda _: spawned.discard(), lambda _: None, _not_discarded))
            self._try_again(live, error)
            return
        self._emptying.watch()
        self._catch_up(live, live.process)

    def _conducted(self, live: Live, conduct: Conduct) -> None:
        if live.timeout is None:  # it came out of the queue, or from before a restart
            own = live.definition.timeout if live.definition else None
            live.timeout = own if conduct.task.timeout is None else conduct.task.timeout
        if live.began is None:
            live.began = time.monotonic_ns()
        live.process, live.params = conduct, None
        self._catch_up(live, conduct)
        self._conductor.go(conduct)

    def _catch_up(self, live: Live, process: Process | Conduct) -> None:
        """With what was asked for before there was a process."""
        self._saver.wake()
        if live.stopped is not None:
            process.stop(*live.stopped)
        elif live.state is State.PAUSED:
            process.freeze()
        else:
            live.set_alarm(self._loop, partial(self.time_out, live))

    def _process_ended(self, live: Live, standby: Standby | None, launch: Launch | None) -> None:
        """Or it has answered, and was kept."""
        process = live.process
        assert isinstance(process, Process)
        if standby is not None and not process.kept:
            self.pool.gone(standby)
            if standby.served > 1 and process.is_untouched and live.stopped is None:
                log.info("its process had ended: it gets another one", extra=live.about)
                live.hold_alarm()
                live.process, live.launch = None, launch
                self._launch(live)
                return
        self._ends.process_ended(live)


def _not_discarded(error: Exception) -> None:
    log.error("a process that cannot be watched could not be ended: %s", error)
