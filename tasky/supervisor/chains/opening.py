"""A chain's Conduct, from what is stored: at its beginning, or where it was when another server had it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Final

from ...model.chain.course import Course
from ...model.chain.parsing import read_plan
from ...model.chain.records import StepState
from ...model.outcome import Reason
from ...model.task import NewChain
from ...store import Store, chains
from .conduct import Asked, Conduct

_BEGUN: Final = frozenset(StepState) - {StepState.WAITING, StepState.UNREACHED}


def opened(
    store: Store, task_id: str, run: int, document: Mapping[str, Any], asked: Asked
) -> Conduct:
    """`document` is the plan where the task has none of its own: it was queued before its worker became a chain."""
    reader = store.reader
    task, chain = reader.get(task_id), reader.chain(task_id)
    if task is None:
        raise ValueError("the task is not in the store")
    if chain is None:
        chain = NewChain(document)
        store.writer.call(chains.add(task_id, chain))
    records, steps = reader.course(task_id, run)
    course = Course(
        read_plan(chain.plan),
        task.params,
        reader.output,
        chance=random.random,
        records=records,
        begun=[name for name, step in steps.items() if step["state"] in _BEGUN],
        halted=chain.halted is not None,
    )
    conduct = Conduct(task, run, course, asked)
    conduct.reason = None if chain.halted is None else Reason(chain.halted)
    return conduct
