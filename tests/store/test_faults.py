"""What is known of versions of SQLite."""

from __future__ import annotations

import sqlite3

import pytest

from tasky.store import sqlite_faults
from tasky.store.faults import faults, has_reset_bug


@pytest.mark.case("S14")
@pytest.mark.parametrize(
    ("version", "has"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
    ],
)
def test_the_bug_is_known_by_the_version(version: tuple[int, int, int], has: bool) -> None:
    assert has_reset_bug(version) is has


@pytest.mark.parametrize(
    ("version", "threadsafe", "said"),
    [
        ((3, 40, 1), True, ["the WAL-reset bug"]),
        ((3, 51, 3), True, []),
        ((3, 52, 0), True, ["withdrawn"]),
        ((3, 53, 0), True, []),
        ((3, 40, 1), False, ["the WAL-reset bug", "programs of one thread"]),
    ],
)
def test_what_is_said(version: tuple[int, int, int], threadsafe: bool, said: list[str]) -> None:
    found = faults(version, threadsafe=threadsafe)
    assert len(found) == len(said)
    assert all(words in one.message for one, words in zip(found, said, strict=True))
    assert any(one.is_grave for one in found) is not threadsafe


def test_here() -> None:
    assert sqlite_faults() == faults(sqlite3.sqlite_version_info[:3])
