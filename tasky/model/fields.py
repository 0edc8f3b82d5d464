"""The fields of a configuration file: converters for their values, and a reader that collects what is wrong instead of
stopping at the first mistake. Pure.

A converter takes what the file has and returns what the program wants, or raises Wrong.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, TypeVar

from .units import format_duration, parse_duration, parse_size

T = TypeVar("T")
D = TypeVar("D")
E = TypeVar("E", bound=StrEnum)
Path = tuple[str | int, ...]

#: The longest duration: ten years. In nanoseconds it fits a signed 64-bit integer with room for sums.
MAX_DURATION: Final = 3650 * 24 * 3600 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a document. `path` leads to the value (keys and list indices from the top); `at_key` says that
    the key is meant, not its value; `wants_text` that quoting the value would help."""

    path: Path
    message: str
    at_key: bool = False
    wants_text: bool = False


class Wrong(ValueError):
    """A value does not fit. The paths of its mistakes start at the value."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__("; ".join(mistake.message for mistake in mistakes))
        self.mistakes = mistakes


def wrong(message: str, *path: str | int, wants_text: bool = False) -> Wrong:
    """A Wrong with one mistake."""
    return Wrong(Mistake(path, message, wants_text=wants_text))


def nest(mistakes: Iterable[Mistake], *path: str | int) -> list[Mistake]:
    """The same mistakes, seen from further up."""
    return [replace(mistake, path=path + mistake.path) for mistake in mistakes]


class Section:
    """One mapping of a document, read key by key. What is wrong goes to `mistakes`, which its sub-sections share."""

    def __init__(self, values: Mapping[str, Any], known: Collection[str], path: Path = ()) -> None:
        self.mistakes: list[Mistake] = []
        self._values = values
        self._path = path
        for key in values:
            if key not in known:
                self.reject(key, f"is not a key here: {suggest(key, known)}", at_key=True)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def get(self, key: str, convert: Callable[[Any], T], default: D) -> T | D:
        """The converted value; the default if the key is absent, or its value is wrong."""
        if key not in self._values:
            return default
        value = self._values[key]
        if value is None:
            self.reject(key, "has no value: give it one, or leave the key out")
            return default
        try:
            return convert(value)
        except Wrong as error:
            self.add((key,), error.mistakes)
            return default

    def section(self, key: str, known: Collection[str]) -> Section:
        """The mapping under a key, an empty one if there is none. It shares this one's list of mistakes."""
        inner = Section(self.get(key, mapping, {}), known, (*self._path, key))
        self.mistakes += inner.mistakes
        inner.mistakes = self.mistakes
        return inner

    def has_mistake(self, key: str) -> bool:
        """Whether something at `key` or within it was found wrong."""
        place = (*self._path, key)
        return any(mistake.path[: len(place)] == place for mistake in self.mistakes)

    def reject(self, key: str, message: str, *, at_key: bool = False) -> None:
        self.add((), [Mistake((key,), message, at_key)])

    def add(self, path: Path, mistakes: Iterable[Mistake]) -> None:
        """Mistakes whose paths start at `path` in this section."""
        self.mistakes += nest(mistakes, *self._path, *path)


def suggest(word: str, known: Collection[str]) -> str:
    """The nearest of the known words as a question; all of them if none is near."""
    near = difflib.get_close_matches(word.lower(), known, n=1)
    return f"did you mean {near[0]}?" if near else f"the keys are {', '.join(known)}"


def nearest(word: str, known: Iterable[str]) -> str:
    """The nearest of the known words as the end of a message; empty if none is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f": did you mean {near[0]}?" if near else ""


def describe(value: Any) -> str:
    """What a value is, for a message."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    return "a mapping" if isinstance(value, Mapping) else "a list"


def quoted(word: str, length: int = 60) -> str:
    """In quotes, on one line, and short enough for a message."""
    shown = word if len(word) <= length else f"{word[: length - 3]}..."
    return json.dumps(shown, ensure_ascii=False)


# ---------------------------------------------------------------------- converters


def text(value: Any) -> str:
    if not isinstance(value, str):
        scalar = isinstance(value, bool | int | float)
        raise wrong(f"must be text, not {describe(value)}", wants_text=scalar)
    if "\0" in value:
        raise wrong("must not contain a NUL character")
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise wrong(f"must be true or false, not {describe(value)}")
    return value


def mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise wrong(f"must be a mapping (key: value), not {describe(value)}")
    return value


def duration(low: int = 0) -> Callable[[Any], int]:
    """Nanoseconds, at least `low`, from text such as 1m30s."""

    def convert(value: Any) -> int:
        if not isinstance(value, str):
            unit = f": write {value}s" if isinstance(value, int) and value is not True else ""
            raise wrong(f"must be a duration such as 10s or 1h30m, not {describe(value)}{unit}")
        try:
            nanoseconds = parse_duration(value)
        except ValueError as error:
            raise wrong(str(error)) from None
        if nanoseconds < low:
            least = f"{format_duration(low)} or longer" if low > 1 else "longer than 0s"
            raise wrong(f"must be {least}, not {quoted(value)}")
        if nanoseconds > MAX_DURATION:
            raise wrong(f"must not be longer than 3650d, as {quoted(value)} is")
        return nanoseconds

    return convert


def size(low: int, high: int, limits: str) -> Callable[[Any], int]:
    """Bytes from text such as 1MiB, or a number. `limits` is the range in words."""

    def convert(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise wrong(f"must be a size such as 512KiB or 1MiB, not {describe(value)}")
        try:
            count = parse_size(value)
        except ValueError as error:
            raise wrong(str(error)) from None
        if not low <= count <= high:
            raise wrong(f"must be {limits}, not {value}")
        return count

    return convert


def integer(low: int, high: int) -> Callable[[Any], int]:
    def convert(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong(f"must be a whole number, not {describe(value)}")
        if not low <= value <= high:
            raise wrong(f"must be between {low} and {high}, not {value}")
        return value

    return convert


def number(low: float, high: float) -> Callable[[Any], float]:
    def convert(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong(f"must be a number, not {describe(value)}")
        if not math.isfinite(value) or not low <= value <= high:
            raise wrong(f"must be between {low:g} and {high:g}, not {value}")
        return value

    return convert


def one_of(kind: type[E], allowed: Collection[E] | None = None) -> Callable[[Any], E]:
    """A member of the enumeration, by its value; one of those `allowed`, if that is given."""
    words = [str(member) for member in kind if allowed is None or member in allowed]

    def convert(value: Any) -> E:
        word = text(value)
        if word not in words:
            choice = ", ".join(words[:-1]) + " or " + words[-1]
            raise wrong(f"must be {choice}, not {describe(word)}{nearest(word.lower(), words)}")
        return kind(word)

    return convert


def list_of(item: Callable[[Any], T], example: str) -> Callable[[Any], tuple[T, ...]]:
    """A list whose items fit; every one that does not is a mistake. `example` shows how a list is written."""

    def convert(value: Any) -> tuple[T, ...]:
        if not isinstance(value, list | tuple):
            raise wrong(f"must be a list such as {example}, not {describe(value)}")
        return tuple(_each(enumerate(value), item).values())

    return convert


def mapping_of(
    item: Callable[[Any], T], check_key: Callable[[str], None]
) -> Callable[[Any], dict[str, T]]:
    """A mapping whose values fit; `check_key` raises Wrong for a bad key."""

    def convert(value: Any) -> dict[str, T]:
        mistakes: list[Mistake] = []
        for key in mapping(value):
            try:
                check_key(key)
            except Wrong as error:
                mistakes += [Mistake((key,), str(error), at_key=True)]
        try:
            values = _each(value.items(), item)
        except Wrong as error:
            raise Wrong(*mistakes, *error.mistakes) from None
        if mistakes:
            raise Wrong(*mistakes)
        return values

    return convert


K = TypeVar("K", str, int)


def _each(pairs: Iterable[tuple[K, Any]], item: Callable[[Any], T]) -> dict[K, T]:
    values: dict[K, T] = {}
    mistakes: list[Mistake] = []
    for key, value in pairs:
        try:
            values[key] = item(value)
        except Wrong as error:
            mistakes += nest(error.mistakes, key)
    if mistakes:
        raise Wrong(*mistakes)
    return values
