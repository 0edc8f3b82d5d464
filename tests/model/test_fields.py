"""Converters, and the collection of what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import pytest

from tasky.model.fields import (
    Section,
    Wrong,
    describe,
    duration,
    flag,
    integer,
    list_of,
    mapping_of,
    number,
    one_of,
    quoted,
    size,
    suggest,
    text,
    wrong,
)


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"
    BLUE = "blue"


def no_blanks(key: str) -> None:
    if " " in key:
        raise wrong("has a blank")


GOOD: list[tuple[Callable[[Any], Any], Any, Any]] = [
    (text, "", ""),
    (flag, False, False),
    (duration(), "0", 0),
    (duration(low=2), "2ns", 2),
    (size(1, 4096, "small"), "4KiB", 4096),
    (size(1, 4096, "small"), 1, 1),
    (integer(-1, 1), -1, -1),
    (number(0, 1), 0.5, 0.5),
    (number(0, 1), 1, 1),
    (one_of(Colour), "blue", Colour.BLUE),
    (list_of(integer(0, 9), "[1]"), [1, 2], (1, 2)),
    (list_of(text, "[a]"), [], ()),
    (mapping_of(flag, no_blanks), {"a": True}, {"a": True}),
]


@pytest.mark.parametrize(("convert", "value", "expected"), GOOD)
def test_good_values(convert: Callable[[Any], Any], value: Any, expected: Any) -> None:
    assert convert(value) == expected


BAD: list[tuple[Callable[[Any], Any], Any, str]] = [
    (text, 1, "must be text, not the number 1"),
    (text, None, "must be text, not nothing"),
    (text, "a\0b", "must not contain a NUL character"),
    (flag, "true", 'must be true or false, not the text "true"'),
    (flag, 1, "must be true or false, not the number 1"),
    (duration(), 5, "must be a duration such as 10s or 1h30m, not the number 5: write 5s"),
    (duration(), True, "must be a duration such as 10s or 1h30m, not true"),
    (duration(low=1), "0s", 'must be longer than 0s, not "0s"'),
    (duration(low=10**9), "1ms", 'must be 1s or longer, not "1ms"'),
    (size(1, 2, "1 or 2"), 3, "must be 1 or 2, not 3"),
    (size(1, 2, "1 or 2"), 1.5, "must be a size such as 512KiB or 1MiB, not the number 1.5"),
    (integer(0, 9), 10, "must be between 0 and 9, not 10"),
    (integer(0, 9), True, "must be a whole number, not true"),
    (integer(0, 9), 1.0, "must be a whole number, not the number 1.0"),
    (number(0, 1), "1", 'must be a number, not the text "1"'),
    (number(0, 1), float("nan"), "must be between 0 and 1, not nan"),
    (one_of(Colour), "bleu", 'must be red, green or blue, not the text "bleu": did you mean blue?'),
    (one_of(Colour), "x", 'must be red, green or blue, not the text "x"'),
    (one_of(Colour), ["red"], "must be text, not a list"),
    (list_of(text, "[a]"), "a", 'must be a list such as [a], not the text "a"'),
    (mapping_of(flag, no_blanks), [], "must be a mapping (key: value), not a list"),
]


@pytest.mark.parametrize(("convert", "value", "message"), BAD)
def test_bad_values(convert: Callable[[Any], Any], value: Any, message: str) -> None:
    with pytest.raises(Wrong) as caught:
        convert(value)
    assert str(caught.value) == message


def test_every_item_is_looked_at() -> None:
    with pytest.raises(Wrong) as caught:
        list_of(list_of(integer(0, 9), "[1]"), "[[1]]")([[1, "a"], 2, [10]])
    assert [mistake.path for mistake in caught.value.mistakes] == [(0, 1), (1,), (2, 0)]
    with pytest.raises(Wrong) as caught:
        mapping_of(flag, no_blanks)({"a b": 1, "c": 2, "d": True})
    found = [(mistake.path, mistake.at_key) for mistake in caught.value.mistakes]
    assert found == [(("a b",), True), (("a b",), False), (("c",), False)]


def test_section() -> None:
    section = Section({"a": 1, "b": None, "inner": {"x": "y", "z": 1}}, ["a", "b", "inner", "c"])
    assert section.get("a", integer(0, 9), 5) == 1
    assert section.get("b", integer(0, 9), 5) == 5
    assert section.get("c", integer(0, 9), None) is None
    inner = section.section("inner", ["x"])
    assert inner.get("x", flag, False) is False
    inner.reject("missing", "is missing")
    assert [mistake.path for mistake in section.mistakes] == [
        ("b",),
        ("inner", "z"),
        ("inner", "x"),
        ("inner", "missing"),
    ]
    assert section.has_mistake("inner")
    assert inner.has_mistake("x")
    assert not section.has_mistake("a")
    assert "c" not in section


def test_a_section_that_is_none() -> None:
    section = Section({"inner": 5}, ["inner", "other"])
    assert section.section("inner", ["x"]).get("x", flag, True) is True
    assert section.section("other", ["x"]).get("x", flag, True) is True
    assert [mistake.path for mistake in section.mistakes] == [("inner",)]


def test_words() -> None:
    assert suggest("Timout", ["timeout", "env"]) == "did you mean timeout?"
    assert suggest("xyz", ["timeout", "env"]) == "the keys are timeout, env"
    assert describe({}) == "a mapping"
    assert describe("a\nb") == 'the text "a\\nb"'
    assert quoted("x" * 100) == f'"{"x" * 57}..."'
