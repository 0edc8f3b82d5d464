"""The options of a request: what its query may say, and reading it.

An option that the route does not have is refused with the nearest one that it has, never ignored; everything that is
wrong is said at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import falcon

from ..errors import BadRequest, Invalid, Violation

_MAX_FIELDS: Final = 100


#: As many times an option may be given that may be given several times.
MOST: Final = 32

Schema = dict[str, Any]
_Parser = TypeVar("_Parser", bound=Callable[..., Any])


def accepts(schema: Schema) -> Callable[[_Parser], _Parser]:
    """Tells what a parser accepts: the JSON Schema of its text (of a number's, if it is one), with `examples`. Every
    text that fits the schema is accepted; some that is accepted may not fit, such as words in another case.
    tests/web/test_options.py tries it."""

    def mark(parser: _Parser) -> _Parser:
        parser.accepts = schema  # type: ignore[attr-defined]
        return parser

    return mark


@dataclass(frozen=True, slots=True)
class Option:
    """One option: `parse` gives its value, or raises a ValueError that says what is accepted; it is marked with
    `accepts`. One that may be given several times has a `combine`, which makes one value of them all and may raise
    likewise, at most `most` times. `about` says what it does, for the description of the API."""

    parse: Callable[[str], Any]
    combine: Callable[[list[Any]], Any] | None = None
    about: str = ""
    most: int = MOST

    @property
    def schema(self) -> Schema | None:
        """None if the parser does not say what it accepts."""
        one: Schema | None = getattr(self.parse, "accepts", None)
        if one is None or self.combine is None:
            return one
        items = {key: value for key, value in one.items() if key != "examples"}
        array: Schema = {"type": "array", "items": items, "maxItems": self.most}
        return array | {"examples": [one["examples"]]}


Options = Mapping[str, Option]


def read_query(req: falcon.Request, options: Options) -> dict[str, Any]:
    """The values of the options that were given; Invalid with everything that is wrong."""
    if not req.query_string:
        return {}
    values: dict[str, Any] = {}
    violations: list[Violation] = []
    for name, texts in _given(req.query_string).items():
        try:
            values[name] = _value(name, texts, options)
        except ValueError as error:
            violations.append(Violation(f"{name[:64]}: {error}", parameter=name[:64]))
    if violations:
        raise Invalid(violations)
    return values


def _value(name: str, texts: list[str], options: Options) -> Any:
    option = options.get(name)
    if option is None:
        raise ValueError(f"there is no such option here{_advice(name, options)}")
    if option.combine is not None:
        if len(texts) > option.most:
            raise ValueError(f"may be given at most {option.most} times")
        return option.combine([option.parse(text) for text in texts])
    if len(texts) > 1:
        raise ValueError("may be given only once")
    return option.parse(texts[0])


def _advice(name: str, options: Collection[str]) -> str:
    near = difflib.get_close_matches(name[:64].lower(), options, 1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there is {', '.join(options)}" if options else ""


def _given(query: str) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for name, text in _pairs(query):
        texts.setdefault(name, []).append(text)
    return texts


def _pairs(query: str) -> list[tuple[str, str]]:
    """WSGI hands over bytes as Latin-1; what they are is UTF-8, percent-encoded or not."""
    try:
        text = query if query.isascii() else query.encode("latin-1").decode()
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except UnicodeError:
        raise BadRequest("the query is not valid UTF-8") from None
    except ValueError:
        raise BadRequest("the query has too many fields") from None
