from __future__ import annotations

import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.store import TaskIds


def test_they_are_uuids_of_version_7() -> None:
    ids = TaskIds()
    for _ in range(100):
        task_id = ids.new()
        assert re.fullmatch("[0-9a-f]{32}", task_id)
        parsed = uuid.UUID(task_id)
        assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)


def test_they_only_grow() -> None:
    ids = TaskIds()
    made = [ids.new() for _ in range(20_000)]
    assert made == sorted(set(made))


def test_threads_get_different_ones() -> None:
    ids = TaskIds()
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: [ids.new() for _ in range(500)], range(16)))
    assert all(chunk == sorted(chunk) for chunk in made)
    assert len({task_id for chunk in made for task_id in chunk}) == 8000


def test_they_carry_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasky.store.ids.time.time_ns", lambda: 0x0123456789AB * 1_000_000)
    assert TaskIds().new().startswith("0123456789ab7")


@pytest.mark.case("S16")
def test_a_clock_that_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10**18, 10**17, 0, 10**18 - 1, 10**18 + 10**9])
    monkeypatch.setattr("tasky.store.ids.time.time_ns", lambda: next(times))
    ids = TaskIds()
    made = [ids.new() for _ in range(5)]
    assert made == sorted(made)
    assert made[4] > made[3]


@pytest.mark.case("S16")
@given(st.integers(0, (1 << 48) - 2), st.integers(0, (1 << 74) - 1))
def test_the_next_is_behind_the_seed(millis: int, rest: int) -> None:
    """Whatever is in the seed, also where its counter is about to overflow."""
    seed = f"{millis << 16 | 0x7000 | rest >> 62:016x}{0b10 << 62 | rest & ((1 << 62) - 1):016x}"
    ids = TaskIds(seed)
    assert seed < ids.new() < ids.new()
