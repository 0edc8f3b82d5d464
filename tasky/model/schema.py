"""The JSON Schemas of parameters: what may stand in them, and the one schema that they make together. Pure.

A parameter's schema is one of JSON Schema 2020-12 that stands alone: it refers to nothing but itself (`#/$defs/...`),
so that nothing is ever fetched. Its two keys of our own are `secret` and `leading_dash`.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from jsonschema_rs import Draft202012Validator, ValidationError

from . import upload
from .arguments import nearest

Schema: TypeAlias = Mapping[str, Any]
Path: TypeAlias = tuple[str | int, ...]
Finding: TypeAlias = tuple[Path, str]

SECRET: Final = "secret"
LEADING_DASH: Final = "leading_dash"
#: What a secret's schema would give away.
_TELLTALE: Final = frozenset({"default", "const", "enum", "examples"})

_ONE: Final = frozenset({
    "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not",
    "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
})  # fmt: skip
_SEVERAL: Final = frozenset(["allOf", "anyOf", "oneOf", "prefixItems"])
_NAMED: Final = frozenset(["$defs", "dependentSchemas", "patternProperties", "properties"])
_VALUES: Final = frozenset({
    "$comment", "$ref", "const", "contentEncoding", "contentMediaType", "default",
    "dependentRequired", "deprecated", "description", "enum", "examples", "exclusiveMaximum",
    "exclusiveMinimum", "format", "maxContains", "maximum", "maxItems", "maxLength",
    "maxProperties", "minContains", "minimum", "minItems", "minLength", "minProperties",
    "multipleOf", "pattern", "readOnly", "required", "title", "type", "uniqueItems", "writeOnly",
})  # fmt: skip
_KEYWORDS: Final = _ONE | _SEVERAL | _NAMED | _VALUES
_OURS: Final = frozenset({SECRET, LEADING_DASH})
#: They give a schema another place or meaning than the one it is written at.
_FOREIGN: Final = frozenset({
    "$anchor", "$dynamicAnchor", "$dynamicRef", "$id", "$recursiveAnchor", "$recursiveRef",
    "$schema", "$vocabulary",
})  # fmt: skip
_INSTEAD: Final[Mapping[str, str]] = {
    "definitions": "its name is $defs",
    "choices": "its name is enum",
    "values": "its name is enum",
    "optional": "a parameter with a default is optional",
    "nullable": 'give the type as ["string", "null"]',
    "help": "its name is description",
    "min": "its name is minimum, minLength or minItems",
    "max": "its name is maximum, maxLength or maxItems",
    "password": "its name is secret",
}
_TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")
_TYPE_ALIASES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("str", "text", "path", "password", "date"), "string"),
    **dict.fromkeys(("int", "long"), "integer"),
    **dict.fromkeys(("float", "double", "decimal"), "number"),
    **dict.fromkeys(("bool", "flag"), "boolean"),
    **dict.fromkeys(("list", "tuple", "set"), "array"),
    **dict.fromkeys(("dict", "map", "mapping"), "object"),
    **dict.fromkeys(("none", "nil"), "null"),
}
_FORMATS: Final = (
    "date", "date-time", "duration", "email", "file", "hostname", "idn-email", "idn-hostname", "ipv4",
    "ipv6", "iri", "iri-reference", "json-pointer", "regex", "relative-json-pointer", "time",
    "uri", "uri-reference", "uri-template", "uuid",
)  # fmt: skip
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)
_NAME_RULE: Final = "a parameter's name has letters, digits, _, - and ., and at most 64 of them"


def compile_schema(schema: Schema) -> Draft202012Validator:
    """Its validator: formats are checked, nothing is fetched. ValueError if it is no schema."""
    plain = {key: value for key, value in schema.items() if key not in _OURS}
    return Draft202012Validator(
        plain,
        validate_formats=True,
        ignore_unknown_formats=False,
        formats={upload.FORMAT: lambda _: True},
        retriever=_fetch_nothing,
    )


def _fetch_nothing(uri: str) -> Any:
    raise ValueError(f"{uri} is not fetched")


def combined(schemas: Mapping[str, Schema], root: str = "#") -> dict[str, Any]:
    """The schema of the object that all parameters make, as clients may see it. `root` is a reference to it, where it
    is not a document of its own."""
    return {
        "type": "object",
        "properties": {name: _shown(name, schema, root) for name, schema in schemas.items()},
        "required": [name for name, schema in schemas.items() if "default" not in schema],
        "additionalProperties": False,
    }


def _shown(name: str, schema: Schema, root: str) -> dict[str, Any]:
    shown = {key: copy.deepcopy(value) for key, value in schema.items() if key not in _OURS}
    within = [inner for _, inner in _subschemas(shown) if isinstance(inner, dict)]
    for inner in within:
        if "$ref" in inner:
            inner["$ref"] = f"{root}/properties/{name}{inner['$ref'][1:]}"
    if schema.get(SECRET):
        for inner in within:
            for key in _TELLTALE & inner.keys():
                del inner[key]
        shown["writeOnly"] = True
    return shown


def _subschemas(schema: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The schema and all within it, each with its path."""
    yield path, schema
    if not isinstance(schema, Mapping):
        return
    for key, value in schema.items():
        if key in _ONE:
            yield from _subschemas(value, (*path, key))
        elif key in _SEVERAL and isinstance(value, list):
            for index, inner in enumerate(value):
                yield from _subschemas(inner, (*path, key, index))
        elif key in _NAMED and isinstance(value, Mapping):
            for name, inner in value.items():
                yield from _subschemas(inner, (*path, key, name))


