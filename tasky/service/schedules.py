"""Runs of workers by their schedules: a thread that waits for the next time, and makes a task for it.

A time that is due is stored as such before anything is done about it, and a task that is made for it takes its place in
one commit: so there is one run for each time, whatever dies in between.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from ..crash import Point, crash_at
from ..errors import ShuttingDown, TaskyError, UnknownTask, WrongState
from ..logs import about
from ..model.schedule import CatchUp, Overlap, Schedule
from ..model.states import TERMINAL
from ..model.task import NewTask, Outcome
from ..model.worker import WorkerDefinition
from ..store import Store, schedules
from ..supervisor import Observer
from .chains import chain_of
from .workers import Workers

log = logging.getLogger(__name__)

_SECOND: Final = 1_000_000_000
#: What is noticed later than this, in ns, was missed: the server was down, or the machine asleep.
_LATE: Final = 60 * _SECOND
#: A clock that was set back by less is waited for: it comes to where it was. In ns.
_SET_BACK: Final = 24 * 3600 * _SECOND
#: Runs that are made up for, or wait for the one before, at the most.
_MOST: Final = 1000
#: The wall clock may be set: it is looked at again after so many seconds at the most.
_LOOK: Final = 30.0
#: ... and after so many, where something could not be done.
_AGAIN: Final = 1.0


class Schedules(Observer):
    """From `start` to `close`. `submit` has a task stored and started, `cancel` ends one."""

    def __init__(
        self,
        store: Store,
        workers: Workers,
        submit: Callable[[NewTask, WorkerDefinition], object],
        cancel: Callable[[str], object],
    ) -> None:
        self._store: Final = store
        self._workers: Final = workers
        self._submit: Final = submit
        self._cancel: Final = cancel
        self._changed: Final = threading.Condition()
        self._woken = False
        self._open = True
        #: The last run of each worker, as long as it is not known to have ended.
        self._running: Final[dict[str, str]] = {}
        self._looked: dict[str, schedules.Looked] = {}
        self._due: dict[str, list[int]] = {}
        self._thread: Final = threading.Thread(target=self._run, name="schedules", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """The definitions have changed, or something else that it waits for. Any thread."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def ended(
        self,
        task_id: str,
        worker: str,
        outcome: Outcome,  # noqa: ARG002
        run_ns: int,  # noqa: ARG002
        waited_ns: int,  # noqa: ARG002
    ) -> None:
        if self._running.get(worker) == task_id:
            self.wake()

    def close(self) -> None:
        """Nothing more is made."""
        with self._changed:
            self._open = False
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    # ------------------------------------------------------------------ in its thread

    def _run(self) -> None:
        self._looked, self._due = self._store.reader.scheduled()
        while self._open:
            pause = self._turn()
            with self._changed:
                if self._open and not self._woken:
                    self._changed.wait(pause)
                self._woken = False

    def _turn(self) -> float:
        """Does what is due; gives the seconds to the next time."""
        now = time.time_ns()
        found = {
            name: one.schedule
            for name, one in self._workers.definitions.items()
            if one.schedule is not None
        }
        pause = _LOOK
        try:
            for name in [name for name in self._looked if name not in found]:
                self._forget(name)
            for name, schedule in found.items():
                self._look(name, schedule, now)
            for name in list(self._due):
                self._work_off(name, found[name])
        except ShuttingDown:
            return _LOOK
        except TaskyError as error:
            log.warning("runs by schedule have to wait: %s", error)
            return _AGAIN
        except Exception:  # the top of the thread: the next turn may be a better one
            log.exception("unexpected error in the schedules")
            return _AGAIN
        for name, schedule in found.items():
            due = next(schedule.after(max(now, self._looked[name].since)), None)
            if due is not None:
                pause = min(pause, max(0.0, (due - time.time_ns()) / _SECOND))
        return pause

    def _forget(self, name: str) -> None:
        self._store.writer.call(schedules.forget(name))
        del self._looked[name]
        self._due.pop(name, None)

    def _look(self, name: str, schedule: Schedule, now: int) -> None:
        """Notes what has become due. A schedule that says something else than before begins now."""
        known = self._looked.get(name)
        if known is None or known.times != schedule.times:
            self._note(name, schedules.Looked(schedule.times, now), [])
            return
        if known.since > now + _SET_BACK:
            log.warning("the clock was set back: %s is due from now on", name)
            self._note(name, schedules.Looked(schedule.times, now), [])
            return
        times = schedule.between(known.since, now, _MOST)
        if not times:
            return
        wanted = _wanted(times, schedule, now)
        waiting = len(self._due.get(name, ()))
        room = max(0, _MOST - waiting)
        if len(wanted) > room:
            log.warning("runs are left out: %d of %s wait already", waiting, name)
        self._note(name, schedules.Looked(schedule.times, times[-1]), wanted[:room])

    def _note(self, name: str, looked: schedules.Looked, due: list[int]) -> None:
        new = self._store.writer.call(schedules.note(name, looked, due))
        crash_at(Point.DUE_STORED)
        self._looked[name] = looked
        if new:
            self._due[name] = sorted([*self._due.get(name, ()), *new])

    def _work_off(self, name: str, schedule: Schedule) -> None:
        """Has the runs made that are due, as far as the one before lets them."""
        for at in list(self._due[name]):
            if (before := self._unfinished(name)) is not None:
                if schedule.overlap is Overlap.SKIP:
                    self._leave_out(name, at, f"{before} has not ended")
                    continue
                if schedule.overlap is Overlap.REPLACE:
                    self._end(before)
                return  # its end wakes us
            self._make(name, at)
        self._due.pop(name, None)

    def _unfinished(self, name: str) -> str | None:
        """The last run, if it has not ended."""
        last = self._store.reader.last_run(name)
        if last is None or last.state in TERMINAL:
            self._running.pop(name, None)
            return None
        self._running[name] = last.task_id  # before the second look, so that its end is not missed
        state = self._store.reader.state(last.task_id)
        return None if state is None or state in TERMINAL else last.task_id

    def _end(self, task_id: str) -> None:
        try:
            self._cancel(task_id)
        except (UnknownTask, WrongState):  # it has just ended
            self.wake()

    def _leave_out(self, name: str, at: int, why: str) -> None:
        self._store.writer.call(schedules.leave_out(name, at))
        self._due[name].remove(at)
        log.warning("the run due at %s is left out: %s", _shown(at), why, extra=about(worker=name))

    def _make(self, name: str, at: int) -> None:
        try:
            definition = self._workers.usable(name)
            assert definition.schedule is not None
            params = definition.parameters.check(definition.schedule.params)
        except TaskyError as error:
            self._leave_out(name, at, error.message)
            return
        new = NewTask(
            id=self._store.ids.new(),
            worker=name,
            params=params,
            created=time.time_ns(),
            secrets=tuple(sorted(definition.parameters.secrets)),
            notify=definition.notify,
            chain=chain_of(definition),
            due=at,
        )
        self._running[name] = new.id
        self._submit(new, definition)
        crash_at(Point.RUN_STORED)
        self._due[name].remove(at)


def _wanted(times: list[int], schedule: Schedule, now: int) -> list[int]:
    """Of those that have become due, the ones that there is a run for."""
    missed = [at for at in times if at < now - _LATE]
    fresh = times[len(missed) :]
    if missed and schedule.catch_up is not CatchUp.ALL:
        made_up = missed[-1:] if schedule.catch_up is CatchUp.ONE and not fresh else []
        left = len(missed) - len(made_up)
        if left:
            log.warning("%d runs were missed, the last at %s", left, _shown(missed[-1]))
        return made_up + fresh
    return times


def _shown(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // _SECOND))
