"""Parameters from the command line."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from tasky.cli.values import files, json_object, pairs, parameters, types_of
from tasky.client import Attachment

SCHEMA = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "count": {"type": "integer"},
        "share": {"type": "number"},
        "force": {"type": "boolean"},
        "names": {"type": "array", "items": {"type": "string"}},
        "options": {"type": "object"},
        "maybe": {"type": ["integer", "null"]},
        "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "level": {"enum": [1, 2, 3]},
        "colour": {"enum": ["red", "green"]},
        "fixed": {"const": True},
        "anything": {"description": "of any type"},
    },
}


def parse(*arguments: str) -> dict[str, Any]:
    return parameters(pairs(arguments), SCHEMA)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("text=5", "5"),
        ("text=", ""),
        ("text=a=b:=c\nd", "a=b:=c\nd"),
        ("text=null", "null"),
        ("count=5", 5),
        ("count=-5", -5),
        ("share=2.5e3", 2500.0),
        ("force=true", True),
        ('names=["a", "b"]', ["a", "b"]),
        ('options={"a": 1}', {"a": 1}),
        ("maybe=null", None),
        ("maybe=7", 7),
        ("either=7", "7"),
        ("either:=7", 7),
        ("level=2", 2),
        ("colour=red", "red"),
        ("fixed=true", True),
        ("anything=7", "7"),
        ("anything:=7", 7),
        ("unknown=7", "7"),
        ('text:="5"', "5"),
        ("text:=5", 5),  # the server says that it is wrong
    ],
)
def test_a_value_is_what_the_schema_says(argument: str, value: Any) -> None:
    (found,) = parse(argument).values()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("count=five", "count=five: this parameter is of type integer: write it as JSON, such as 5"),
        ("force=yes", "force=yes: this parameter is of type boolean: write it as JSON, such as true or false"),
        ("names=a", 'names=a: this parameter is of type array: write it as JSON, such as ["a", "b"]'),
        ("maybe=", "maybe=: this parameter is of type integer or null: write it as JSON, such as 5, null"),
        ("share=NaN", "share=NaN: this parameter is of type number: write it as JSON, such as 2.5"),
        ("anything:=x", "anything:=x: this is not JSON: Expecting value"),
        ('options={"a":1,"a":2}', """options={"a":1,"a":2}: this is not JSON: the key 'a' is given twice"""),
        ("names=[a]", "names=[a]: this is not JSON: Expecting value"),
        ("count", "'count' is no parameter: write key=value or key:=JSON"),
        ("=5", "'=5' is no parameter: write key=value or key:=JSON"),
    ],
)  # fmt: skip
def test_what_is_no_such_value(argument: str, message: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        parse(argument)
    assert caught.value.message.startswith(message)


def test_a_long_value_is_not_repeated_whole() -> None:
    with pytest.raises(click.UsageError) as caught:
        parse("count=" + "x" * 5000)
    assert len(caught.value.message) < 200


def test_what_is_not_utf8_is_refused() -> None:
    with pytest.raises(click.UsageError, match="is not UTF-8"):
        parse(os.fsdecode(b"text=\xff"))


def test_a_parameter_is_given_once() -> None:
    with pytest.raises(click.UsageError, match="count is given twice"):
        parse("count=1", "count:=2")


def test_a_whole_object() -> None:
    assert json_object('{"a": [1]}') == {"a": [1]}
    with pytest.raises(click.BadParameter, match="not JSON"):
        json_object("{a: 1}")
    with pytest.raises(click.BadParameter, match="not an object"):
        json_object("[1]")


def test_types() -> None:
    found = {name: types_of(one) for name, one in SCHEMA["properties"].items()}  # type: ignore[attr-defined]
    assert found["level"] == {"number"}
    assert found["fixed"] == {"boolean"}
    assert found["maybe"] == {"integer", "null"}
    assert found["anything"] == set()
    assert types_of(True) == set()


FILES = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "format": "file"},
        "several": {"type": "array", "items": {"type": "string", "format": "file"}},
        "text": {"type": "string"},
    },
}


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = tmp_path / "one=1", tmp_path / "two,ü"
    one.touch()
    two.touch()
    given = pairs([f"file=@{one}", f"several=@{one}", f"several=@{two}", "text=@home", "n:=1"])
    rest, found = files(given, FILES)
    assert found == {"file": [one], "several": [one, two]}
    assert parameters(rest, FILES) == {"text": "@home", "n": 1}
    assert files(pairs(["file:=null"]), FILES) == ({"file": ("null", True)}, {})
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    assert files(pairs(["file=@-"]), FILES)[1] == {"file": [Attachment("stdin", b"piped")]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["file=local.csv"], "write file=@PATH"),
        (['file:="/etc/passwd"'], "write file=@PATH"),
        (["file=@/no/such/file"], "there is no such file"),
        (["file=@/"], "there is no such file"),
        (["text=@a", "text=@b"], "given twice"),
        (["file=@a", "file=b"], "given twice"),
        (["file=@a", "file:=null"], "given twice"),
        (["text=a", "text=@b"], "given twice"),
    ],
)
def test_what_is_no_file(arguments: list[str], said: str) -> None:
    with pytest.raises(click.UsageError, match=said):
        files(pairs(arguments), FILES)
