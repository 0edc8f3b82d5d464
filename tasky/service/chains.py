"""Chains as clients see them: those that they send, those that they have go on, and the steps of any."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ..errors import Conflict, Forbidden, Invalid, Violation
from ..model.access import Need, Principal
from ..model.chain import AD_HOC
from ..model.chain.fitting import check_workers
from ..model.chain.parsing import KEYS, parse_plan, read_plan
from ..model.chain.plan import Plan
from ..model.chain.records import Order, Record, StepState, StepView
from ..model.fields import Mistake, Section, mapping
from ..model.params import pointer
from ..model.states import TERMINAL, State
from ..model.task import NewChain, NewTask, Task
from ..model.worker import WorkerDefinition, ad_hoc
from ..store import Store
from .submission import Options
from .workers import Workers

_PARAMS: Final = "params"
#: Of one step, so many tasks are shown.
MOST_TASKS: Final = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """A step, and its tasks: `hidden` more than are here."""

    view: StepView
    tasks: tuple[Record, ...]
    hidden: int = 0


class Chains:
    """Any thread."""

    def __init__(self, store: Store, workers: Workers) -> None:
        self._store: Final = store
        self._workers: Final = workers

    def sent(self, body: Mapping[str, Any], options: Options) -> NewTask:
        """The task of a chain that a client has sent: the keys of a definition, and as `params` the values that its
        expressions find. Raises Invalid with all that is wrong; Forbidden where a worker of it may not be run."""
        keys = Section(body, (*KEYS, _PARAMS))
        params: Mapping[str, Any] = keys.get(_PARAMS, mapping, {})
        if "chain" not in keys:
            keys.reject("chain", "is missing: the steps, such as {pack: {worker: tar}}")
        plan = parse_plan(keys, params)
        if plan is None or keys.mistakes:
            raise Invalid([_violation(mistake) for mistake in keys.mistakes])
        _allow(options.by, plan)
        mistakes = check_workers(plan, None, self._workers.definitions)
        if mistakes:
            raise Invalid([_violation(mistake) for mistake in mistakes])
        return NewTask(
            id=self._store.ids.new(),
            worker=AD_HOC,
            params=params,
            created=time.time_ns(),
            priority=options.priority,
            labels=options.labels,
            not_before=options.not_before,
            timeout=options.timeout,
            by=options.by.name or None,
            chain=NewChain(plan.document),
        )

    def again(self, task: Task, by: Principal) -> tuple[NewChain, WorkerDefinition] | None:
        """What is run again of a chain that a client had sent; None of any other task."""
        found = self._store.reader.chain(task.id) if task.worker == AD_HOC else None
        if found is None:
            return None
        _allow(by, read_plan(found.plan))
        return NewChain(found.plan), ad_hoc()

    def resumed(self, task: Task) -> NewChain:
        """The rest of a chain that has failed: the plan that it had, and its finished tasks. Raises Conflict."""
        found = self._store.reader.chain(task.id)
        if found is None:
            raise Conflict("this task is no chain: it can only be restarted from the start")
        if task.state not in (State.FAILED, State.CANCELED):
            raise Conflict(f"this chain is {task.state}: nothing of it has failed")
        return NewChain(found.plan, resumes=task.id)

    def steps(self, task: Task) -> list[Step] | None:
        """Those of a chain's last attempt; None of a task that is no chain."""
        chain = self._store.reader.chain(task.id)
        if chain is None:
            return None
        run = task.attempts[-1].number if task.attempts else 1
        records, stored = self._store.reader.course(task.id, run)
        tasks: dict[str, list[Record]] = {}
        for record in records:
            tasks.setdefault(record.key.step, []).append(record)
        before = StepState.UNREACHED if task.state in TERMINAL else StepState.WAITING
        found = []
        for step in read_plan(chain.plan).steps.values():
            view = StepView(
                name=step.name,
                worker=step.worker,
                state=before,
                needs=step.needs,
                is_last=step.is_last,
                of_items=step.for_each is not None,
            )
            view = replace(view, **stored.get(step.name, {}))
            own = tasks.get(step.name, [])
            shown = own[-MOST_TASKS:]
            found.append(Step(view, tuple(shown), len(own) - len(shown)))
        return found

    def new_step(self, order: Order, chain: Task) -> tuple[NewTask, WorkerDefinition]:
        """The task of a step. It runs for whoever submitted the chain, which is what was allowed. Raises what keeps it
        from being made."""
        definition = self._workers.usable(order.worker)
        now = time.time_ns()
        new = NewTask(
            id=self._store.ids.new(),
            worker=definition.name,
            params=definition.parameters.check(order.params),
            created=now,
            priority=chain.priority,
            labels=chain.labels,
            not_before=now + order.delay if order.delay else None,
            timeout=order.timeout,
            secrets=tuple(sorted(definition.parameters.secrets)),
            notify=definition.notify,
            by=chain.by,
            chain=chain_of(definition),
        )
        return new, definition


def chain_of(definition: WorkerDefinition) -> NewChain | None:
    """What a new task of this worker does, if it is a chain."""
    return None if definition.chain is None else NewChain(definition.chain.document)


def _allow(by: Principal, plan: Plan) -> None:
    refused = sorted(name for name in plan.workers if not by.may(Need.RUN, name))
    if refused:
        raise Forbidden(f"this chain takes the scope {', '.join(f'run:{n}' for n in refused)}")


def _violation(mistake: Mistake) -> Violation:
    where = ".".join(str(step) for step in mistake.path)
    return Violation(f"{where}: {mistake.message}", pointer(mistake.path))
