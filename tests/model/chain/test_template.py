"""Values with expressions in them, which no text can be taken for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.model.chain.template import Template
from tasky.model.fields import Path, Wrong

SCOPE = {"params": {"a": 1, "list": [1, 2]}}


def test_filled() -> None:
    template = Template(
        {"x": {"$": "params.a"}, "y": [{"$": "params.list"}, "{$: params.a}"], "z": None}
    )
    assert template.value(SCOPE) == {"x": 1, "y": [[1, 2], "{$: params.a}"], "z": None}
    assert [path for path, _ in template.expressions()] == [("x", "$"), ("y", 0, "$")]
    assert template.expression is None
    assert not template.is_constant


def test_an_expression_alone() -> None:
    template = Template({"$": "params.list"})
    assert template.value(SCOPE) == [1, 2]
    assert template.expression is not None
    assert [path for path, _ in template.expressions()] == [("$",)]


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        ({"$": "params."}, {("$",)}),
        ({"$": 1}, {("$",)}),
        ({"a": {"$": "params.a", "b": 1}}, {("a", "$")}),
        ([{"$": "("}, 1, {"x": {"$": None}}], {(0, "$"), (2, "x", "$")}),
    ],
)
def test_mistakes(document: Any, paths: set[Path]) -> None:
    with pytest.raises(Wrong) as raised:
        Template(document)
    assert {mistake.path for mistake in raised.value.mistakes} == paths


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text().filter(lambda key: key != "$"), inner)
    ),
    max_leaves=20,
)


@given(PLAIN)
def test_what_has_no_expression_is_what_it_says(document: Any) -> None:
    template = Template(document)
    assert template.value(SCOPE) == document
    assert template.is_constant
