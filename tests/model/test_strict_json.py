"""What is JSON here, and what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.model.strict_json import MAX_NESTING, NotJSON, loads, whole_characters

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(VALUES, st.booleans(), st.sampled_from(["", " ", "\r\n", "\t"]))
def test_what_json_can_say_is_read(value: Any, ascii_only: bool, space: str) -> None:
    text = space + json.dumps(value, ensure_ascii=ascii_only, allow_nan=False) + space
    assert loads(text.encode()) == value
    assert loads(text) == value


@given(st.binary(max_size=50) | st.text(alphabet='{}[]",:\\ue0123456789.-NaNIfinityrs \n\x00'))
def test_anything_is_read_or_not_json(data: bytes | str) -> None:
    reason = ""
    try:
        value = loads(data)
    except NotJSON as error:
        reason = str(error)
    else:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    assert "\n" not in reason
    assert len(reason) < 200


@pytest.mark.case("L2", "L5", "L6", "L10")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "Expecting value at line 1, column 1"),
        (b"{", "line 1, column 2"),
        (b"{}\n{}", "more after the end"),
        (b"[1,]", "line 1"),
        (b"{'a':1}", "double quotes"),
        (b"NaN", "NaN"),
        (b"[Infinity]", "Infinity"),
        (b'{"a":-Infinity}', "-Infinity"),
        (b"1e999", "1e999 is too large"),
        (b"-1e999", "too large"),
        (b"9" * 400 + b".0", "too large"),
        (b"9" * 5000, "more than 4300 digits"),
        (b'{"a":1,"b":2,"a":1}', "'a' is given twice"),
        (b'[{"a":{"b":1,"\\u0062":2}}]', "'b' is given twice"),
        (b'"\xff"', "invalid UTF-8 at byte 2"),
        (b'"\xed\xa0\x80"', "invalid UTF-8"),
        (b'"a\nb"', "control character"),
        (b"\xef\xbb\xbf{}", "line 1"),
        ("{}".encode("utf-16"), "invalid UTF-8"),
    ],
)
def test_what_is_refused(text: bytes, said: str) -> None:
    with pytest.raises(NotJSON) as caught:
        loads(text)
    assert said in str(caught.value)


def nested(depth: int, opening: str = "[", closing: str = "]", leaf: str = "") -> str:
    return opening * depth + leaf + closing * depth


@pytest.mark.case("L4")
@pytest.mark.parametrize(
    ("opening", "closing", "leaf"), [("[", "]", ""), ('{"a":', "}", "1"), ("[[],", "]", "{}")]
)
def test_nesting_ends_at_a_hundred(opening: str, closing: str, leaf: str) -> None:
    levels = MAX_NESTING - (leaf == "{}")
    loads(nested(levels, opening, closing, leaf))
    for depth in (levels + 1, levels + 2, 900, 5_000, 100_000):
        with pytest.raises(NotJSON, match="nested more than 100 deep"):
            loads(nested(depth, opening, closing, leaf))


@pytest.mark.case("L4")
def test_many_brackets_are_not_depth() -> None:
    assert loads("[" + "[[]]," * 1000 + "1]")[-1] == 1
    assert loads('"' + "[" * 1000 + '"') == "[" * 1000


@pytest.mark.case("L7")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"\ud800"', "\ufffd"),
        (r'"\uDFFF\ud83d\ude00"', "\ufffd😀"),
        (r'{"\udc80":["\ud800x"]}', {"\ufffd": ["\ufffdx"]}),
        (r'"\\ud800"', r"\ud800"),
        ('"\ud800"', "\ufffd"),
    ],
)
def test_half_a_pair_becomes_a_replacement_character(text: str, value: Any) -> None:
    assert loads(text) == value


@pytest.mark.case("L8", "L9")
def test_nul_and_large_integers_are_values() -> None:
    assert loads(rb'["\u0000", 123456789012345678901234567890]') == [
        "\0",
        123456789012345678901234567890,
    ]


@given(VALUES)
def test_whole_characters_are_left_alone(value: Any) -> None:
    assert whole_characters(value) == value
