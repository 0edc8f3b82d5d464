"""The supervisor as the rest of the server knows it: tasks in, their ends out.

Tasks come in from HTTP threads (`intake`), are stored by the store's writer, started by the spawner (`starts`) and
watched by the loop, where cancel, pause (`commands`) and the natural end (`ends`) meet.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

from ..crash import Point, crash_at
from ..errors import ShuttingDown, TaskyError, WrongState
from ..model.states import State
from ..model.task import NewTask, Progress
from ..model.worker import WorkerDefinition
from ..store import Store
from . import handover
from .chains import Conduct, Conductor, Prepare
from .chains.adoption import adopted
from .commands import Commands
from .containment import Containment
from .ends import Ends
from .intake import Intake
from .live import Live
from .load import Load, load
from .loop import Loop
from .observer import Observer, Observers
from .progress import ProgressSaver
from .promise import Promise
from .queue import Counts, Instant
from .recovery import recover
from .register import Register
from .retries import restored
from .signals import clean_dispositions
from .spawner_threads import Spawner
from .starts import Starts
from .watch import NotLive, Submission, Watcher, settle_all

T = TypeVar("T")

_PATIENCE: Final = 5.0  # seconds that the loop has to answer


class Supervisor:
    """Runs tasks; one for each server. `start` it, then `drain`, `join` and `close` it."""

    def __init__(
        self,
        store: Store,
        definitions: Mapping[str, WorkerDefinition],
        *,
        containment: Containment,
        max_tasks: int,
        max_queued: int,
        max_line: int,
        observer: Observer | None = None,
    ) -> None:
        """`observer` is told of everything, the recovery included."""
        self._conductor: Final = Conductor(
            store,
            observer or Observer(),
            submit=lambda new, definition, stored: self._intake.post(new, definition, stored),
            cancel=lambda task_id, grace: self._tell(
                lambda: self._commands.cancel(task_id, grace, Promise())
            ),
            pause=lambda task_id: self._tell(lambda: self._commands.pause(task_id, Promise())),
            resume=lambda task_id: self._tell(lambda: self._commands.resume(task_id, Promise())),
            interrupted=self._interrupted,
            later=lambda delay, call: self._loop.call(partial(self._loop.later, delay, call)),
            ended=lambda conduct: self._loop.call(partial(self._conduct_ended, conduct)),
        )
        observer = Observers(observer or Observer(), self._conductor)
        self._observer: Final = observer
        self._store: Final = store
        self._containment: Final = containment
        self._register: Final = Register(definitions, max_tasks, max_queued)
        self._loop: Final = Loop()
        self._thread: Final = threading.Thread(
            target=self._loop.run, name="supervisor", daemon=True
        )
        self._spawner: Final = Spawner(self._loop)
        self._ends: Final = Ends(store, self._register, self._loop, self._dispatch, observer)
        self._starts: Final = Starts(
            store,
            self._register,
            self._loop,
            containment=containment,
            spawner=self._spawner,
            ends=self._ends,
            saver=ProgressSaver(store, self._register, self._loop),
            conductor=self._conductor,
            max_tasks=max_tasks,
            max_line=max_line,
            observer=observer,
        )
        self._intake: Final = Intake(store, self._register, self._starts, self._ends, observer)
        self._commands: Final = Commands(
            store, self._register, self._loop, self._starts, self._ends, observer
        )

    # ------------------------------------------------------------------ for the daemon

    def start(self, handed: Mapping[str, Any] | None = None) -> None:
        """Settles what a killed server left behind, or goes on with what another one has `handed` over; then starts
        what is queued. For the main thread."""
        clean_dispositions()
        taken_over = None
        if handed is not None:
            taken_over = handover.adopt(handed, self._store, self._containment, self._starts)
            crash_at(Point.ADOPTED)
        recover(self._store, self._containment, self._register.retry_of, self._observer, taken_over)
        now = Instant(time.time_ns(), time.monotonic_ns())
        for row in self._store.reader.queued():
            entry = restored(row, self._register.retry_of(row.worker), now)
            self._register.restore(entry if handed is None else handover.with_clocks(entry, handed))
        for task in self._store.reader.active_chains():
            live = adopted(task, self._register.definition(task.worker))
            self._register.adopt(live)
            self._starts.conduct(live)
        crash_at(Point.RESTORED)
        self._conductor.start()
        self._spawner.start()
        self._thread.start()
        self._loop.call(self._starts.redefine)

    def reload(self, definitions: Mapping[str, WorkerDefinition]) -> None:
        """New definitions for tasks that start from now on. Processes that wait for a task are ended."""
        self._register.redefine(definitions)
        self._starts.pool.drop()
        self._loop.call(self._starts.redefine)

    def drop_waiting(self) -> None:
        """Ends the processes that wait for a task; none does, until `keep_waiting`. Nothing is lost by that but time.
        Any thread."""
        self._starts.pool.shut()

    def keep_waiting(self) -> None:
        """Takes `drop_waiting` back. Any thread."""
        self._starts.keep_waiting()

    def switch(self, in_use: Callable[[WorkerDefinition], bool]) -> None:
        """Tells which workers take tasks: for no other one are processes kept waiting. To be called again when that has
        changed. Any thread."""
        self._starts.switch(in_use)

    def waiting(self) -> Mapping[str, int]:
        """How many processes wait for a task, by worker. Any thread."""
        return self._starts.pool.waiting()

    def drain(self) -> None:
        """No new task; the running ones get SIGTERM, their grace, SIGKILL. What is queued stays so.
        `join` waits for the end."""
        settle_all(self._register.close(), ShuttingDown())
        crash_at(Point.DRAINING)
        self.drop_waiting()
        self._loop.call(partial(self._commands.stop_all, None))

    def kill_now(self) -> None:
        """Ends the grace of every task."""
        self._loop.call(partial(self._commands.stop_all, 0))

    def join(self, seconds: float | None = None) -> bool:
        """Waits until `drain` is done; False when `seconds` are over before."""
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def ping(self, answer: Callable[[], None]) -> None:
        """Has `answer` called by the loop: one that is stuck does not. Any thread."""
        self._loop.call(answer)

    def close(self) -> None:
        """Frees what is left after `join`. Nobody may ask for anything any more."""
        self._conductor.close()
        self._spawner.close()
        self._loop.stop()
        self.join()
        self._starts.close()
        self._loop.close()

    # ------------------------------------------------------------------ for one that goes on with its tasks

    def rest(self) -> list[str]:
        """Nothing starts any more, and what runs is left alone, as far as it can be; gives the ids of the others, whose
        start or end is under way. To be called until there are none; then `hand_over`, or else `work`."""
        self._register.hold(True)
        self._register.release()
        self.drop_waiting()
        return self._in_loop(self._rest)

    def work(self) -> None:
        """After `rest`."""
        self._register.hold(False)
        self.keep_waiting()
        self._loop.call(self._work)

    def hand_over(self) -> dict[str, Any]:
        """For a server that goes on with all that rests: what it must know, as JSON. This one is closed by that."""
        self._conductor.close()
        self._spawner.close()
        self._loop.stop()
        self._thread.join()
        document = handover.handed(self._register, self._containment)
        self._starts.close()
        self._loop.close()
        return document

    def glimpse(self) -> dict[str, Any]:
        """What `hand_over` would give now: nothing changes."""
        return self._in_loop(partial(handover.handed, self._register, self._containment))

    def _rest(self) -> list[str]:
        return [live.task_id for live in handover.rest(self._register.lives())]

    def _work(self) -> None:
        handover.work(self._register.lives())
        self._starts.dispatch()

    def _in_loop(self, function: Callable[[], T]) -> T:
        """What it gives in the loop's thread. TaskyError if that does not answer."""
        answer: Promise[T] = Promise()

        def call() -> None:
            try:
                answer.keep(function())
            except Exception:
                answer.fail(TaskyError())
                raise

        self._loop.call(call)
        if not answer.wait(_PATIENCE):
            raise TaskyError("the supervisor does not answer")
        return answer.get()

    # ------------------------------------------------------------------ for the service

    def prepare_steps_with(self, prepare: Prepare) -> None:
        """Who makes the new tasks of chains; before `start`."""
        self._conductor.prepare = prepare

    def submit(
        self, new: NewTask, definition: WorkerDefinition, *, watch: bool = False
    ) -> Submission:
        """As Intake's."""
        return self._intake.submit(new, definition, watch=watch)

    def watch(self, task_id: str) -> Watcher | None:
        """A watcher of a task's end; None if it has ended, or waits and will not start any more."""
        return self._register.watch_live(task_id, self._intake.unwatch)

    def cancel(self, task_id: str, grace: int | None = None) -> State:
        """Canceled (it waited) or Canceling. `grace` (ns) can only shorten the worker's own. This and the other two
        raise NotLive or WrongState."""
        return self._ask(task_id, partial(self._commands.cancel, task_id, grace))

    def pause(self, task_id: str) -> State:
        return self._ask(task_id, partial(self._commands.pause, task_id))

    def resume(self, task_id: str) -> State:
        return self._ask(task_id, partial(self._commands.resume, task_id))

    def progress(self, task_id: str) -> Progress | None:
        """The latest, if the task is live."""
        live = self._register.live(task_id)
        return live.progress if live else None

    def worker_of(self, task_id: str) -> str | None:
        """The name of its worker, if the task is live."""
        live = self._register.live(task_id)
        return live.worker if live else None

    def counts(self) -> dict[str, Counts]:
        """Per worker; one with nothing to count is absent."""
        counts = self._register.counts()
        for worker, number in self._starts.pool.waiting().items():
            counts[worker] = replace(counts.get(worker, Counts()), waiting=number)
        return counts

    def unkillable(self) -> Mapping[str, list[int]]:
        """The tasks that have ended though processes of theirs do not end, killed as they are; with these. Each keeps
        its slot until they do. Any thread."""
        return self._starts.unkillable()

    def starved(self) -> int:
        """How many tasks have a slot and no process, since the system is short of something: their start is tried
        again. Any thread."""
        return sum(live.tries > 0 and live.process is None for live in self._register.lives())

    def load(self) -> Load:
        """How much there is to do. Any thread."""
        return load(self._register, self._loop, self.waiting(), len(self.unkillable()))

    def _dispatch(self, freed: Live | None) -> None:
        self._starts.dispatch(freed)

    # ------------------------------------------------------------------ chains

    def _tell(self, command: Callable[[], None]) -> None:
        """A command that may come too late. Any thread."""

        def carry_out() -> None:
            with contextlib.suppress(NotLive, WrongState):
                command()

        self._loop.call(carry_out)

    def _interrupted(self, conduct: Conduct) -> None:
        """In the loop's thread."""
        live = self._register.live(conduct.task.id)
        if live is not None:
            self._ends.interrupted(live)

    def _conduct_ended(self, conduct: Conduct) -> None:
        live = self._register.live(conduct.task.id)
        if live is not None:
            self._ends.process_ended(live)

    # ------------------------------------------------------------------ commands

    def _ask(self, task_id: str, command: Callable[[Promise[State]], None]) -> State:
        """Has a command carried out by the loop. Any thread but that."""
        answer: Promise[State] = Promise()
        self._loop.call(partial(_carry_out, command, answer))
        while not answer.wait(1 if self._thread.is_alive() else 0):
            if not self._thread.is_alive():  # drained: nothing is live, but some may wait
                raise ShuttingDown if self._register.is_queued(task_id) else NotLive
        return answer.get()


def _carry_out(command: Callable[[Promise[State]], None], answer: Promise[State]) -> None:
    try:
        command(answer)
    except TaskyError as error:
        answer.fail(error)
    except Exception:
        answer.fail(TaskyError())  # whoever waits must not do so for ever
        raise
