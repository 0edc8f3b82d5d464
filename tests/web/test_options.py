"""Every option takes what its description says that it takes: parsing and description cannot drift apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from tasky.web import options
from tasky.web.query import Option, accepts
from tests.web.test_openapi import ROUTES


def described() -> Iterator[Any]:
    for path, resource in ROUTES.items():
        for method, about in resource.operations.items():
            for name, option in [*about.query.items(), *about.headers.items()]:
                yield pytest.param(option, id=f"{method} {path}?{name}")


OPTIONS = list(described())


def schema_of_one(option: Option) -> dict[str, Any]:
    schema = option.schema
    assert schema is not None
    return (
        schema if option.combine is None else {**schema["items"], "examples": schema["examples"][0]}
    )


def texts(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    """What fits the schema, as it stands in a query."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "boolean":
        return st.sampled_from(["true", "false"])
    if schema["type"] == "integer":
        return st.integers(schema["minimum"], schema["maximum"]).map(str)
    validator = Draft202012Validator(schema, validate_formats=True)
    return st.from_regex(schema["pattern"], fullmatch=True).filter(validator.is_valid)


@pytest.mark.parametrize("option", OPTIONS)
def test_what_fits_the_description_is_taken(option: Option) -> None:
    schema = schema_of_one(option)

    @settings(max_examples=60, deadline=None)
    @given(texts(schema))
    def takes(text: str) -> None:
        option.parse(text)

    takes()


@pytest.mark.parametrize("option", OPTIONS)
def test_examples_fit_and_are_taken(option: Option) -> None:
    schema = schema_of_one(option)
    validator = Draft202012Validator(schema, validate_formats=True)
    examples = schema.get("examples", [True] if schema["type"] == "boolean" else [])
    assert examples
    for example in examples:
        assert validator.is_valid(example)
        option.parse(str(example))


def test_several() -> None:
    option = Option(options.label, options.distinct, about="It.", most=3)
    assert option.schema == {
        "type": "array",
        "items": {"type": "string", "pattern": options._LABEL.pattern},
        "maxItems": 3,
        "examples": [["team:ops"]],
    }


def test_what_does_not_say_what_it_takes() -> None:
    assert Option(str.upper).schema is None
    assert Option(accepts({"type": "string"})(lambda text: text)).schema == {"type": "string"}
