"""Strict YAML: a file's text to plain data, with the place of every key and value.

The part of YAML that is left is what people take it for. Anchors, aliases, merge keys, tags, keys given twice and
several documents in a file are refused; so is every unquoted value that YAML 1.1 makes something unexpected of
(12:30 is 750, no is false, 010 is 8). A key is always the text that it is written with.
"""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from yaml.nodes import ScalarNode

from ..errors import ConfigError, Problem
from ..model.fields import Path as Keys
from ..model.fields import describe
from .document import Document, Entry, Place, dotted
from .files import failure, read_text

#: Far more than any definition needs, far less than the interpreter's stack.
MAX_DEPTH: Final = 32
#: A file with more mistakes or more values than this is not read further.
MAX_PROBLEMS: Final = 100
MAX_VALUES: Final = 50_000

#: libyaml's parser, ten times as fast as the one in Python, which serves where PyYAML comes without it.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Final[Any] = yaml.resolver.Resolver()
#: What is text: `=` and (as a value) `<<` have tags of their own.
_TEXT_TAGS: Final = frozenset(f"tag:yaml.org,2002:{tag}" for tag in ("str", "value", "merge"))
_LITERALS: Final[Mapping[str, Any]] = {"true": True, "false": False, "null": None, "": None}
_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")
_DECIMAL: Final = re.compile(
    r"-?(0|[1-9][0-9]{0,99})(\.[0-9]{1,99})?([eE][-+]?[0-9]{1,3})?", re.ASCII
)


def load(file: Path) -> Document:
    """The document in a file. ConfigError if there is none to speak of: not readable, not YAML, not a mapping."""
    return parse(read_text(file), file)


def read_document(file: Path) -> Mapping[str, Any]:
    """What is in a file. ConfigError with all that is wrong in it."""
    document = load(file)
    if problems := document.problems():
        raise ConfigError(problems)
    return document.data


def parse(text: str, file: Path, loader: Any = _LOADER) -> Document:
    """As `load`, from the text; `file` is for the messages."""
    composer = _Composer(file, yaml.parse(text, Loader=loader))
    try:
        data = composer.document()
    except yaml.MarkedYAMLError as error:
        raise ConfigError([*composer.found, _syntax_problem(file, error, text)]) from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a flaw of the parser in Python
        raise failure(file, f"is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise ConfigError([*composer.found, _not_a_mapping(file, data)])
    return Document(file, data, composer.entries, composer.found, frozenset(composer.refused))


class _TooMuch(Exception):
    """The rest of the file is not worth reading."""


class _Composer:
    """Events to data. What is refused goes to `found`, its path to `refused`, and the reading goes on."""

    def __init__(self, file: Path, events: Iterator[Event]) -> None:
        self.found: list[Problem] = []
        self.refused: set[Keys] = set()
        self.entries: dict[Keys, Entry] = {}
        self._file = file
        self._events = events

    def document(self) -> Any:
        """The one document; None if the file is empty."""
        try:
            next(self._events)  # the stream's start
            if isinstance(next(self._events), StreamEndEvent):
                return None
            data = self._value((), next(self._events), None)
            next(self._events)  # the document's end
            self._no_more()
        except _TooMuch:
            raise ConfigError(self.found) from None
        return data

    def _no_more(self) -> None:
        event = next(self._events)
        if isinstance(event, DocumentStartEvent):
            self._refuse((), _place(event), "a second document begins here (---): one to a file")
            raise _TooMuch

    def _value(self, path: Keys, event: Event, key: Place | None) -> Any:
        place = _place(event)
        self.entries[path] = Entry(key or place, place)
        if len(self.entries) > MAX_VALUES:
            self._refuse(path, place, f"is one of more than {MAX_VALUES} values: too many")
            raise _TooMuch
        if len(path) > MAX_DEPTH:
            self._refuse(path, place, f"is nested more than {MAX_DEPTH} deep")
            raise _TooMuch
        self._check(path, event)
        if isinstance(event, ScalarEvent):
            return self._scalar(path, event, key or place)
        if isinstance(event, CollectionStartEvent) and key and not event.flow_style:
            self.entries[path] = Entry(key, key)  # a block begins below its key, which says more
        if isinstance(event, SequenceStartEvent):
            return self._list(path)
        return self._mapping(path) if isinstance(event, MappingStartEvent) else None

    def _check(self, path: Keys, event: Event) -> None:
        """Refuses what makes YAML hard to read, or dangerous."""
        place = _place(event)
        if isinstance(event, AliasEvent):
            self._refuse(path, place, f"aliases (*{event.anchor}) are not allowed: write it out")
        elif isinstance(event, NodeEvent) and event.anchor is not None:
            message = f"anchors (&{event.anchor}) are not allowed: remove it"
            self._refuse(path, place, message, value_is_clear=True)
        tag = getattr(event, "tag", None)
        if tag is not None:
            tag = tag.replace("tag:yaml.org,2002:", "!!")
            self._refuse(
                path, place, f"tags ({tag}) are not allowed: remove it; text can be quoted"
            )

    def _list(self, path: Keys) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self._value((*path, len(items)), event, None))
        return items

    def _mapping(self, path: Keys) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            key, place = self._key(path, event), _place(event)
            inner: Keys = (*path, key)
            if key in values:
                first = self.entries[inner].key.line
                message = f"is given twice, first in line {first}"
                self._refuse(inner, place, message, value_is_clear=True)
                self._skip(inner)
            elif key == "<<" and isinstance(event, ScalarEvent) and event.implicit[0]:
                self._refuse(inner, place, "merge keys (<<) are not allowed: write the keys out")
                self._skip(inner)
            else:
                values[key] = self._value(inner, next(self._events), place)
        return values

    def _key(self, path: Keys, event: Event) -> str:
        self._check(path, event)
        if isinstance(event, ScalarEvent):
            return _HALF_PAIR.sub("\ufffd", event.value)
        if not isinstance(event, AliasEvent):
            self._refuse(path, _place(event), "a key must be a word, not a list or a mapping")
            raise _TooMuch
        return f"*{event.anchor}"

    def _skip(self, path: Keys) -> None:
        """Reads a value, and forgets it with all that is wrong in it."""
        kept = self.entries, self.found, self.refused
        self.entries, self.found, self.refused = {}, [], set()
        try:
            self._value(path, next(self._events), None)
        finally:
            self.entries, self.found, self.refused = kept

    def _scalar(self, path: Keys, event: ScalarEvent, key: Place) -> Any:
        raw = event.value
        if _HALF_PAIR.search(raw):  # libyaml finds it itself
            self._refuse(path, _place(event), "has half a surrogate pair, which is not a character")
            return ""
        if not event.implicit[0]:  # in quotes, or a block of text
            return raw
        is_text = _RESOLVER.resolve(ScalarNode, raw, (True, False)) in _TEXT_TAGS
        is_decimal = _DECIMAL.fullmatch(raw) is not None and math.isfinite(float(raw))
        if is_text and not is_decimal:
            return raw
        if raw in _LITERALS or (is_decimal and not is_text):
            self.entries[path] = Entry(key, _place(event), raw or None)
            return _LITERALS[raw] if raw in _LITERALS else json.loads(raw)
        made = float(raw) if is_text else _made_of(raw)
        return self._surprise(path, event, made, is_text)

    def _surprise(self, path: Keys, event: ScalarEvent, made: Any, is_text: bool) -> Any:
        """A value that is not what it looks like: refused, and replaced by what was probably meant."""
        raw = event.value
        message = f"YAML reads {_short(raw)} as {_describe(made)}"
        if is_text:
            message = f"some readers of YAML take {raw} as a number, some as text"
        message += f': write "{_short(raw)}" in quotes for the text'
        sane = made is None or (isinstance(made, int | float) and math.isfinite(made))
        if sane:
            message += f", {_short(json.dumps(made))} for {_name(made)}"
        self._refuse(path, _place(event), message)
        return made if sane else raw

    def _refuse(
        self, path: Keys, place: Place, message: str, *, value_is_clear: bool = False
    ) -> None:
        """Unless the value is clear all the same, nothing more is said of it."""
        self.found.append(Problem(self._file, place.line, dotted(path), message, place.column))
        if not value_is_clear:
            self.refused.add(path)
        if len(self.found) >= MAX_PROBLEMS:
            raise _TooMuch


