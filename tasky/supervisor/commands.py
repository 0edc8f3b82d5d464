"""Cancel, pause and resume: carried out in the loop's thread, where they meet the natural end of a task, so that
exactly one of them comes first."""

from __future__ import annotations

import time
from functools import partial
from typing import Final

from ..errors import WrongState
from ..model.outcome import Reason
from ..model.states import Event, State, advance, can
from ..store import Store, tasks
from .ends import Ends
from .live import Live
from .loop import Loop
from .promise import Promise
from .register import Register
from .starts import Starts
from .watch import NotLive, wrong_state


class Commands:
    """A command raises why it cannot be carried out, or keeps its promise of the new state when that is stored."""

    def __init__(
        self, store: Store, register: Register, loop: Loop, starts: Starts, ends: Ends
    ) -> None:
        self._store: Final = store
        self._register: Final = register
        self._loop: Final = loop
        self._starts: Final = starts
        self._ends: Final = ends

    def cancel(self, task_id: str, grace: int | None, answer: Promise[State]) -> None:
        withdrawn = self._register.withdraw(task_id, time.time_ns())
        if withdrawn is not None:
            self._ends.withdrawn(*withdrawn, answer)
            return
        live = self._find(task_id, Event.CANCEL)
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
        """The server is being stopped. `grace` None: each worker's own."""
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
        self._store.writer.post(tasks.change(live.task_id, event), done=answer.settle)
