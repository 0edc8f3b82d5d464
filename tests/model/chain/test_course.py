"""What a chain does next, whatever becomes of its tasks."""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.model.chain import scope
from tasky.model.chain.course import Course
from tasky.model.chain.expression import Unusable
from tasky.model.chain.parsing import read_plan
from tasky.model.chain.plan import OnFailure, Plan
from tasky.model.chain.records import SETTLED, End, Key, Order, Record, StepState
from tasky.model.states import State
from tasky.model.task import Failure, FailureCode

BROKEN = Failure(code=FailureCode.EXIT, message="exit status 1", exit_code=1)
NOT_BEGUN = (StepState.WAITING, StepState.UNREACHED)
LOST = Failure(code=FailureCode.LOST, message="the server died")


class Stage:
    """A course whose tasks end as the test says; a task's id is its key as text."""

    def __init__(
        self,
        plan: Plan,
        params: Mapping[str, Any] | None = None,
        records: Sequence[Record] = (),
        outputs: Mapping[str, Any] | None = None,
        begun: Collection[str] = (),
    ) -> None:
        self.outputs = dict(outputs or {})
        self.course = Course(
            plan,
            params or {},
            lambda task_id: json.dumps(self.outputs[task_id]),
            chance=lambda: 0.5,
            records=records,
            begun=begun,
        )
        self.orders: dict[str, Order] = {}
        self.live: list[str] = []
        self.records: dict[str, Record] = {record.task_id: record for record in records}
        self.go_on()

    def go_on(self) -> None:
        for order in self.course.orders():
            task_id = name(order.key)
            assert task_id not in self.orders
            self.orders[task_id] = order
            self.records[task_id] = Record(order.key, task_id)
            self.course.made(order.key, task_id)
        self.live = sorted(self.course.live())

    def end(self, task_id: str, output: Any = None, *, failure: Failure | None = None) -> None:
        state = State.COMPLETED if failure is None else State.FAILED
        self.finish(task_id, End(state, task_id, failure), output)

    def finish(self, task_id: str, end: End, output: Any = None) -> None:
        self.outputs[task_id] = output
        key = self.course.live()[task_id]
        self.records[task_id] = Record(key, task_id, end)
        self.course.ended(key, end)
        self.go_on()

    def again(self, plan: Plan) -> Stage:
        """After a restart, from what is stored."""
        views = self.course.views()
        return Stage(
            plan,
            records=list(self.records.values()),
            outputs=self.outputs,
            begun=[view.name for view in views if view.state not in NOT_BEGUN],
        )

    @property
    def states(self) -> list[str]:
        return [str(view.state) for view in self.course.views()]


def name(key: Key) -> str:
    return f"{key.step}{key.item}" + (f"-{key.attempt}" if key.attempt > 1 else "")


def plan(output: Any = None, last: Mapping[str, Any] | None = None, **steps: Any) -> Plan:
    chain = {step: {"worker": "w", **what} for step, what in steps.items()}
    document: dict[str, Any] = {"chain": chain}
    if last:
        document["finally"] = {step: {"worker": "w", **what} for step, what in last.items()}
    if output is not None:
        document["output"] = output
    return read_plan(document)


def test_one_after_another() -> None:
    stage = Stage(plan(a={}, b={"params": {"x": {"$": "steps.a.output.n"}}}))
    assert stage.live == ["a0"]
    stage.end("a0", {"n": 5})
    assert stage.live == ["b0"]
    assert stage.orders["b0"].params == {"x": 5}
    assert not stage.course.is_over
    stage.end("b0", "done")
    assert stage.course.is_over
    assert stage.course.failure is None
    assert stage.course.output() == "done"
    assert stage.states == ["Completed", "Completed"]
    assert stage.course.percent() == 100


def test_a_diamond() -> None:
    both = {"needs": ["b", "c"], "params": {"all": {"$": "[steps.b.output, steps.c.output]"}}}
    stage = Stage(plan(a={}, b={"needs": ["a"]}, c={"needs": ["a"]}, d=both))
    stage.end("a0")
    assert stage.live == ["b0", "c0"]
    stage.end("c0", 3)
    assert stage.live == ["b0"]
    stage.end("b0", 2)
    assert stage.live == ["d0"]
    assert stage.orders["d0"].params == {"all": [2, 3]}


