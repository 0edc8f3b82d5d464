"""What a JSON Schema says of the type of a value. Imports no validator: the command line wants it, too. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def types_of(schema: Any) -> set[str]:
    """The JSON types that a parameter's schema names; empty where it does not say."""
    if not isinstance(schema, Mapping):
        return set()
    named = schema.get("type", ())
    types = {named} if isinstance(named, str) else set(named)
    for key in ("anyOf", "oneOf"):
        for one in schema.get(key, ()):
            types |= types_of(one)
    values = [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]
    return types or {_type(value) for value in values}


def _type(value: Any) -> str:
    match value:
        case str():
            return "string"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case list():
            return "array"
        case dict():
            return "object"
    return "null"
