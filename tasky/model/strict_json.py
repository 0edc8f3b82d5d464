"""JSON as strangers may send it: what RFC 8259 does not have, or no two programs read alike, is refused.

Pure; imports nothing of ours.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NoReturn

MAX_NESTING: Final = 100

_SPACE: Final = " \t\r\n"
_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")
_ESCAPED_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")


class NotJSON(ValueError):
    """What was read is not JSON. The message says why, in words for people, of one line."""


def loads(data: bytes | str) -> Any:
    """The value of a JSON text; NotJSON if it is none, or is not UTF-8.

    Refused: NaN, Infinity, numbers beyond a double (1e999) or of over 4300 digits, a key given twice, nesting over
    100. A half surrogate pair, which no UTF-8 can say, becomes U+FFFD.
    """
    try:
        text = (data if isinstance(data, str) else data.decode("utf-8")).strip(_SPACE)
        value, end = _DECODER.raw_decode(text)
    except UnicodeDecodeError as error:
        raise NotJSON(f"invalid UTF-8 at byte {error.start + 1}") from error
    except RecursionError as error:
        raise NotJSON(f"nested more than {MAX_NESTING} deep") from error
    except json.JSONDecodeError as error:
        raise NotJSON(f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    except NotJSON:
        raise
    except ValueError as error:  # Python's guard against numbers that take long to convert
        raise NotJSON("a number has more than 4300 digits") from error
    if end != len(text):
        raise NotJSON("there is more after the end")
    if len(text) > MAX_NESTING and too_deep(text, value):
        raise NotJSON(f"nested more than {MAX_NESTING} deep")
    escaped = "\\" in text and _ESCAPED_HALF.search(text)
    if escaped or (isinstance(data, str) and _HALF_PAIR.search(text)):
        return whole_characters(value)
    return value


def whole_characters(value: Any) -> Any:
    """`value` with U+FFFD for every half surrogate pair in its strings and keys."""
    if isinstance(value, str):
        return _HALF_PAIR.sub("\ufffd", value)
    if isinstance(value, list):
        return [whole_characters(item) for item in value]
    if isinstance(value, dict):
        return {whole_characters(key): whole_characters(item) for key, item in value.items()}
    return value


def too_deep(text: str, value: Any) -> bool:
    """Whether `value`, of which `text` is the JSON, is nested over MAX_NESTING."""
    if text.count("{") + text.count("[") <= MAX_NESTING:
        return False
    level = [value]  # level by level: a recursion would be as deep as what it looks for
    for _ in range(MAX_NESTING):
        level = [inner for outer in level for inner in _containers(outer)]
        if not level:
            return False
    return True


def _containers(value: Any) -> list[Any]:
    """The lists and objects directly in `value`."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, (dict, list))]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise NotJSON(f"the key {_twice(pairs)[:60]!r} is given twice")
    return document


def _twice(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return key
        seen.add(key)
    raise AssertionError("no key is given twice")


def _constant(name: str) -> NoReturn:
    raise NotJSON(f"{name} is not JSON")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise NotJSON(f"the number {text[:60]} is too large")
    return number


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_float
)