def test_when() -> None:
    deploy = {"when": {"$": "params.deploy"}}
    after = {"params": {"was": {"$": "steps.deploy.status"}}}
    stage = Stage(plan(deploy=deploy, after=after), {"deploy": False})
    assert stage.live == ["after0"]
    assert stage.orders["after0"].params == {"was": "Skipped"}
    stage.end("after0")
    assert stage.states == ["Skipped", "Completed"]
    assert stage.course.failure is None


@pytest.mark.case("K3")
def test_a_failure_stops() -> None:
    stage = Stage(
        plan(a={}, b={"needs": []}, c={"needs": ["a"]}, last={"z": {}, "y": {}}, d={"needs": ["b"]})
    )
    stage.end("a0", failure=BROKEN)
    assert stage.live == ["b0"]  # it may finish what it does
    assert stage.course.failure is not None
    stage.end("b0")
    assert stage.live == ["z0"]
    stage.end("z0", failure=BROKEN)  # keeps no other one from clearing up
    assert stage.live == ["y0"]
    stage.end("y0")
    assert stage.states == ["Failed", "Completed", "Unreached", "Unreached", "Failed", "Completed"]
    failure = stage.course.failure
    assert failure.code is FailureCode.STEP
    assert failure.message == "the step a failed: exit status 1"
    assert failure.details == {"step": "a", "TaskId": "a0", "error": BROKEN.as_json()}


@pytest.mark.case("K3")
def test_a_failure_that_does_not_matter() -> None:
    after = {"params": {"code": {"$": "steps.a.error.exit_code"}, "out": {"$": "steps.a.output"}}}
    stage = Stage(plan(a={"on_failure": "continue"}, b=after))
    stage.end("a0", failure=BROKEN)
    assert stage.orders["b0"].params == {"code": 1, "out": None}
    stage.end("b0")
    assert stage.course.failure is None
    assert stage.states == ["Failed", "Completed"]


def test_a_failure_of_the_last_steps_is_one_of_the_chain() -> None:
    stage = Stage(plan(a={}, last={"z": {}}))
    stage.end("a0")
    stage.end("z0", failure=BROKEN)
    assert stage.course.failure is not None


@pytest.mark.case("K13")
def test_a_task_that_somebody_has_canceled() -> None:
    stage = Stage(plan(a={}, b={}))
    stage.finish("a0", End(State.CANCELED, "a0"))
    assert stage.states == ["Canceled", "Unreached"]
    assert stage.course.failure is not None
    assert stage.course.failure.message == "the step a failed: it was canceled"


def test_for_each() -> None:
    each = {"for_each": {"$": "params.hosts"}, "max_parallel": 2, "params": {"h": {"$": "item.n"}}}
    stage = Stage(
        plan(each=each, output={"$": "steps.each.items[*].[status, output]"}),
        {"hosts": [{"n": index} for index in range(4)]},
    )
    assert stage.live == ["each0", "each1"]
    stage.end("each1", "one")
    assert stage.live == ["each0", "each2"]
    assert stage.course.percent() == 25
    for task_id in ("each0", "each2", "each3"):
        stage.end(task_id, task_id)
    assert [stage.orders[f"each{index}"].params for index in range(4)] == [
        {"h": index} for index in range(4)
    ]
    assert stage.course.output() == [
        ["Completed", "each0"], ["Completed", "one"], ["Completed", "each2"], ["Completed", "each3"],
    ]  # fmt: skip


def test_for_each_of_nothing() -> None:
    stage = Stage(plan(each={"for_each": []}))
    assert stage.course.is_over
    assert stage.course.output() == []
    assert stage.states == ["Completed"]


