"""The arguments of an ordinary program (`protocol: text`): placeholders in argv, never a shell. Pure.

`{name}` stands for a parameter, `{{` and `}}` for a brace. A value stays within its element whatever it contains; only
a list that is alone in an element becomes several, one for each item.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

_TOKEN: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class Placeholder(NamedTuple):
    name: str


@lru_cache(maxsize=1024)
def parse(element: str) -> tuple[str | Placeholder, ...]:
    """The literal text and the placeholders of one element; ValueError if its braces do not match."""
    parts: list[str | Placeholder] = []
    end = 0
    for token in _TOKEN.finditer(element):
        parts.append(element[end : token.start()])
        end = token.end()
        if token[1] is not None:
            parts.append(Placeholder(token[1]))
        elif len(token[0]) == 2:
            parts.append(token[0][0])
        else:
            raise ValueError(f"{token[0]!r} lacks its other half; a brace itself is written twice")
    parts.append(element[end:])
    return tuple(part for part in parts if part)


def placeholders(args: Sequence[str]) -> frozenset[str]:
    """The names of the parameters that `args` use."""
    parts = (part for element in args for part in parse(element))
    return frozenset(part.name for part in parts if isinstance(part, Placeholder))


def fill(args: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    """The argv elements; KeyError where a value is missing."""
    return [argument for element in args for argument in _fill(parse(element), values)]


def _fill(parts: tuple[str | Placeholder, ...], values: Mapping[str, Any]) -> Iterator[str]:
    if len(parts) == 1 and isinstance(parts[0], Placeholder):
        yield from arguments(values[parts[0].name])
    else:
        yield "".join(
            part if isinstance(part, str) else argument(values[part.name]) for part in parts
        )


def arguments(value: Any) -> list[str]:
    """A value alone in its element."""
    return [argument(item) for item in value] if isinstance(value, list) else [argument(value)]


def argument(value: Any) -> str:
    """A value as text: a string as it is, true and false, null as nothing, a whole number without a point, all else in
    JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def refusals(value: Any, leading_dash: bool) -> Iterator[tuple[tuple[int, ...], str]]:
    """Why a value cannot be an argument, if so: the index of the item, if it is a list, and a reason that does not
    quote it."""
    for index, text in enumerate(arguments(value)):
        reason = _refusal(text, leading_dash)
        if reason:
            yield ((index,) if isinstance(value, list) else ()), reason


def _refusal(text: str, leading_dash: bool) -> str | None:
    if "\0" in text:
        return "has a NUL character, which no argument of a program can have"
    if text.startswith("-") and not leading_dash:
        return "begins with '-': the program could take it for an option"
    return None if _encodable(text) else "has half a surrogate pair, which is not a character"


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def problems(element: str, names: Collection[str], lists: Collection[str]) -> list[str]:
    """What is wrong with one element of `args`; `lists` are those of the `names` that are lists."""
    try:
        parts = parse(element)
    except ValueError as error:
        return [f'"{element}": {error}']
    found = []
    for name in dict.fromkeys(part.name for part in parts if isinstance(part, Placeholder)):
        if name not in names:
            found.append(f'"{element}": there is no parameter "{name}"{nearest(name, names)}')
        elif name in lists and len(parts) > 1:
            found.append(f'"{element}": a list must be alone in its element: "{{{name}}}"')
    return found


def nearest(word: str, known: Collection[str]) -> str:
    """`; did you mean 'source'?`, or nothing."""
    near = difflib.get_close_matches(word[:100], known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
