"""Cancel, pause and resume: carried out in the loop's thread, where they meet the natural end of a task, so that
exactly one of them comes first."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import Final

from ..crash import Point, crash_at
from ..errors import StoreBusy, StoreFull, TaskyError, WrongState
from ..model.outcome import Reason
from ..model.states import Event, State, advance, can
from ..store import Store, tasks
from .ends import Ends
from .live import Live
from .loop import Loop
from .observer import Observer
from .promise import Promise
from .queue import Instant
from .register import Register
from .starts import Starts
from .watch import NotLive, wrong_state

log = logging.getLogger(__name__)

#: When a change that could not be stored is tried again, in ns.
_AGAIN: Final = 1_000_000_000
_STORED: Final = {
    Event.CANCEL: Point.CANCEL_STORED,
    Event.PAUSE: Point.PAUSE_STORED,
    Event.RESUME: Point.RESUME_STORED,
}


class Commands:
    """A command raises why it cannot be carried out, or keeps its promise of the new state when that is stored."""

    def __init__(
        self,
        store: Store,
        register: Register,
        loop: Loop,
        starts: Starts,
        ends: Ends,
        observer: Observer,
    ) -> None:
        self._store: Final = store
        self._register: Final = register
        self._loop: Final = loop
        self._starts: Final = starts
        self._ends: Final = ends
        self._observer: Final = observer

    def cancel(self, task_id: str, grace: int | None, answer: Promise[State]) -> None:
        now = Instant(time.time_ns(), time.monotonic_ns())
        withdrawn = self._register.withdraw(task_id, now)
        if withdrawn is not None:
            self._ends.withdrawn(*withdrawn, [answer])
            return
        live = self._find(task_id, Event.CANCEL)
        if live.state is State.QUEUED:
            live.cancel_retry(answer)
            return
        own = live.kill_grace
        live.stop(Reason.CANCEL, own if grace is None else min(grace, own))
        self._change(live, Event.CANCEL, answer)

    def pause(self, task_id: str, answer: Promise[State]) -> None:
        live = self._find(task_id, Event.PAUSE)
        if live.stopped is not None:  # frozen, it could not use its grace
            raise WrongState("a task that is being stopped cannot be paused", live.state)
        live.hold_alarm()
        if live.process is not None:
            live.process.freeze()
        self._change(live, Event.PAUSE, answer)

    def resume(self, task_id: str, answer: Promise[State]) -> None:
        live = self._find(task_id, Event.RESUME)
        if live.state is State.PAUSED and live.process is not None and live.stopped is None:
            live.process.thaw()
            live.set_alarm(self._loop, partial(self._starts.time_out, live))
        self._change(live, Event.RESUME, answer)

    def stop_all(self, grace: int | None) -> None:
        """The server is being stopped. `grace` None: each worker's own; 0: it is in a hurry."""
        if grace == 0:
            self._ends.give_up()
        for live in self._register.lives():
            live.stop(Reason.SHUTDOWN, live.kill_grace if grace is None else grace)
        self._ends.stop_loop_if_over()

    def _find(self, task_id: str, event: Event) -> Live:
        """The live task, if `event` may happen to it."""
        live = self._register.live(task_id)
        if live is None:
            if self._register.is_queued(task_id):
                raise wrong_state(State.QUEUED, event)
            raise NotLive
        state = live.outcome.state if live.outcome else live.state
        if not can(state, event):
            raise wrong_state(state, event)
        return live

    def _change(self, live: Live, event: Event, answer: Promise[State]) -> None:
        """Answers when the new state is stored; at once if it is none."""
        state = advance(live.state, event)
        if state is live.state:
            answer.keep(state)
            return
        live.state = state
        self._store_change(live, event, answer)

    def _store_change(self, live: Live, event: Event, answer: Promise[State] | None) -> None:
        """`answer` None: it was answered."""
        state = live.state

        def done(_: object, error: TaskyError | None) -> None:
            """In the writer's thread. What a full or a locked store cannot take yet has happened to the processes all
            the same: it is answered, and stored later."""
            crash_at(_STORED[event])
            passing = isinstance(error, (StoreFull, StoreBusy))
            if answer is not None and (error is None or passing):  # else it was told before
                self._observer.changed(live.task_id, live.worker, state)
            if answer is not None:
                answer.settle(state, None if passing else error)
            if passing:
                log.error("that it is %s cannot be stored yet: %s", state, error, extra=live.about)
                self._loop.call(
                    partial(self._loop.later, _AGAIN, partial(self._again, live, event, state))
                )

        self._store.writer.post(tasks.change(live.task_id, event), done=done)

    def _again(self, live: Live, event: Event, state: State) -> None:
        """A later change takes the place of this one, and so does the end."""
        if live.state is state and live.outcome is None:
            self._store_change(live, event, None)