def test_a_failure_among_many() -> None:
    each = {"for_each": [1, 2, 3, 4], "max_parallel": 2}
    stage = Stage(plan(each=each, after={}))
    stage.end("each0", failure=BROKEN)
    assert stage.live == ["each1"]
    stage.end("each1")
    assert stage.states == ["Failed", "Unreached"]
    assert stage.course.failure is not None
    assert stage.course.failure.message == "the step each[0] failed: exit status 1"
    view = stage.course.view("each")
    assert (view.total, view.ended, view.failed) == (4, 2, 1)


def test_failures_among_many_that_do_not_matter() -> None:
    each = {"for_each": [1, 2, 3], "max_parallel": 2, "on_failure": "continue"}
    stage = Stage(plan(each=each, after={"params": {"x": {"$": "steps.each.items[*].status"}}}))
    for index in range(3):
        stage.end(f"each{index}", failure=BROKEN if index == 1 else None)
    assert stage.orders["after0"].params == {"x": ["Completed", "Failed", "Completed"]}
    assert stage.course.failure is None


def test_retry() -> None:
    stage = Stage(plan(a={"retry": {"attempts": 3, "delay": "2s", "backoff": 2, "jitter": 0}}))
    stage.end("a0", failure=BROKEN)
    assert stage.live == ["a0-2"]
    assert stage.orders["a0-2"].delay == 2_000_000_000
    stage.end("a0-2", failure=BROKEN)
    assert stage.orders["a0-3"].delay == 4_000_000_000
    stage.end("a0-3", failure=BROKEN)
    assert stage.states == ["Failed"]


def test_what_is_not_tried_again() -> None:
    stage = Stage(plan(a={"retry": {"attempts": 3, "on": ["lost"]}}))
    stage.end("a0", failure=BROKEN)
    assert stage.course.is_over


def test_nothing_is_tried_again_once_the_chain_stops() -> None:
    stage = Stage(plan(a={"retry": {"attempts": 3}}, b={"needs": []}))
    stage.course.stop()
    stage.end("a0", failure=BROKEN)
    stage.end("b0")
    assert stage.states == ["Failed", "Completed"]


@pytest.mark.case("K5")
def test_a_task_that_cannot_be_made() -> None:
    course = Course(plan(a={}, b={}), {}, lambda _: None, chance=lambda: 0)
    (order,) = course.orders()
    course.ended(order.key, End(State.FAILED, None, Failure(code=FailureCode.SPAWN, message="no")))
    assert course.orders() == []
    assert course.is_over
    assert course.failure is not None
    assert course.failure.message == "the step a failed: no"


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ({"when": {"$": "length(params.n)"}}, "length(), invalid type"),
        ({"for_each": {"$": "params.n"}}, "does not give a list"),
        ({"params": {"$": "params.n"}}, "does not give an object"),
        ({"params": {"x": {"$": "length(params.n)"}}}, "length(), invalid type"),
    ],
)
@pytest.mark.case("K9")
def test_an_expression_without_a_value(step: Mapping[str, Any], reason: str) -> None:
    stage = Stage(plan(a=step, b={}), {"n": 5})
    assert stage.orders == {}
    assert stage.states == ["Failed", "Unreached"]
    assert stage.course.failure is not None
    assert reason in stage.course.failure.message


