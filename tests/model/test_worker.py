"""What a document says of a worker, without a machine to run it on. (The messages: tests/config/test_mistakes.py.)"""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.model.fields import Path
from tasky.model.worker import KEYS, Input, Protocol, WorkerDefinition, parse_worker

SECOND = 1_000_000_000


def parse(**document: Any) -> WorkerDefinition:
    draft = parse_worker({"command": ["./run"], **document}, stem="x", kill_grace=SECOND)
    assert draft.mistakes == ()
    return draft.definition


def mistakes(**document: Any) -> set[Path]:
    draft = parse_worker({"command": ["./run"], **document}, stem="x", kill_grace=SECOND)
    return {mistake.path for mistake in draft.mistakes}


def test_defaults() -> None:
    definition = parse()
    assert definition.name == "x"
    assert definition.command == ("./run",)
    assert definition.description == definition.usage == ""
    assert definition.protocol is Protocol.JSONL
    assert definition.args == definition.pass_env == ()
    assert definition.input is Input.CLOSED
    assert definition.parameters.defaults == {}
    assert definition.enabled is True
    assert definition.max_tasks == 0
    assert definition.timeout is None
    assert definition.user is None
    assert definition.cwd is None
    assert definition.kill_grace == SECOND
    assert definition.env == {}


def test_a_definition_does_not_change() -> None:
    definition = parse(env={"A": "b"})
    with pytest.raises(FrozenInstanceError):
        definition.name = "y"  # type: ignore[misc]
    with pytest.raises(TypeError):
        definition.env["A"] = "c"  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "folded"),
    [("a", "a"), ("CopyFile", "copyfile"), ("0-a_b", "0-a_b"), ("x" * 64, "x" * 64)],
)
def test_names(name: str, folded: str) -> None:
    assert parse(name=name).name == folded


@pytest.mark.parametrize(
    "name", ["", "-a", "_a", "a b", "a.b", "a/b", "\u00e4", "x" * 65, "a\n", "\u212a"]
)
def test_what_is_no_name(name: str) -> None:
    assert mistakes(name=name) == {("name",)}


@pytest.mark.parametrize(
    ("text", "nanoseconds"), [("1ns", 1), ("1.5s", 1_500_000_000), ("3650d", 3650 * 86400 * SECOND)]
)
def test_timeouts(text: str, nanoseconds: int) -> None:
    assert parse(timeout=text).timeout == nanoseconds


@pytest.mark.parametrize(
    "value", ["0", "0s", "-1s", "", "1", "soon", "3651d", 1, 1.5, True, [], {}]
)
def test_what_is_no_timeout(value: Any) -> None:
    assert mistakes(timeout=value) == {("timeout",)}


def test_no_grace_at_all() -> None:
    assert parse(kill_grace="0s").kill_grace == 0


@pytest.mark.parametrize("value", [-1, 100_001, 1.0, True, "1", None, []])
def test_what_is_no_number_of_tasks(value: Any) -> None:
    assert mistakes(max_tasks=value) == {("max_tasks",)}


def test_braces_that_are_no_placeholders() -> None:
    params = {"a": {"type": "string"}}
    args = ["{{a}}", "{{{a}}}", "}}{{"]
    assert parse(protocol="text", params=params, args=args).args == tuple(args)


def test_input_of_a_jsonl_worker() -> None:
    assert parse(input="open").input is Input.OPEN


def test_every_mistake_at_once() -> None:
    draft = parse_worker(
        {**dict.fromkeys(KEYS, 1.5), "output": {"$": 1.5}}, stem="x", kill_grace=SECOND
    )
    wrong = {mistake.path[0] for mistake in draft.mistakes}
    assert wrong == set(KEYS)


def test_what_is_right_beside_a_mistake_is_kept() -> None:
    """So that it can be looked at on the machine."""
    document = {"command": ["./run"], "user": "nobody", "cwd": "data", "timeout": "soon"}
    draft = parse_worker(document, stem="x", kill_grace=SECOND)
    assert draft.definition.command == ("./run",)
    assert draft.definition.user == "nobody"
    assert draft.definition.cwd is None
    assert len(draft.mistakes) == 2


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), values, max_size=6))
def test_any_document_is_a_definition_or_has_mistakes(document: dict[str, Any]) -> None:
    draft = parse_worker(document, stem="x", kill_grace=SECOND)
    for mistake in draft.mistakes:
        assert mistake.path[0] in {*document, "command"}
        assert "\n" not in mistake.message
    if not draft.mistakes:
        assert draft.definition.command or draft.definition.chain
        assert draft.definition.name == str(document.get("name", "x")).lower()
