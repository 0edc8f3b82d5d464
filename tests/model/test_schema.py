"""Every mistake in the schemas of a definition, each with its path and what to do about it."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.model.params import Parameters, schema_problems

_ANYTHING = "is not valid under any of the schemas"


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string", "secret": True, "leading_dash": False, "description": "x"},
        {"type": ["string", "null"], "default": None, "x-group": "advanced"},
        {"enum": ["a", 1, None], "default": "a", "$comment": "x", "examples": ["a"]},
        {"type": "object", "properties": {"secret": {"type": "string"}, "$ref": {}, "type": {}}},
        {"properties": {"secret": True, "requierd": False}, "items": True},
        {"const": {"tpye": 1, "secret": 2, "$ref": "http://example.com"}},
        {"default": {"$ref": "http://example.com", "$id": 1}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}}},
        {"$ref": "#"},
        {"patternProperties": {"^a+$": {"type": "string"}}, "dependentSchemas": {"a": {}}},
        {
            "if": {"type": "string"},
            "then": {"minLength": 1},
            "else": False,
            "not": {"type": "null"},
        },
        {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}], "prefixItems": [{}, True]},
        {"pattern": r"^(?!-)[a-z\d]+$", "minLength": 0, "multipleOf": 0.5},
    ],
)
def test_what_is_right(schema: dict[str, Any]) -> None:
    assert schema_problems({"a": schema}) == []
    parameters = Parameters({"a": schema})
    jsonschema_rs.meta.validate(parameters.schema)


@pytest.mark.parametrize(
    ("schema", "path", "said"),
    [
        ({"tpye": "string"}, ["tpye"], "is unknown; did you mean 'type'?"),
        ({"secert": True}, ["secert"], "is unknown; did you mean 'secret'?"),
        ({"choices": [1]}, ["choices"], "is unknown: its name is enum"),
        ({"optional": True}, ["optional"], "a parameter with a default is optional"),
        ({"quux": 1}, ["quux"], "is unknown"),
        ({1: 2}, [1], "is not a text"),
        ({"required": True}, ["required"], "a parameter is required unless it has a default"),
        ({"type": "str"}, ["type"], "'str' is no type; did you mean 'string'?"),
        ({"type": "Integer"}, ["type"], "did you mean 'integer'?"),
        ({"type": "flag"}, ["type"], "did you mean 'boolean'?"),
        ({"type": "xyz"}, ["type"], "the types are array, boolean, integer, null, number"),
        ({"type": ["string", "int"]}, ["type"], "'int' is no type; did you mean 'integer'?"),
        ({"type": ["string", "string"]}, ["type"], _ANYTHING),
        ({"type": []}, ["type"], _ANYTHING),
        ({"type": 5}, ["type"], "5 is no type"),
        ({"type": {"a": 1}}, ["type"], "is no type"),
        ({"secret": "yes"}, ["secret"], "must be true or false"),
        ({"leading_dash": None}, ["leading_dash"], "must be true or false"),
        ({"format": "emial"}, ["format"], "is unknown: 'emial'; did you mean 'email'?"),
        ({"format": 5}, ["format"], '5 is not of type "string"'),
        ({"minLength": "3"}, ["minLength"], '"3" is not of type "integer"'),
        ({"minLength": -1}, ["minLength"], "less than the minimum of 0"),
        ({"pattern": "(a"}, ["pattern"], '"(a" is not a "regex"'),
        ({"patternProperties": {"(": {}}}, ["patternProperties"], "is not a"),
        ({"enum": {"a": 1}}, ["enum"], 'is not of type "array"'),
        ({"anyOf": []}, ["anyOf"], "less than 1 item"),
        ({"anyOf": {"type": "string"}}, ["anyOf"], 'is not of type "array"'),
        ({"properties": ["a"]}, ["properties"], 'is not of type "object"'),
        ({"items": 5}, ["items"], "must be a JSON Schema"),
        ({"dependentRequired": {"a": 1}}, ["dependentRequired"], 'is not of type "array"'),
        ({"const": {1: 2}}, ["const"], "is not JSON"),
        ({"default": float("nan")}, ["default"], "is not JSON"),
        ({"default": {1, 2}}, ["default"], "is not JSON"),
        ({"$id": "x"}, ["$id"], "a parameter's schema stands alone"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, ["$schema"], "2020-12"),
        ({"definitions": {}}, ["definitions"], "its name is $defs"),
        ({"$ref": "http://example.com/s.json"}, ["$ref"], "nothing is fetched"),
        ({"$ref": "file:///etc/passwd"}, ["$ref"], "nothing is fetched"),
        ({"$ref": "other.json#/a"}, ["$ref"], "nothing is fetched"),
        ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, ["$ref"], "nothing is fetched"),
        ({"$ref": "#name"}, ["$ref"], "must begin with #/"),
        ({"$ref": 5}, ["$ref"], "must begin with #/"),
        ({"$ref": "#/$defs/nope"}, [], "'/$defs/nope' does not exist"),
        ({"type": "integer", "default": "x"}, ["default"], 'does not fit: "x" is not of type'),
        (
            {"items": {"type": "string"}, "default": ["a", 5]},
            ["default", 1],
            'does not fit: 5 is not of type "string"',
        ),
        ({"items": {"secret": True}}, ["items", "secret"], "holds for a whole parameter"),
        (
            {"properties": {"a": {"anyOf": [{}, {"leading_dash": True}]}}},
            ["properties", "a", "anyOf", 1, "leading_dash"],
            "holds for a whole parameter",
        ),
        ({"not": {"$defs": {"a": {"typ": 1}}}}, ["not", "$defs", "a", "typ"], "mean 'type'?"),
        ("string", [], "must be a JSON Schema, such as {type: string}"),
        (None, [], "must be a JSON Schema"),
    ],
)
def test_what_is_wrong(schema: Any, path: list[str | int], said: str) -> None:
    (problem,) = schema_problems({"a": schema})
    assert problem[0] == ("a", *path)
    assert said in problem[1]
    assert len(problem[1]) < 320
    assert "\n" not in problem[1]


def test_all_mistakes_at_once() -> None:
    schemas = {
        "a": {"tpye": "string", "minLength": "x", "items": {"type": "int"}},
        "b c": {"type": "string"},
        "d": {"default": 1, "type": "string"},
        "e": {"type": "string"},
    }
    assert [path for path, _ in schema_problems(schemas)] == [
        ("a", "tpye"),
        ("a", "minLength"),
        ("a", "items", "type"),
        ("b c",),
        ("d", "default"),
    ]


@pytest.mark.parametrize(
    "name", ["", "a b", "a=b", "1a", "-a", "ä", "a{b}", "a\n", "a" * 65, 5, None]
)
def test_a_bad_name(name: Any) -> None:
    (problem,) = schema_problems({name: {}})
    assert problem[0] == (name,)
    assert "is not a name" in problem[1]


@pytest.mark.parametrize("name", ["a", "_a", "source_file", "A-1", "a.b", "a" * 64])
def test_a_good_name(name: str) -> None:
    assert schema_problems({name: {}}) == []


def test_a_secret_default_that_does_not_fit_is_not_quoted() -> None:
    (problem,) = schema_problems({"p": {"secret": True, "default": "hunter2", "minLength": 8}})
    assert problem == (("p", "default"), "does not fit minLength: 8")


KEYWORDS = ["type", "items", "properties", "$ref", "default", "enum", "anyOf", "secret", "required"]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.sampled_from(["string", "#", "#/a", "(", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*KEYWORDS, "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(KEYWORDS), VALUES, max_size=4))
def test_what_has_no_problem_can_be_used(schema: dict[str, Any]) -> None:
    problems = schema_problems({"a": schema})
    for path, message in problems:
        assert path[0] == "a"
        assert message
    if not problems:
        parameters = Parameters({"a": schema})
        jsonschema_rs.Draft202012Validator(parameters.schema)
        if "default" in schema:
            assert parameters.check({}) == {"a": schema["default"]}
