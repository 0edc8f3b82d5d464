"""What a document says of a chain, and what is wrong in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tasky.model.chain.parsing import MAX_ITEMS, MAX_STEPS, read_plan
from tasky.model.chain.plan import OnFailure, Plan
from tasky.model.fields import Path
from tasky.model.task import FailureCode
from tasky.model.worker import parse_worker

SECOND = 1_000_000_000
PARAMS = {"hosts": {"type": "array"}, "dry": {"type": "boolean", "default": False}}


def plan(**document: Any) -> Plan:
    draft = parse_worker({"params": PARAMS, **document}, stem="x")
    assert draft.mistakes == ()
    assert draft.definition.chain is not None
    return draft.definition.chain


def mistakes(**document: Any) -> dict[Path, str]:
    draft = parse_worker({"params": PARAMS, **document}, stem="x")
    return {mistake.path: mistake.message for mistake in draft.mistakes}


def steps(**changes: Mapping[str, Any]) -> dict[str, Any]:
    """Three steps, with changes."""
    names = {"a": {"worker": "w"}, "b": {"worker": "w"}, "c": {"worker": "w"}}
    return {name: {**step, **changes.get(name, {})} for name, step in names.items()}


def test_one_after_another() -> None:
    found = plan(chain=steps())
    assert [step.needs for step in found.steps.values()] == [(), ("a",), ("b",)]
    assert found.before == {"a": set(), "b": {"a"}, "c": {"a", "b"}}


def test_a_graph() -> None:
    found = plan(chain=steps(a={"needs": ["c"]}, b={"needs": []}, c={"needs": []}))
    assert found.before == {"a": {"c"}, "b": set(), "c": set()}


def test_all_keys() -> None:
    found = plan(
        **{
            "chain": steps(
                b={
                    "worker": "Other",
                    "params": {"host": {"$": "item"}},
                    "when": {"$": "steps.a.output"},
                    "for_each": {"$": "params.hosts"},
                    "max_parallel": 3,
                    "on_failure": "continue",
                    "timeout": "5s",
                    "retry": {"attempts": 3, "delay": "1s", "on": ["lost"]},
                }
            ),
            "finally": {"z": {"worker": "w"}, "y": {"worker": "w", "needs": []}},
            "output": {"$": "steps.b.output"},
        }
    )
    step = found.steps["b"]
    assert step.worker == "other"
    assert step.when is not None
    assert step.for_each is not None
    assert (step.max_parallel, step.on_failure, step.timeout) == (3, OnFailure.CONTINUE, 5 * SECOND)
    assert step.retry.attempts == 3
    assert step.retry.on == {FailureCode.LOST}
    assert found.steps["z"].is_last
    assert found.before["y"] == {"a", "b", "c"}
    assert found.output is not None
    again = read_plan(found.document)
    assert again.steps == found.steps
    assert again.output == found.output


STEP = "chain", "b"


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"worker": 1}, (*STEP, "worker"), "must be text"),
        ({"needs": ["x"]}, (*STEP, "needs", 0), 'there is no step "x"; there are a, b, c'),
        ({"needs": ["b"]}, ("chain",), "in a circle: b -> b"),
        ({"needs": ["c"]}, ("chain",), "in a circle: b -> c -> b"),
        ({"max_parallel": 2}, (*STEP, "max_parallel"), "is for a step with for_each"),
        ({"for_each": "a"}, (*STEP, "for_each"), "must be a list, or an expression"),
        ({"when": True}, (*STEP, "when"), "must be an expression"),
        ({"when": {"$": "params.dr"}}, (*STEP, "when", "$"), "no parameter dr: did you mean dry?"),
        ({"when": {"$": "param.dry"}}, (*STEP, "when", "$"), "did you mean params?"),
        ({"when": {"$": "foo"}}, (*STEP, "when", "$"), "it may begin with params, steps, item"),
        ({"when": {"$": "item"}}, (*STEP, "when", "$"), "with for_each only"),
        ({"params": {"x": {"$": "item"}}}, (*STEP, "params", "x", "$"), "with for_each only"),
        ({"params": {"x": {"$": "steps.c"}}}, (*STEP, "params", "x", "$"), "may not have ended"),
        ({"params": {"x": {"$": "steps.b"}}}, (*STEP, "params", "x", "$"), "may not have ended"),
        ({"params": {"x": {"$": "steps.d"}}}, (*STEP, "params", "x", "$"), "there is no step d"),
        ({"params": {"x": {"$": "steps.*"}}}, (*STEP, "params", "x", "$"), "steps alone is all"),
        ({"params": {"x": {"$": "steps.a.out"}}}, (*STEP, "params", "x", "$"), "mean output?"),
        ({"params": {"x": {"$": "steps.a.items"}}}, (*STEP, "params", "x", "$"), "no for_each"),
        ({"params": [1]}, (*STEP, "params"), "must be a mapping of the worker's parameters"),
        ({"retry": {}}, (*STEP, "retry", "attempts"), "is missing"),
        ({"wen": 1}, (*STEP, "wen"), "did you mean when?"),
        ({"timeout": "0s"}, (*STEP, "timeout"), "longer than 0s"),
        ({"for_each": [0] * (MAX_ITEMS + 1)}, (*STEP, "for_each"), "more than 100000 elements"),
    ],
)
@pytest.mark.case("K10")
def test_mistakes_in_a_step(change: Mapping[str, Any], path: Path, message: str) -> None:
    found = mistakes(chain=steps(b=change))
    assert list(found) == [path]
    assert message in found[path]


@pytest.mark.parametrize(
    ("document", "path", "message"),
    [
        ({"chain": {}}, ("chain",), "has no steps"),
        ({"chain": []}, ("chain",), "must be a mapping"),
        ({"chain": {"A": {"worker": "w"}}}, ("chain", "A"), "is no name for a step"),
        ({"chain": {"a": "w"}}, ("chain", "a"), "must be a mapping"),
        ({"chain": {"a": {}}}, ("chain", "a", "worker"), "is missing"),
        ({"chain": dict.fromkeys(map(str, range(MAX_STEPS + 1)))}, ("chain",), "more than 1000"),
        ({"chain": steps(), "command": ["x"]}, ("command",), "a chain has none of its own"),
        ({"chain": steps(), "kill_grace": "1s"}, ("kill_grace",), "a chain has none of its own"),
        ({"chain": steps(), "name": "chain"}, ("name",), "is kept for the chains"),
        ({"chain": steps(), "output": {"$": "steps.x"}}, ("output", "$"), "there is no step x"),
        ({"command": ["x"], "output": 1}, ("output",), "goes with chain"),
        ({"command": ["x"], "finally": {}}, ("finally",), "goes with chain"),
        ({"chain": steps(), "finally": {"a": {"worker": "w"}}}, ("finally", "a"), "already"),
        (
            {"chain": steps(), "finally": {"z": {"worker": "w", "needs": ["a"]}}},
            ("finally", "z", "needs", 0),
            "have all ended when those of finally begin",
        ),
    ],
)
@pytest.mark.case("K10")
def test_mistakes(document: Mapping[str, Any], path: Path, message: str) -> None:
    found = mistakes(**document)
    assert list(found) == [path]
    assert message in found[path]


def test_what_is_no_plan_any_more() -> None:
    with pytest.raises(ValueError, match="is missing"):
        read_plan({"chain": {"a": {}}})
