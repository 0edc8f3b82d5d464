"""Tables for people."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasky.cli.table import Column, joined, table
from tasky.cli.terminal import columns_of

COLUMNS = (Column("ID", fixed=True), Column("NAME"), Column("WORDS"))
WORDS = st.text(st.sampled_from("ab日 "), max_size=120)


def lines(rows: list[list[str]], limit: int | None) -> list[str]:
    return [joined(cells) for cells in table(COLUMNS, rows, limit)]


def test_columns_are_aligned() -> None:
    rows = [["1", "a", "first"], ["22", "bbbbbb", ""], ["3", "日本", "third"]]
    assert lines(rows, None) == [
        "ID  NAME    WORDS",
        "1   a       first",
        "22  bbbbbb",
        "3   日本    third",
    ]


def test_without_rows_there_is_the_header() -> None:
    assert lines([], 80) == ["ID  NAME  WORDS"]


def test_the_widest_column_gives_way() -> None:
    rows = [["1", "a" * 10, "b" * 100]]
    assert lines(rows, 30)[1] == f"1   {'a' * 10}  {'b' * 13}…"


def test_nothing_is_cut_where_there_is_no_limit() -> None:
    assert lines([["1", "a" * 100, "b" * 1000]], None)[1].endswith("b" * 1000)


def test_a_fixed_column_is_never_cut() -> None:
    found = lines([["1" * 32, "a" * 20, "b" * 20]], 40)[1]
    assert found.startswith("1" * 32 + "  ")


@given(st.lists(st.tuples(st.just("12345678"), WORDS, WORDS), max_size=5))
def test_it_fits(rows: list[tuple[str, str, str]]) -> None:
    found = [joined(cells) for cells in table(COLUMNS, rows, 80)]
    assert all(columns_of(text) <= 80 for text in found)