# ---------------------------------------------------------------------- mistakes


def schema_problems(schemas: Mapping[str, Any]) -> list[Finding]:
    """Every mistake in the `params:` of a definition, with its path from there. Parameters takes what has none."""
    return [
        ((name, *path), message)
        for name, schema in schemas.items()
        for path, message in _mistakes(name, schema)
    ]


def _mistakes(name: Any, schema: Any) -> Iterator[Finding]:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield (), f"is not a name: {_NAME_RULE}"
    if not isinstance(schema, Mapping):
        yield (), "must be a JSON Schema, such as {type: string}"
        return
    found = [
        finding for path, inner in _subschemas(schema) for finding in _of_subschema(path, inner)
    ]
    if not found:
        found = [((), message) for message in upload.mistakes(schema, name)]
    yield from found or _of_whole(schema)


def _of_subschema(path: Path, schema: Any) -> Iterator[Finding]:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        yield path, "must be a JSON Schema, such as {type: string}"
        return
    for key, value in schema.items():
        message = _of_key(key, value, top=not path) or _of_value(key, value)
        if message:
            yield (*path, key), message


def _of_key(key: Any, value: Any, *, top: bool) -> str | None:
    """Whether this key may stand here."""
    if not isinstance(key, str):
        return "is not a text"
    if key in _OURS:
        if not top:
            return "holds for a whole parameter: it is of no use within its schema"
        return None if isinstance(value, bool) else "must be true or false"
    if key in _FOREIGN:
        return "cannot be used: a parameter's schema stands alone, and is one of 2020-12"
    if key == "required" and isinstance(value, bool):
        return "is not needed: a parameter is required unless it has a default"
    if key in _KEYWORDS or key.startswith("x-"):
        return None
    hint = _INSTEAD.get(key)
    return f"is unknown: {hint}" if hint else f"is unknown{nearest(key, _KEYWORDS | _OURS)}"


def _of_value(key: str, value: Any) -> str | None:
    """Whether a keyword may have this value. What is in schemas further down is looked at by itself."""
    if key == "type":
        return _of_type(value)
    if key == "format" and isinstance(value, str) and value not in _FORMATS:
        return f"is unknown: {value!r}{nearest(value, _FORMATS)}"
    if key == "$ref":
        return None if _is_local(value) else "must begin with #/: nothing is fetched from elsewhere"
    if key in _OURS or key in _ONE or (key in _SEVERAL and isinstance(value, list) and value):
        return None
    if key in _NAMED and key != "patternProperties" and isinstance(value, Mapping):
        return None
    if key == "patternProperties" and isinstance(value, Mapping):
        value = dict.fromkeys(value, True)
    return _compile_error({key: value})


def _of_type(value: Any) -> str | None:
    for item in value if isinstance(value, list) else [value]:
        if item not in _TYPES:
            if item == upload.FORMAT:
                return "'file' is no type: write {type: string, format: file}"
            near = _TYPE_ALIASES.get(str(item).lower())
            hint = f"; did you mean {near!r}?" if near else nearest(str(item), _TYPES)
            return f"{item!r} is no type{hint or '; the types are ' + ', '.join(_TYPES)}"
    return _compile_error({"type": value})


def _is_local(reference: Any) -> bool:
    return isinstance(reference, str) and (reference == "#" or reference.startswith("#/"))


def _of_whole(schema: Schema) -> Iterator[Finding]:
    """What shows only when all parts are right: references into nothing, a default that does not fit."""
    message = _compile_error(schema) or _misplaced(schema)
    if message:
        yield (), message
    elif "default" in schema:
        for error in compile_schema(schema).iter_errors(schema["default"]):
            if schema.get(SECRET):
                yield ("default",), f"does not fit {keyword_of(error, schema)}"
            else:
                yield ("default", *error.instance_path), f"does not fit: {brief(error.message)}"


def _misplaced(schema: Schema) -> str | None:
    """A file within something else cannot be told from a text, so none would be sent there."""
    places = [(), ("items",)] if upload.takes_several(schema) else [()]
    for path, inner in _subschemas(schema):
        is_file = isinstance(inner, Mapping) and inner.get("format") == upload.FORMAT
        if is_file and path not in places:
            return "format: file is for a whole parameter, or for the items of a list"
    return None


def _compile_error(schema: Schema) -> str | None:
    try:
        json.dumps(schema, allow_nan=False)
        compile_schema(schema)
    except ValidationError as error:
        return brief(error.message)
    except (ValueError, TypeError) as error:
        return f"is not JSON: {error}"
    return None


def keyword_of(error: ValidationError, schema: Any) -> str:
    """The keyword of `schema` that a value breaks, such as `minLength: 8`. The value is not in it."""
    keyword = str(error.schema_path[-1]) if error.schema_path else "false"
    try:
        for step in error.schema_path:
            schema = schema[step]
    except (LookupError, TypeError):  # behind a $ref
        return keyword
    known = isinstance(schema, (str, int, float)) and keyword != "const"
    return f"{keyword}: {json.dumps(schema)}" if known else keyword


def brief(message: str, limit: int = 300) -> str:
    """A message that may quote a large value, cut in the middle."""
    half = limit // 2
    return message if len(message) <= limit else f"{message[:half]} ... {message[-half:]}"
