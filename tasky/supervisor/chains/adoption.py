"""A chain that was begun before this server: by one that died, was stopped, or has handed over."""

from __future__ import annotations

import time

from ...model.outcome import Reason
from ...model.states import State
from ...model.task import Task
from ...model.worker import WorkerDefinition
from ..live import Live


def adopted(task: Task, definition: WorkerDefinition | None) -> Live:
    """As it was. Its clocks are had from the times that are stored: what the wall clock was set by meanwhile, they are
    wrong by."""
    now, steady = time.time_ns(), time.monotonic_ns()
    last = task.attempts[-1]
    own = definition.timeout if definition else None
    live = Live(
        task.id,
        task.worker,
        definition,
        last.started,
        priority=task.priority,
        attempt=last.number,
        began=steady - max(0, now - (task.started or last.started)),
        timeout=own if task.timeout is None else task.timeout,
        is_chain=True,
    )
    live.state = task.state
    if task.state is State.CANCELING:
        live.stop(Reason.CANCEL, live.kill_grace)
    live.count_from(max(0, now - last.started))
    return live
