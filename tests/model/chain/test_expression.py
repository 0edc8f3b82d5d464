"""Expressions: what they refer to, and what is refused before they are ever used."""

from __future__ import annotations

from typing import Any

import pytest

from tasky.model.chain.expression import MAX_LENGTH, Expression, Unusable, is_true
from tasky.model.fields import Wrong


@pytest.mark.parametrize(
    ("text", "references"),
    [
        ("params.a", ["params.a"]),
        ("params", ["params"]),
        ("item", ["item"]),
        ("item.host", ["item.host"]),
        ("steps.pack.output.files[0].name", ["steps.pack.output.files"]),
        ("steps.pack.output[?size > `1`].name", ["steps.pack.output"]),
        ("steps.copy.items[*].status", ["steps.copy.items"]),
        ("steps.*.status", ["steps"]),
        ("params.*", ["params"]),
        ("params.hosts[]", ["params.hosts"]),
        ("params.hosts[1:2]", ["params.hosts"]),
        ("params.a || params.b && !(params.c)", ["params.a", "params.b", "params.c"]),
        ("{a: params.a, b: [item, params.a]}", ["params.a", "item"]),
        ("join('/', [params.folder, steps.pack.output])", ["params.folder", "steps.pack.output"]),
        ("sort_by(steps.a.output, &size)[0].name", ["steps.a.output"]),
        ("map(&join('', [name]), params.hosts)", ["params.hosts"]),
        ("length(params.hosts[*].name)", ["params.hosts"]),
        ("params.a | length(@)", ["params.a"]),
        ("[params.a][0]", ["params.a"]),
        ("`{\"$\": 1}`", []),
        ("'params.a'", []),
    ],
)  # fmt: skip
def test_references(text: str, references: list[str]) -> None:
    assert [str(each) for each in Expression(text).references] == references


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("params.", "is no JMESPath"),
        ("", "is no JMESPath"),
        ("params.dry-run", "is no JMESPath"),
        ("(" * 2000 + "params" + ")" * 2000, "nested too deep"),
        ("p" * (MAX_LENGTH + 1), f"more than {MAX_LENGTH} characters"),
        ("joined(params.a)", "joined() is no function"),
        ("params.hosts[*].joined(@)", "joined() is no function"),
        ("join(params.a)", "join() takes 2 arguments, not 1"),
        ("merge()", "merge() takes at least 1 arguments, not 0"),
        ("length(@)", "@ alone is everything"),
        ("!params.dry", "write !(params.name)"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(Wrong) as raised:
        Expression(text)
    assert reason in str(raised.value)


def test_value() -> None:
    scope = {"params": {"hosts": [{"name": "a"}, {"name": "b"}]}, "steps": {}}
    assert Expression("params.hosts[*].name | join(',', @)").value(scope) == "a,b"
    assert Expression("steps.gone.output").value(scope) is None
    with pytest.raises(Unusable, match=r"In function length\(\)"):
        Expression("length(steps.gone)").value(scope)


@pytest.mark.parametrize("value", [True, 0, 0.0, 1, "0", "false", [0], {"a": None}])
def test_true(value: Any) -> None:
    assert is_true(value)


@pytest.mark.parametrize("value", [False, None, "", [], {}])
def test_false(value: Any) -> None:
    assert not is_true(value)
