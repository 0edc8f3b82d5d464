"""What a terminal is spared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.cli.terminal import columns_of, cut, harmless, one_line


@pytest.mark.case("L26")
@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("plain ünïcode\ttab\n", "plain ünïcode\ttab\n"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[?1049h\x1b[2J\x1b[10;20Hx", "x"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;cm0gLXJmIC8=\x07x", "x"),
        ("\x1b]never ended\nnext", "\nnext"),
        ("\x1bP+q544e\x1b\\x", "x"),
        ("\x9b31mx", "x"),
        ("\x9d0;title\x9cx", "x"),
        ("\x1bcx", "x"),
        ("\x1b(0x", "x"),
        ("\x1b", ""),
        ("a\x1b[", "a"),
        ("\x07\x08\x0e\x7f\x00x", "x"),
        ("10%\r20%\r\n", "10%\n20%\n"),
        ("\x1b\x1b[31mx", "x"),
        ("a\u202egnp.exe", "agnp.exe"),
    ],
)
def test_harmless(text: str, left: str) -> None:
    assert harmless(text) == left


@pytest.mark.case("L26")
@given(st.text(st.sampled_from("\x1b\x9b\x9d\x07[]0;m\\ax\r\n\t\x00")))
def test_no_control_character_is_left(text: str) -> None:
    left = set(harmless(text))
    assert not left & set("\x1b\x9b\x9d\x07\r\x00")


@given(st.text(), st.integers(1, 20))
def test_cut(text: str, limit: int) -> None:
    found = cut(text, limit)
    assert columns_of(found) <= limit
    assert found == text or found.endswith("…")


def test_one_line() -> None:
    assert one_line("  a\n\tb \x1b[31m c\r\n") == "a b c"


def test_wide_characters_take_two_columns() -> None:
    assert columns_of("日本") == 4
    assert columns_of("e\u0301") == 1
    assert cut("日本語", 5) == "日本…"
