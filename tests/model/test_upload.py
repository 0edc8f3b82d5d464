"""Parameters that take files: their schemas, their values, their names."""

from __future__ import annotations

from typing import Any

import pytest

from tasky.errors import InvalidParams
from tasky.model.params import Parameters, schema_problems
from tasky.model.upload import MAX_NAME, Upload, display_name, file_name

FILE = {"type": "string", "format": "file"}
FILES = {"type": "array", "items": FILE, "minItems": 1}
MAYBE = {"type": ["string", "null"], "format": "file", "default": None}
SENT = Upload(file="upload-1", name="a.csv", size=3, sha256="0" * 64)
KEPT = SENT.as_json()


def refusal(parameters: Parameters, params: dict[str, Any], **how: Any) -> dict[str, str]:
    with pytest.raises(InvalidParams) as caught:
        parameters.check(params, **how)
    return {each.pointer: each.detail for each in caught.value.violations}


def test_which_take_files() -> None:
    parameters = Parameters(
        {"one": FILE, "several": FILES, "maybe": MAYBE, "text": {"type": "string"}}
    )
    assert parameters.files == {"one": False, "several": True, "maybe": False}
    assert parameters.schema["properties"]["one"] == FILE


@pytest.mark.parametrize(
    "schema",
    [
        FILE,
        FILES,
        MAYBE,
        {**FILES, "minItems": 0, "default": []},
        {**FILE, "description": "The table", "contentMediaType": "text/csv"},
    ],
)
def test_a_schema_of_files(schema: dict[str, Any]) -> None:
    assert schema_problems({"file": schema}) == []


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"format": "file"}, "a file is written"),
        ({"type": "integer", "format": "file"}, "a file is written"),
        ({"type": ["string", "integer"], "format": "file"}, "a file is written"),
        ({"type": "array", "items": {"format": "file"}}, "a file is written"),
        ({"items": FILE}, "a file is written"),
        ({**FILE, "secret": True}, "cannot be secret"),
        ({**FILE, "default": "/etc/passwd"}, "the only default"),
        ({**FILES, "default": ["a"]}, "the only default"),
        ({**FILE, "default": None}, "does not fit"),
        ({"type": "object", "properties": {"a": FILE}}, "for a whole parameter"),
        ({"anyOf": [FILE, {"type": "null"}]}, "for a whole parameter"),
        ({"type": "array", "items": FILES}, "for a whole parameter"),
        ({"type": "file"}, "write {type: string, format: file}"),
        ({"type": "string", "format": "fil"}, "did you mean"),
    ],
)
def test_a_schema_that_is_none(schema: dict[str, Any], said: str) -> None:
    (problem,) = schema_problems({"file": schema})
    assert said in problem[1]


def test_a_name_that_is_taken() -> None:
    ((_, message),) = schema_problems({"params": FILE})
    assert "no file can be named params" in message


def test_what_is_stored_and_what_the_worker_gets() -> None:
    parameters = Parameters(
        {"one": FILE, "several": FILES, "maybe": MAYBE, "text": {"type": "string"}}
    )
    stored = parameters.check({"one": SENT, "several": [SENT, SENT], "text": "x"})
    assert stored == {"one": KEPT, "several": [KEPT, KEPT], "maybe": None, "text": "x"}
    assert parameters.check(stored, stored=True) == stored
    assert parameters.uploads(stored) == [SENT] * 3
    given = parameters.with_paths(stored, lambda each: f"/work/{each.file}")
    path = "/work/upload-1"
    assert given == {"one": path, "several": [path, path], "maybe": None, "text": "x"}


@pytest.mark.parametrize("value", ["/etc/passwd", "", 5, KEPT, {}, ["/etc/passwd"], [KEPT]])
def test_json_names_no_file_of_the_server(value: Any) -> None:
    parameters = Parameters({"one": FILE, "several": {**FILES, "minItems": 0, "default": []}})
    for name in ("one", "several"):
        found = refusal(parameters, {"one": SENT, name: value})
        assert found == {
            f"/{name}": f"{name}: must be a file: a part of multipart/form-data that has a filename"
        }


def test_a_file_must_fit_the_schema() -> None:
    parameters = Parameters({"one": FILE, "several": {**FILES, "maxItems": 2}})
    assert "/one" in refusal(parameters, {"one": [SENT], "several": [SENT]})
    assert "/one" in refusal(parameters, {"one": None, "several": [SENT]})
    assert "/several" in refusal(parameters, {"one": SENT, "several": SENT})
    assert "/several" in refusal(parameters, {"one": SENT, "several": []})
    assert "/several" in refusal(parameters, {"one": SENT, "several": [SENT] * 3})
    assert "/several/0" in refusal(parameters, {"one": SENT, "several": [None]})


def test_a_file_where_none_is_taken() -> None:
    parameters = Parameters({"text": {"type": "string"}, "list": {"type": "array"}})
    found = refusal(parameters, {"text": SENT, "list": ["a", SENT], "other": SENT})
    assert found["/text"] == "text: takes no file"
    assert found["/list"] == "list: takes no file"
    assert "unknown parameter" in found["/other"]


@pytest.mark.parametrize(
    "value",
    [
        None, "upload-1", {}, {**KEPT, "file": "../../etc/passwd"}, {**KEPT, "file": "upload-0"},
        {**KEPT, "file": "upload-1/../x"}, {**KEPT, "file": "upload-1\n"}, {**KEPT, "file": 1},
        {**KEPT, "file": "/etc/passwd"}, {**KEPT, "more": 1}, {**KEPT, "sha256": "x"},
    ],
)  # fmt: skip
def test_what_is_stored_is_not_believed(value: Any) -> None:
    """A definition may have changed: what is a file to it was any object when it was submitted."""
    assert Upload.from_json(value) is None
    if value is not None:
        assert "/one" in refusal(Parameters({"one": FILE}), {"one": value}, stored=True)


def test_paths_go_into_arguments() -> None:
    parameters = Parameters({"one": FILE, "several": FILES}, ["--in", "{one}", "{several}"])
    assert parameters.check({"one": SENT, "several": [SENT]})


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("a.csv", "a.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.csv", "a.csv"),
        ("a\r\nb\x1b[31m\u202e", "a__b_[31m_"),
        ("e\u0301", "é"),
        ("", ""),
        ("/", ""),
        ("x" * 5000, "x" * MAX_NAME),
        ("e\u0301" * MAX_NAME, "é" * MAX_NAME),
    ],
)
def test_what_a_client_calls_it(sent: str, shown: str) -> None:
    assert display_name(sent) == shown


def test_our_own_name() -> None:
    assert [file_name(1), file_name(12, ".csv")] == ["upload-1", "upload-12.csv"]
    assert file_name(1, "./../x") == file_name(1, ".tar.gz") == "upload-1"
