"""Parameters: what is accepted, what is said of what is not, and what becomes of the accepted."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Mapping
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.errors import InvalidParams, SpawnError, Violation
from tasky.model.params import MASK, Parameters, check_args, expand, mask_params, pointer

COPYFILE: dict[str, Any] = {
    "source": {"type": "string", "description": "File to copy", "minLength": 1},
    "destination": {"type": "string"},
    "password": {"type": "string", "secret": True, "minLength": 8, "default": "changeme1"},
    "tries": {"type": "integer", "minimum": 1, "default": 3},
    "tags": {"type": "array", "items": {"type": "string"}, "default": ["a"]},
    "options": {
        "type": "object",
        "properties": {"mode": {"type": "string", "format": "date"}, "a/b~": {"type": "null"}},
        "required": ["mode"],
        "additionalProperties": False,
        "default": {"mode": "2026-01-01"},
    },
}
GOOD = {"source": "a", "destination": "b"}


@pytest.fixture
def parameters() -> Parameters:
    return Parameters(COPYFILE)


def violations(params: Mapping[str, Any], parameters: Parameters) -> list[Violation]:
    with pytest.raises(InvalidParams) as caught:
        parameters.check(params)
    return list(caught.value.violations)


def pairs(params: Mapping[str, Any], parameters: Parameters) -> list[tuple[str, str]]:
    return [(item.pointer, item.detail) for item in violations(params, parameters)]


# ---------------------------------------------------------------------- what is accepted


def test_defaults_are_filled_in_in_the_order_of_the_definition(parameters: Parameters) -> None:
    checked = parameters.check({"tries": 5, "destination": "b", "source": "a"})
    assert list(checked) == list(COPYFILE)
    assert checked == {**parameters.defaults, "source": "a", "destination": "b", "tries": 5}


def test_a_default_is_never_shared(parameters: Parameters) -> None:
    first = parameters.check(GOOD)
    first["tags"].append("b")
    parameters.defaults["tags"].append("c")
    parameters.schema["properties"]["tags"]["default"].append("d")
    assert parameters.check(GOOD)["tags"] == ["a"]


def test_what_the_definition_had_may_change_afterwards() -> None:
    schemas = copy.deepcopy(COPYFILE)
    parameters = Parameters(schemas)
    schemas["tries"]["default"] = "wrong"
    del schemas["source"]
    assert parameters.check(GOOD)["tries"] == 3


def test_null_is_a_value_not_an_absence() -> None:
    parameters = Parameters({"a": {"type": ["string", "null"], "default": "x"}})
    assert parameters.check({"a": None}) == {"a": None}
    assert parameters.check({}) == {"a": "x"}


def test_no_parameters() -> None:
    nothing = Parameters({})
    assert nothing.check({}) == {}
    assert nothing.config_objects == {}
    assert nothing.masker({}) is None
    assert pairs({"a": 1}, nothing) == [("/a", "a: unknown parameter")]


# ---------------------------------------------------------------------- what is said of what is not


def test_every_violation_at_once_each_with_its_pointer(parameters: Parameters) -> None:
    params = {
        "sorce": 1,
        "tries": 0,
        "tags": ["x", 1, None],
        "options": {"a/b~": 5, "more": 1},
        "zzz": 1,
    }
    found = pairs(params, parameters)
    assert found[:7] + sorted(found[7:]) == [
        ("/source", "source is required"),
        ("/destination", "destination is required"),
        ("/sorce", "sorce: unknown parameter; did you mean 'source'?"),
        ("/zzz", "zzz: unknown parameter"),
        ("/tries", "tries: 0 is less than the minimum of 1"),
        ("/tags/1", 'tags[1]: 1 is not of type "string"'),
        ("/tags/2", 'tags[2]: null is not of type "string"'),
        ("/options/a~1b~0", 'options.a/b~: 5 is not of type "null"'),
        ("/options/mode", "options.mode is required"),
        ("/options/more", "options.more: is not known here"),
    ]


def test_the_error_has_it_all_in_one_sentence(parameters: Parameters) -> None:
    with pytest.raises(InvalidParams) as caught:
        parameters.check({"source": 1})
    text = 'destination is required; source: 1 is not of type "string"'
    assert caught.value.message == text
    assert caught.value.status == 422


@pytest.mark.parametrize(
    ("schema", "value", "detail"),
    [
        ({"type": "string"}, 5, '5 is not of type "string"'),
        ({"type": "integer"}, 1.5, '1.5 is not of type "integer"'),
        ({"type": "integer"}, True, 'true is not of type "integer"'),
        ({"enum": ["a", "b"]}, "c", '"c" is not one of "a" or "b"'),
        ({"const": 1}, 2, "1 was expected"),
        ({"pattern": "^a+$"}, "b", '"b" does not match "^a+$"'),
        ({"format": "ipv4"}, "1.2.3", '"1.2.3" is not a "ipv4"'),
        ({"format": "date-time"}, "today", '"today" is not a "date-time"'),
        ({"maximum": 5}, 10**400, "greater than the maximum of 5"),
        ({"uniqueItems": True}, [1, 1], "non-unique"),
        (
            {
                "$ref": "#/$defs/q",
                "$defs": {"q": {"items": {"$ref": "#/$defs/q"}, "type": "array"}},
            },
            [[], [1]],
            '1 is not of type "array"',
        ),
    ],
)
def test_what_the_schema_says(schema: dict[str, Any], value: Any, detail: str) -> None:
    (violation,) = violations({"a": value}, Parameters({"a": schema}))
    assert detail in violation.detail
    assert violation.detail.startswith("a")
    assert violation.pointer.startswith("/a")
    assert len(violation.detail) < 320


def test_a_large_value_is_not_quoted_whole(parameters: Parameters) -> None:
    (violation,) = violations({**GOOD, "tries": "x" * 100_000}, parameters)
    assert len(violation.detail) < 320
    assert violation.detail.endswith('is not of type "integer"')


def test_of_many_wrong_items_few_are_told(parameters: Parameters) -> None:
    assert len(violations({**GOOD, "tags": [1] * 500}, parameters)) == 100
    assert pairs({**GOOD, "tags": [1] * 200_000}, parameters) == [
        ("/tags/0", 'tags[0]: 1 is not of type "string"')
    ]
    assert parameters.check({**GOOD, "tags": ["x"] * 200_000})["tags"][-1] == "x"
    assert len(violations({**GOOD, **{f"x{n}": 1 for n in range(500)}}, parameters)) == 100


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("a\ud800", "source: has half a surrogate pair"),
        ({"\udfff": 1}, "source: has half a surrogate pair"),
        (float("nan"), "source: is not JSON"),
        ({1, 2}, "source: is not JSON"),
        (deep(101), "source: is nested more than 100 deep"),
        (deep(500), "source: is nested more than 100 deep"),
        (deep(5000), "source: is nested more than 100 deep"),
    ],
)
@pytest.mark.parametrize("secret", [True, False])
def test_what_json_cannot_be(value: Any, detail: str, secret: bool) -> None:
    parameters = Parameters({"source": {"secret": secret}, "n": {"type": "integer"}})
    assert pairs({"source": value}, parameters) == [
        ("/n", "n is required"),
        ("/source", detail),
    ]


def test_a_slow_pattern_does_not_hold_up_the_server() -> None:
    parameters = Parameters({"a": {"pattern": r"^(?=(\w+)+\1$)(a|a)*b$"}})
    for length in (30, 1000, 50_000):
        (violation,) = violations({"a": "a" * length + "!"}, parameters)
        assert violation.pointer == "/a"


@pytest.mark.parametrize(
    ("path", "text"),
    [([], ""), (["a"], "/a"), (["a", 0, ""], "/a/0/"), (["a/b", "~1"], "/a~1b/~01")],
)
def test_pointer(path: list[str | int], text: str) -> None:
    assert pointer(path) == text


# ---------------------------------------------------------------------- what is shown


def test_the_schema_of_all(parameters: Parameters) -> None:
    schema = parameters.schema
    assert schema["type"] == "object"
    assert schema["required"] == ["source", "destination"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["source"] == COPYFILE["source"]
    assert schema["properties"]["password"] == {
        "type": "string",
        "minLength": 8,
        "writeOnly": True,
    }
    jsonschema_rs.meta.validate(schema)


def test_references_lead_to_the_same_place_in_the_schema_of_all() -> None:
    schemas = {
        "tree": {
            "$defs": {"node": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
            "$ref": "#/$defs/node",
            "const": {"$ref": "#/$defs/node"},
        },
        "same": {"items": {"$ref": "#"}, "type": "array", "default": [], "leading_dash": True},
    }
    schema = Parameters(schemas).schema
    del schema["properties"]["tree"]["const"]
    validator = jsonschema_rs.Draft202012Validator(schema)
    assert validator.is_valid({"tree": [[], [[]]], "same": [[]]})
    assert not validator.is_valid({"tree": [[], [[1]]]})
    assert not validator.is_valid({"tree": [], "same": [[1]]})
    assert "leading_dash" not in json.dumps(schema)
    constant = Parameters(schemas).schema["properties"]["tree"]["const"]
    assert constant == {"$ref": "#/$defs/node"}, "a value, not a reference"


def test_a_secrets_schema_gives_nothing_away() -> None:
    inner = {"enum": ["hunter2"], "examples": ["hunter2"], "description": "why"}
    schema = {
        "secret": True, "default": {"k": "hunter2"}, "const": {"k": "hunter2"},
        "properties": {"k": inner, "default": {"const": "hunter2"}},
    }  # fmt: skip
    parameters = Parameters({"p": schema})
    assert "hunter2" not in json.dumps(parameters.schema)
    assert parameters.schema["properties"]["p"]["properties"] == {
        "k": {"description": "why"},
        "default": {},
    }
    assert parameters.config_objects == {"p": ""}


def test_config_objects_as_in_the_older_api(parameters: Parameters) -> None:
    assert parameters.config_objects == {
        "source": "",
        "destination": "",
        "password": "",
        "tries": 3,
        "tags": ["a"],
        "options": {"mode": "2026-01-01"},
    }
    assert parameters.secrets == {"password"}


# ---------------------------------------------------------------------- secrets in violations


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("short", "password: does not fit minLength: 8"),
        (12345678, 'password: does not fit type: "string"'),
        (["hunter2hunter2"], 'password: does not fit type: "string"'),
        ({"hunter2hunter2": 1}, 'password: does not fit type: "string"'),
    ],
)
def test_a_wrong_secret_is_not_quoted(value: Any, said: str, parameters: Parameters) -> None:
    assert pairs({**GOOD, "password": value}, parameters) == [("/password", said)]


def test_what_is_wrong_within_a_secret_is_not_told() -> None:
    schema = {
        "secret": True,
        "additionalProperties": {"const": "s3cret"},
        "propertyNames": {"maxLength": 9},
    }
    found = pairs({"p": {"hunter2": "x", "hunter2hunter2": "s3cret"}}, Parameters({"p": schema}))
    assert "hunter2" not in str(found)
    assert "s3cret" not in str(found)
    assert {path for path, _ in found} == {"/p"}


def test_a_secret_in_another_parameter_is_masked(parameters: Parameters) -> None:
    password = 'hun"ter2\\ä'
    params = {**GOOD, "password": password, "tries": f"x{password}", "tags": [{password: 1}]}
    text = str(pairs(params, parameters))
    assert password not in text
    assert json.dumps(password)[1:-1] not in text
    assert MASK in text


def test_also_where_the_text_is_cut(parameters: Parameters) -> None:
    password = "S" * 100
    for before in range(0, 200, 7):
        params = {**GOOD, "password": password, "tries": "x" * before + password + "y" * 500}
        (violation,) = violations(params, parameters)
        assert "SSSS" not in violation.detail


@given(
    st.text(alphabet='abcd01"\\äß€\n', min_size=8).filter(lambda text: text == text.strip()),
    st.text(max_size=300),
    st.text(max_size=300),
    st.sampled_from(["tries", "tags", "options", "unknown"]),
)
def test_no_secret_is_ever_in_a_violation(secret: str, before: str, after: str, name: str) -> None:
    params = {**GOOD, "password": secret, name: {before: before + secret + after}}
    for violation in violations(params, Parameters(COPYFILE)):
        assert secret not in violation.detail
        assert secret not in violation.pointer


def test_a_secret_that_is_a_key_elsewhere_is_masked_in_the_pointer(parameters: Parameters) -> None:
    params = {
        **GOOD,
        "password": "hunter2hunter2",
        "options": {"mode": "2026-01-01", "hunter2hunter2": 1},
    }
    assert pairs(params, parameters) == [("/options/******", "options.******: is not known here")]


def test_a_secret_with_too_many_lines_to_look_for(parameters: Parameters) -> None:
    lines = "\n".join(f"line {n}" for n in range(1001))
    (found,) = pairs({**GOOD, "password": lines}, parameters)
    assert found[0] == "/password"
    assert "too many to keep secret" in found[1]


def test_masker(parameters: Parameters) -> None:
    masker = parameters.masker(parameters.check(GOOD))
    assert masker is not None
    assert masker.text("it is changeme1") == "it is ******"
    assert parameters.masker({"password": ""}) is None
    assert parameters.masker(GOOD) is None


def test_mask_params() -> None:
    params = {"a": "x", "b": [1], "c": None}
    assert mask_params(params, ["b", "c", "d"]) == {"a": "x", "b": MASK, "c": MASK}
    assert mask_params(params, ()) == params


# ---------------------------------------------------------------------- arguments

TEXT: dict[str, Any] = {
    "to": {"type": "string"},
    "files": {"type": "array", "default": []},
    "offset": {"type": "integer", "default": 0, "leading_dash": True},
    "unused": {"default": ""},
}
ARGS = ("--to={to}", "{files}", "{{{to}}}", "{offset}", "-x")


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"to": "-x"}, [("/to", "to: begins with '-': the program could take it for an option")]),
        ({"to": "a\0b"}, [("/to", "to: has a NUL character, which no argument of a program can have")]),
        (
            {"to": "a", "files": ["b", "-c", -5, "\0"]},
            [
                ("/files/1", "files[1]: begins with '-': the program could take it for an option"),
                ("/files/2", "files[2]: begins with '-': the program could take it for an option"),
                ("/files/3", "files[3]: has a NUL character, which no argument of a program can have"),
            ],
        ),
        ({"to": "", "offset": "-5"}, [("/offset", 'offset: "-5" is not of type "integer"')]),
    ],
)  # fmt: skip
def test_what_no_argument_may_be(params: dict[str, Any], found: list[tuple[str, str]]) -> None:
    assert pairs(params, Parameters(TEXT, ARGS)) == found


def test_what_is_no_argument_may_be_anything() -> None:
    params = {"to": "-x\0", "files": ["-a"], "unused": "-\0"}
    assert Parameters(TEXT).check(params)["to"] == "-x\0"
    good = {"to": "x", "offset": -5, "unused": "-\0"}
    assert Parameters(TEXT, ARGS).check(good)["unused"] == "-\0"


def test_a_secret_is_not_quoted_either() -> None:
    parameters = Parameters({"p": {"secret": True}}, ["{p}"])
    assert "hunter2" not in str(pairs({"p": "-hunter2"}, parameters))


def test_expand() -> None:
    parameters = Parameters(TEXT, ARGS)
    params = parameters.check({"to": "a b; $(x) *", "files": ["1 2", "", 3], "offset": -5})
    assert expand(ARGS, params, parameters) == [
        "--to=a b; $(x) *", "1 2", "", "3", "{a b; $(x) *}", "-5", "-x",
    ]  # fmt: skip


@given(st.text().filter(lambda text: not text.startswith("-") and "\0" not in text))
def test_a_value_never_becomes_two_arguments(value: str) -> None:
    args = ("{a}", "--a={a}", "{a}{a}", "x")
    parameters = Parameters({"a": {"type": "string"}}, args)
    params = parameters.check({"a": value})
    assert expand(args, params, parameters) == [value, f"--a={value}", value * 2, "x"]


@given(st.lists(st.text(alphabet="{}a -", max_size=5) | st.integers(0) | st.none(), max_size=5))
def test_a_list_becomes_as_many_as_it_has_items(values: list[Any]) -> None:
    parameters = Parameters({"a": {"type": "array", "leading_dash": True}}, ["{a}"])
    argv = expand(["<", "{a}", ">"], {"a": values}, parameters)
    assert argv[0] + argv[-1] == "<>"
    assert argv[1:-1] == ["" if value is None else str(value) for value in values]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "need the parameter to"),
        ({"to": "-x"}, "to: begins with '-'"),
        ({"to": "\0"}, "to: has a NUL"),
        ({"to": "a", "files": ["-b"]}, "files[1]: begins".replace("1", "0")),
    ],
)
def test_a_definition_that_changed_since_is_a_spawn_error(
    params: dict[str, Any], said: str
) -> None:
    with pytest.raises(SpawnError) as caught:
        expand(ARGS, params, Parameters(TEXT, ARGS))
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("element", "said"),
    [
        ("{file}", ['"{file}": there is no parameter "file"; did you mean \'files\'?']),
        ("{xyz}{to}{xyz}", ['"{xyz}{to}{xyz}": there is no parameter "xyz"']),
        ("{}", ['"{}": there is no parameter ""']),
        ("{to", ["\"{to\": '{' lacks its other half; a brace itself is written twice"]),
        ("to}", ["\"to}\": '}' lacks its other half; a brace itself is written twice"]),
        ("{{to}", ["\"{{to}\": '}' lacks its other half; a brace itself is written twice"]),
        ("{a{to}}", ["\"{a{to}}\": '{' lacks its other half; a brace itself is written twice"]),
        ("-x{files}", ['"-x{files}": a list must be alone in its element: "{files}"']),
        ("{files}{files}", ['"{files}{files}": a list must be alone in its element: "{files}"']),
    ],
)
def test_check_args(element: str, said: list[str]) -> None:
    assert check_args(["ok", element], Parameters(TEXT)) == said


def test_good_args() -> None:
    assert check_args(ARGS, Parameters(TEXT)) == []
    assert check_args([], Parameters({})) == []


def test_a_default_must_be_an_argument_too() -> None:
    parameters = Parameters({"a": {"default": "-x"}, "b": {"default": "-y"}, "c": {"default": -1}})
    (problem,) = check_args(["{a}"], parameters)
    assert problem == "the default of a: begins with '-': the program could take it for an option"
    assert len(check_args(["{a}{c}"], parameters)) == 2


# ---------------------------------------------------------------------- threads


def test_many_threads_check_at_once(parameters: Parameters) -> None:
    wrong: list[object] = []

    def work(number: int) -> None:
        for _ in range(200):
            checked = parameters.check({**GOOD, "tries": number})
            if checked["tries"] != number:
                wrong.append(checked)
            try:
                parameters.check({"source": number})
            except InvalidParams as error:
                if len(error.violations) != 2:
                    wrong.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_two_are_never_equal() -> None:
    first, second = Parameters(COPYFILE), Parameters(COPYFILE)
    assert first != second
    assert len({first, second, first}) == 2