def _made_of(raw: str) -> Any:
    """What YAML makes of an unquoted value; the text itself if it fails (2024-13-45) or takes long."""
    try:
        return yaml.safe_load(raw) if len(raw) < 100 else raw
    except (yaml.YAMLError, ValueError, OverflowError):
        return raw


def _describe(made: Any) -> str:
    if isinstance(made, datetime.date):
        return "a date"
    return "something other than text" if isinstance(made, str) else describe(made)


def _name(made: Any) -> str:
    """The other thing that may have been meant."""
    if isinstance(made, bool):
        return "the truth value"
    return "nothing" if made is None else "the number"


def _short(word: str) -> str:
    return word if len(word) <= 40 else word[:40] + "..."


def _place(event: Event) -> Place:
    mark = event.start_mark
    assert mark is not None
    return Place(mark.line + 1, mark.column + 1)


def _not_a_mapping(file: Path, data: Any) -> Problem:
    if data is None:
        return Problem(file, 0, "", "is empty")
    hint = " (a space belongs after each colon)" if isinstance(data, str) and ":" in data else ""
    return Problem(file, 1, "", f"must be a mapping (key: value), not {describe(data)}{hint}")


_LINE_END: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def _syntax_problem(file: Path, error: yaml.MarkedYAMLError, text: str) -> Problem:
    """At the place where it was noticed; what is still open at the file's end, at the place where it begins."""
    lines = _LINE_END.split(text.rstrip())
    what = " ".join(part for part in (error.context, error.problem) if part)
    begin, place = _mark(error.context_mark, lines), _mark(error.problem_mark, lines)
    rest = "".join([lines[place.line - 1][place.column - 1 :], *lines[place.line :]])
    if error.context_mark and not rest:
        place = begin
    elif error.context_mark and begin.line != place.line:
        what += f" (it begins in line {begin.line})"
    message = f"is not valid YAML at column {place.column}: {what}{_hint(what, rest[:1])}"
    return Problem(file, place.line, "", message, place.column)


def _mark(mark: Any, lines: list[str]) -> Place:
    """The place of a parser's mark, which may be beyond the last line."""
    if mark is None or mark.line >= len(lines):
        return Place(len(lines), len(lines[-1]) + 1)
    return Place(mark.line + 1, mark.column + 1)


def _hint(what: str, found: str) -> str:
    """What to do about a syntax error; `found` is the character where it was noticed."""
    if "mapping values are not allowed" in what:
        return '; a text that contains ": " must be in quotes'
    if found == "\t":
        return "; it is a tab: indent with spaces"
    if "cannot start any token" in what:
        return f"; a text that begins with {found} must be in quotes"
    return ""
