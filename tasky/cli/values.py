"""Parameters from the command line: `key=value` by the worker's schema, `key:=JSON`, and a whole JSON object. Pure."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from ..client import Attachment
from ..model import strict_json
from ..model.json_types import types_of
from ..model.upload import takes_several

_PAIR: Final = re.compile(r"([^=:]+)(:?=)(.*)", re.DOTALL)
_SEVERAL: Final = "\0"
_FILE: Final = "@"
#: The file's name that is standard input.
_STDIN: Final = "@-"
_EXAMPLES: Final = {
    "integer": "5",
    "number": "2.5",
    "boolean": "true or false",
    "array": '["a", "b"]',
    "object": '{"a": 1}',
    "null": "null",
}


def pairs(arguments: Iterable[str]) -> dict[str, tuple[str, bool]]:
    """`key=value` and `key:=JSON` as key: (text, whether it is JSON). `key=@file` may be given several times: the texts
    are separated by NUL, which no argument has."""
    found: dict[str, tuple[str, bool]] = {}
    for argument in map(_utf8, arguments):
        match = _PAIR.fullmatch(argument)
        if match is None:
            raise click.UsageError(f"{argument!r} is no parameter: write key=value or key:=JSON")
        key, sign, text = match.groups()
        former = found.get(key, ("", True))
        if text.startswith("@") and former[0].startswith("@") and sign == "=" and not former[1]:
            text = f"{former[0]}{_SEVERAL}{text}"
        elif key in found:
            raise click.UsageError(f"the parameter {key} is given twice")
        found[key] = (text, sign == ":=")
    return found


def parameters(given: Mapping[str, tuple[str, bool]], schema: Mapping[str, Any]) -> dict[str, Any]:
    """`given` (see `pairs`) as values; `schema` is the JSON Schema of the worker's parameters.

    A parameter that takes text, or whose type is not known, is text. Any other is read as JSON.
    """
    properties = schema.get("properties", {})
    return {
        key: _value(key, text, {} if is_json else properties.get(key, {}), is_json)
        for key, (text, is_json) in given.items()
    }


def files(
    given: Mapping[str, tuple[str, bool]], schema: Mapping[str, Any]
) -> tuple[dict[str, tuple[str, bool]], dict[str, list[Path | Attachment]]]:
    """What is left of `given` (see `pairs`), and the files of it: `key=@path` where the parameter takes a file."""
    rest: dict[str, tuple[str, bool]] = {}
    found: dict[str, list[Path | Attachment]] = {}
    for key, (text, is_json) in given.items():
        if takes_several(schema.get("properties", {}).get(key, {})) is None:
            if _SEVERAL in text:
                raise click.UsageError(f"the parameter {key} is given twice")
            rest[key] = (text, is_json)
        elif is_json and text == "null":
            rest[key] = (text, is_json)
        elif is_json or not text.startswith(_FILE):
            raise click.UsageError(
                f"{key} is a file: write {key}=@PATH, or {key}=@- for standard input"
            )
        else:
            found[key] = [_file(key, each) for each in text.split(_SEVERAL)]
    return rest, found


def _file(key: str, text: str) -> Path | Attachment:
    if text == _STDIN:
        return Attachment("stdin", sys.stdin.buffer.read())
    path = Path(os.fsdecode(text[1:].encode()))
    if not path.is_file():
        raise click.UsageError(f"{key}={text}: there is no such file")
    return path


def json_object(text: str) -> dict[str, Any]:
    """What --params gives."""
    try:
        value = strict_json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"this is not JSON: {error}", param_hint="--params") from None
    if not isinstance(value, dict):
        raise click.BadParameter("this is JSON, but not an object {…}", param_hint="--params")
    return value


def _utf8(argument: str) -> str:
    """An argument as its bytes have it, whatever the locale makes of them."""
    try:
        return os.fsencode(argument).decode()
    except UnicodeDecodeError:
        raise click.UsageError(
            f"{argument!r} is not UTF-8: give it in a file, by --params"
        ) from None


def _value(key: str, text: str, schema: Any, is_json: bool) -> Any:
    types = set() if is_json else types_of(schema)
    if not is_json and (not types or "string" in types):
        return text
    try:
        return strict_json.loads(text)
    except ValueError as error:
        raise click.UsageError(_complaint(key, text, types, error)) from None


def _complaint(key: str, text: str, types: set[str], error: ValueError) -> str:
    value = text if len(text) <= 60 else f"{text[:57]}..."
    if not types or text.lstrip().startswith(("[", "{")):
        sign = "=" if types else ":="
        return f"{key}{sign}{value}: this is not JSON: {error}"
    wanted = " or ".join(sorted(types))
    examples = ", ".join(_EXAMPLES[one] for one in sorted(types) if one in _EXAMPLES)
    return (
        f"{key}={value}: this parameter is of type {wanted}: write it as JSON, such as {examples}"
    )
