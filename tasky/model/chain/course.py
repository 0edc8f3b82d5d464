"""The course of a chain: which tasks are to be made now, and how it ends. Pure: no clock, no store, no process.

All that it decides follows from the plan, the parameters and the ends of its tasks: after a restart of the server the
same course is had from what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from ..states import State
from ..task import Failure, FailureCode
from .expression import Unusable, is_true
from .parsing import MAX_ITEMS
from .plan import OnFailure, Plan, Step
from .records import SETTLED, End, Key, Order, Record, StepState, StepView
from .run import Run
from .scope import Load, Scopes
from .template import Template


class Course:
    """`load` gives the output of a task that has completed. `chance` is a random number from 0 to 1, asked for before
    each further attempt. `records` are the tasks that were made before a restart, `begun` the steps that had begun;
    `halted`: it was stopped."""

    def __init__(
        self,
        plan: Plan,
        params: Mapping[str, Any],
        load: Load,
        *,
        chance: Callable[[], float],
        records: Sequence[Record] = (),
        begun: Collection[str] = (),
        halted: bool = False,
    ) -> None:
        self._plan: Final = plan
        self._chance: Final = chance
        self._states: Final = dict.fromkeys(plan.steps, StepState.WAITING)
        self._runs: Final[dict[str, Run]] = {}
        self._failures: Final[dict[str, Failure]] = {}
        self._scopes: Final = Scopes(plan, params, load, self._states, self._runs, self._failures)
        self._begun: Final = begun
        self._records: Final[dict[str, dict[int, list[Record]]]] = {}
        for record in records:
            items = self._records.setdefault(record.key.step, {})
            items.setdefault(record.key.item, []).append(record)
        #: The main steps are over.
        self._at_last = False
        #: Kept where `load` has raised something before all were found.
        self._orders: list[Order] = []
        #: No main step begins any more; nor, of `finally`, does one where it is for good.
        self._halted = halted or any(self._had_failed(step) for step in plan.steps.values())
        self._halted_for_good = False
        #: Why the chain fails.
        self.failure: Failure | None = None
        #: Steps whose state is not what it was when this was looked at last; to be emptied by who looks.
        self.changed: Final[set[str]] = set()

    # ------------------------------------------------------------------ what happens

    def orders(self) -> list[Order]:
        """The tasks that are to be made now; each is answered by `made` and `ended`, or by `ended` alone if it cannot
        be. To be asked for again after each end, and after an error of `load`, which is passed on."""
        while True:
            self.catch_up()
            for run in self._under_way():
                self._orders += self._begin(run)
            if not any(run.stands_still for run in self._under_way()):
                orders, self._orders = self._orders, []
                return orders

    def catch_up(self) -> None:
        """With all that has ended, before anything begins: so it does not matter in which order it is heard of."""
        while self._open_steps() or self._settle_runs() or self._turn_to_the_last():
            pass

    def made(self, key: Key, task_id: str) -> None:
        self._runs[key.step].made[key.item] = task_id
        self.changed.add(key.step)

    def ended(self, key: Key, end: End) -> None:
        """A task has ended, or could not be made."""
        run = self._runs.get(key.step)
        if run is not None and run.ordered.get(key.item) == key.attempt:
            run.end(key, end)
            self.changed.add(key.step)
            self._look(run)

    def stop(self, *, for_good: bool = False) -> None:
        """No further step begins, but for those of `finally`; `for_good`: nor do these."""
        self._halted = True
        self._halted_for_good = self._halted_for_good or for_good

    # ------------------------------------------------------------------ what there is

    @property
    def is_over(self) -> bool:
        return all(state in SETTLED for state in self._states.values())

    @property
    def at_last(self) -> bool:
        """The steps of `finally` are under way, which a stop of the chain does not end."""
        return self._at_last

    def live(self) -> dict[str, Key]:
        """The tasks that have not ended."""
        return {
            task_id: Key(name, item, run.ordered[item])
            for name, run in self._runs.items()
            for item, task_id in run.made.items()
        }

    def output(self) -> Any:
        """Of the chain, when it is over and has not failed. Raises Unusable."""
        if self._plan.output is not None:
            used = [each for _, each in self._plan.output.expressions()]
            return self._plan.output.value(self._scopes.of(used))
        last = [name for name, step in self._plan.steps.items() if not step.is_last][-1]
        return self._scopes.output_of(last)

    def views(self) -> list[StepView]:
        return [self.view(name) for name in self._plan.steps]

    def view(self, name: str) -> StepView:
        step, run = self._plan.steps[name], self._runs.get(name)
        return StepView(
            name=name,
            worker=step.worker,
            state=self._states[name],
            needs=step.needs,
            is_last=step.is_last,
            of_items=step.for_each is not None,
            total=None if run is None else len(run.items),
            ended=0 if run is None else len(run.ends),
            failed=0 if run is None else run.failed,
            failure=self._failures.get(name),
        )

    def percent(self) -> float:
        """Of the steps, those that are under way in part."""
        done = 0.0
        for name, state in self._states.items():
            run = self._runs.get(name)
            if state in SETTLED:
                done += 1
            elif run is not None and run.items:
                done += len(run.ends) / len(run.items)
        return round(100 * done / len(self._states), 1)

    def message(self) -> str:
        """What is under way."""
        return ", ".join(
            f"{name}: {len(run.ends)} of {len(run.items)}" if run.step.for_each else name
            for name, run in self._runs.items()
            if self._states[name] is StepState.RUNNING
        )

    def place(self, key: Key) -> str:
        """A task of the chain, for people."""
        item = f"[{key.item}]" if self._plan.steps[key.step].for_each else ""
        return f"{key.step}{item}" + (f", attempt {key.attempt}" if key.attempt > 1 else "")

    # ------------------------------------------------------------------ from step to step

    def _had_failed(self, step: Step) -> bool:
        """Before a restart, so that no step begins that did not begin then."""
        if step.is_last or step.on_failure is OnFailure.CONTINUE:
            return False
        items = self._records.get(step.name, {})
        return Run(step, [None] * (max(items, default=-1) + 1), {}, items).failed > 0

    def _open_steps(self) -> bool:
        opened = False
        for name, state in self._states.items():
            step = self._plan.steps[name]
            if state is StepState.WAITING and self._may_begin(step):
                self._open(step)
                opened = True
        return opened

    def _may_begin(self, step: Step) -> bool:
        if step.is_last is not self._at_last:
            return False
        if self._is_halted(step) and step.name not in (*self._records, *self._begun):
            return False
        return all(self._states[need] in SETTLED for need in step.needs)

    def _open(self, step: Step) -> None:
        used = [step.when] if step.when else []
        for template in (step.for_each, step.params):
            used += [each for _, each in template.expressions()] if template else []
        try:
            scope = self._scopes.of(used)
            if step.when is not None and not is_true(step.when.value(scope)):
                self._set(step.name, StepState.SKIPPED)
                return
            items = [None] if step.for_each is None else _items(step.for_each, scope)
        except Unusable as error:
            self._fail(step, str(error))
            return
        run = Run(step, items, scope, self._records.get(step.name, {}))
        self._runs[step.name] = run
        self._set(step.name, StepState.RUNNING)
        self._look(run)

    def _under_way(self) -> list[Run]:
        return [r for name, r in self._runs.items() if self._states[name] is StepState.RUNNING]

    def _begin(self, run: Run) -> Iterator[Order]:
        if self._is_halted(run.step):
            return
        for key in run.begin():
            order = self._order(run, key)
            if order is not None:
                yield order
        self._look(run)

    def _order(self, run: Run, key: Key) -> Order | None:
        step = run.step
        scope = run.scope if step.for_each is None else {**run.scope, "item": run.items[key.item]}
        try:
            params = step.params.value(scope)
            if not isinstance(params, Mapping):
                raise Unusable("params: the expression does not give an object")
        except Unusable as error:
            run.end(key, End(State.FAILED, None, _spawn_failure(str(error))))
            return None
        delay = step.retry.pause(key.attempt - 1, self._chance()) if key.attempt > 1 else 0
        return Order(key=key, worker=step.worker, params=params, timeout=step.timeout, delay=delay)

    def _is_halted(self, step: Step) -> bool:
        return self._halted_for_good if step.is_last else self._halted

    def _look(self, run: Run) -> None:
        """A failure for which the chain stops shows at once, not when the step's other tasks have ended."""
        step, item = run.step, run.first_failed
        if item is None or step.on_failure is OnFailure.CONTINUE:
            return
        number = item if step.for_each is not None else None
        self._fail_with(step, _step_failure(step.name, number, run.ends[item]))

    def _settle_runs(self) -> bool:
        """Whether a step is over that was not."""
        settled = False
        for run in self._under_way():
            if self._is_halted(run.step):
                run.halt()
            if run.is_over or (run.stands_still and self._is_halted(run.step)):
                self._settle(run)
                settled = True
        return settled

    def _settle(self, run: Run) -> None:
        name = run.step.name
        if run.first_failed is not None and (failure := run.ends[run.first_failed].failure):
            self._failures[name] = failure
        self._set(name, run.state)

    def _fail(self, step: Step, message: str) -> None:
        """It could not even begin."""
        failure = _spawn_failure(message)
        self._failures[step.name] = failure
        self._set(step.name, StepState.FAILED)
        if step.on_failure is OnFailure.STOP:
            self._fail_with(step, _step_failure(step.name, None, End(State.FAILED, None, failure)))

    def _fail_with(self, step: Step, failure: Failure) -> None:
        self.failure = self.failure or failure
        if not step.is_last:
            self._halted = True

    def _turn_to_the_last(self) -> bool:
        """When nothing of the main steps is under way, and none can begin: those that were not reached will not be."""
        mine = [name for name, step in self._plan.steps.items() if step.is_last is self._at_last]
        if any(self._states[name] is StepState.RUNNING for name in mine):
            return False
        waiting = [name for name in mine if self._states[name] is StepState.WAITING]
        for name in waiting:
            self._set(name, StepState.UNREACHED)
        if self._at_last:
            return bool(waiting)
        self._at_last = True
        return True

    def _set(self, name: str, state: StepState) -> None:
        self._states[name] = state
        self.changed.add(name)


def _items(for_each: Template, scope: Mapping[str, Any]) -> list[Any]:
    items = for_each.value(scope)
    if not isinstance(items, list):
        raise Unusable("for_each: the expression does not give a list")
    if len(items) > MAX_ITEMS:
        raise Unusable(f"for_each: the list has {len(items)} elements, more than {MAX_ITEMS}")
    return items


def _spawn_failure(message: str) -> Failure:
    return Failure(code=FailureCode.SPAWN, message=f"it cannot be started: {message}")


def _step_failure(step: str, item: int | None, end: End) -> Failure:
    details: dict[str, Any] = {"step": step}
    if item is not None:
        details["item"] = item
    if end.task_id is not None:
        details["TaskId"] = end.task_id
    if end.failure is not None:
        details["error"] = end.failure.as_json()
    message = end.failure.message if end.failure else "it was canceled"
    where = step if item is None else f"{step}[{item}]"
    return Failure(
        code=FailureCode.STEP, message=f"the step {where} failed: {message}", details=details
    )