@pytest.mark.case("K8")
def test_outputs_that_are_too_large_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are neither parsed nor kept: the step that asks for them fails, and says so."""
    monkeypatch.setattr(scope, "MOST", 40)
    asks = {"params": {"p": {"$": "steps.a.output"}}}
    stage = Stage(plan(a={"for_each": [1, 2, 3]}, b=asks))
    for task_id in ("a0", "a1", "a2"):
        stage.end(task_id, "x" * 12)
    assert stage.live == []
    failure = stage.course.failure
    assert failure is not None
    assert "step b failed: it cannot be started: steps.a: the outputs are larger" in failure.message


def test_a_state_is_known_without_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope, "MOST", 0)
    stage = Stage(plan(a={}, b={"when": {"$": "steps.a.status == 'Completed'"}}))
    stage.end("a0", "x")
    assert stage.live == ["b0"]


@pytest.mark.case("K8")
def test_the_output_of_the_chain_may_be_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope, "MOST", 5)
    stage = Stage(plan(a={}))
    stage.end("a0", "x" * 12)
    assert stage.course.is_over
    with pytest.raises(Unusable, match="larger than"):
        stage.course.output()


def test_stop() -> None:
    stage = Stage(plan(a={}, b={}, last={"z": {}, "y": {}}))
    stage.course.stop()
    stage.go_on()
    assert stage.live == ["a0"]  # whoever stops it sees to that
    stage.finish("a0", End(State.CANCELED, "a0"))
    assert stage.course.at_last
    assert stage.live == ["z0"]
    stage.course.stop(for_good=True)
    stage.finish("z0", End(State.CANCELED, "z0"))
    assert stage.states == ["Canceled", "Unreached", "Canceled", "Unreached"]


@pytest.mark.case("K11")
def test_finished_tasks_of_another_chain_are_taken_over() -> None:
    former = Record(Key("a", 0, 1), "former", End(State.COMPLETED, "former"))
    each = {"for_each": [0, 0, 0], "params": {"x": {"$": "steps.a.output"}}}
    second = Record(Key("each", 1, 1), "second", End(State.COMPLETED, "second"))
    stage = Stage(
        plan(a={}, each=each, output={"$": "steps.each.output"}),
        records=[former, second],
        outputs={"former": 7, "second": "kept"},
    )
    assert stage.live == ["each0", "each2"]
    assert stage.orders["each0"].params == {"x": 7}
    stage.end("each0", "new")
    stage.end("each2", "new")
    assert stage.course.output() == ["new", "kept", "new"]


# ---------------------------------------------------------------------- whatever happens


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    names = [f"s{index}_" for index in range(draw(st.integers(1, 5)))]
    steps: dict[str, Any] = {}
    for index, each in enumerate(names):
        steps[each] = {
            "needs": draw(st.lists(st.sampled_from(names[:index]), unique=True)) if index else [],
            "on_failure": draw(st.sampled_from(["stop", "continue"])),
        }
        if draw(st.booleans()):
            steps[each]["for_each"] = [0] * draw(st.integers(0, 4))
            steps[each]["max_parallel"] = draw(st.integers(1, 3))
        if draw(st.booleans()):
            steps[each]["retry"] = {"attempts": 2, "on": ["lost"]}
        if draw(st.integers(0, 4)) == 0:
            steps[each]["when"] = {"$": "params.no"}
    last = {"z_": {}, "y_": {"needs": []}} if draw(st.booleans()) else None
    return plan(last=last, **steps)


@pytest.mark.case("K1")
@given(plans(), st.integers(0, 1 << 32), st.integers(0, 30))
def test_a_course_ends_and_goes_on_after_any_restart(found: Plan, seed: int, stop_at: int) -> None:
    """No step begins before those that it needs, none has more tasks at once than it may; it comes to an end; and what
    is stored at any moment leads to the same tasks and no other, as if nothing had happened."""
    chance = random.Random(seed)
    stage, stopped = Stage(found), False
    for turn in range(200):
        if stage.course.is_over:
            break
        if turn == stop_at and chance.random() < 0.3:
            stage.course.stop()
            stage.go_on()
            stopped = True
        _check(stage, found)
        if not stopped:
            again = stage.again(found)
            assert (again.live, again.orders, again.states) == (stage.live, {}, stage.states)
            if chance.random() < 0.3:
                stage.course = again.course
        failure = chance.choice([None, None, BROKEN, LOST])
        stage.end(chance.choice(stage.live), failure=failure)
    assert stage.course.is_over
    assert stage.live == []
    failed = any(
        view.state in (StepState.FAILED, StepState.CANCELED)
        and found.steps[view.name].on_failure is OnFailure.STOP
        for view in stage.course.views()
    )
    if not stopped:
        assert failed == (stage.course.failure is not None)


def _check(stage: Stage, found: Plan) -> None:
    states = {view.name: view.state for view in stage.course.views()}
    at_once: dict[str, int] = {}
    for key in stage.course.live().values():
        at_once[key.step] = at_once.get(key.step, 0) + 1
        assert all(states[each] in SETTLED for each in found.before[key.step])
    for step, count in at_once.items():
        assert count <= (found.steps[step].max_parallel or count)
