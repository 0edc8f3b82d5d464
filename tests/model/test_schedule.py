"""When a worker is run by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.model.schedule import CatchUp, Overlap, Schedule
from tasky.model.worker import parse_worker

SECOND = 1_000_000_000
MINUTE = 60 * SECOND


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


def shown(times: Any, count: int = 3) -> list[str]:
    return [datetime.fromtimestamp(t / SECOND, UTC).isoformat()[:19] for t in islice(times, count)]


def parse(**schedule: Any) -> Schedule:
    draft = parse_worker({"command": ["x"], "schedule": schedule}, stem="x")
    assert draft.mistakes == ()
    assert draft.definition.schedule is not None
    return draft.definition.schedule


def test_cron() -> None:
    schedule = parse(
        cron="30  2 * * 1-5", time_zone="Europe/Berlin", overlap="queue", catch_up="all"
    )
    assert (schedule.cron, schedule.overlap, schedule.catch_up) == (
        "30 2 * * 1-5", Overlap.QUEUE, CatchUp.ALL,
    )  # fmt: skip
    friday = at("2026-11-20T01:30:00+00:00")
    assert shown(schedule.after(friday)) == [
        "2026-11-23T01:30:00", "2026-11-24T01:30:00", "2026-11-25T01:30:00"
    ]  # fmt: skip


@pytest.mark.case("T5")
def test_an_hour_that_there_is_not_and_one_that_there_is_twice() -> None:
    """As Debian's cron has it: once each."""
    schedule = parse(cron="30 2 * * *", time_zone="Europe/Berlin")
    assert shown(schedule.after(at("2026-03-28T12:00:00+00:00")), 2) == [
        "2026-03-29T01:00:00", "2026-03-30T00:30:00"
    ]  # fmt: skip
    assert shown(schedule.after(at("2026-10-24T12:00:00+00:00")), 2) == [
        "2026-10-25T00:30:00", "2026-10-26T01:30:00"
    ]  # fmt: skip


def test_every() -> None:
    schedule = parse(every="15m")
    assert shown(schedule.after(at("2026-11-25T10:07:00+00:00")), 2) == [
        "2026-11-25T10:15:00", "2026-11-25T10:30:00"
    ]  # fmt: skip
    assert next(schedule.after(15 * MINUTE)) == 30 * MINUTE


def test_between() -> None:
    schedule = parse(every="1m")
    assert schedule.between(0, 3 * MINUTE, 10) == [MINUTE, 2 * MINUTE, 3 * MINUTE]
    assert schedule.between(0, 100 * MINUTE, 2) == [99 * MINUTE, 100 * MINUTE]
    assert schedule.between(MINUTE, MINUTE, 10) == []
    assert schedule.between(5 * MINUTE, MINUTE, 10) == []  # the clock was set back


@pytest.mark.case("T4")
def test_years_that_were_missed_are_not_gone_through() -> None:
    """The clock of a machine without a battery begins in 1970."""
    now = at("2026-11-25T10:07:30+00:00")
    assert shown(parse(every="1s").between(0, now, 2)) == [
        "2026-11-25T10:07:29", "2026-11-25T10:07:30"
    ]  # fmt: skip
    assert shown(parse(cron="* * * * *").between(0, now, 2)) == [
        "2026-11-25T10:06:00", "2026-11-25T10:07:00"
    ]  # fmt: skip


@given(
    st.sampled_from(["* * * * *", "*/7 3 * * *", "0 0 1 * *", "59 23 * * 0", "0 2,3 * 3,10 *"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia"]),
    st.integers(at("2020-01-01T00:00:00+00:00"), at("2030-01-01T00:00:00+00:00")),
)
def test_times_come_in_order_and_do_not_depend_on_where_one_asks(
    cron: str, zone: str, start: int
) -> None:
    schedule = Schedule(cron=cron, time_zone=zone)
    times = list(islice(schedule.after(start), 20))
    assert times == sorted(set(times))
    assert times[0] > start
    assert list(islice(schedule.after(times[9]), 10)) == times[10:]
    assert schedule.between(start, times[-1], 100) == times
    assert schedule.between(start, times[-1] - 1, 5) == times[-6:-1]


@pytest.mark.parametrize(
    ("schedule", "key", "message"),
    [
        ({}, "schedule", "takes one of both"),
        ({"cron": "* * * * *", "every": "1m"}, "schedule", "takes one of both"),
        ({"cron": "* * *"}, "schedule.cron", 'it takes "minute hour day month weekday"'),
        ({"cron": "0 0 31 2 *"}, "schedule.cron", "bad day-of-month"),
        ({"cron": "60 * * * *"}, "schedule.cron", "bad minute"),
        ({"every": "10ms"}, "schedule.every", "1s or longer"),
        ({"every": "1h", "time_zone": "UTC"}, "schedule.time_zone", "is for cron"),
        (
            {"cron": "* * * * *", "time_zone": "Europe/Berln"},
            "schedule.time_zone",
            "Europe/Berlin?",
        ),
        ({"cron": "* * * * *", "time_zone": "../etc/passwd"}, "schedule.time_zone", "no time zone"),
        ({"every": "1h", "overlap": "wait"}, "schedule.overlap", "must be skip, queue or replace"),
        ({"every": "1h", "catch_up": "all"}, "schedule.catch_up", "it takes overlap: queue"),
        ({"every": "1h", "params": {"x": 1}}, "schedule.params.x", "has no parameter x"),
    ],
)
def test_mistakes(schedule: dict[str, Any], key: str, message: str) -> None:
    draft = parse_worker({"command": ["x"], "schedule": schedule}, stem="x")
    (mistake,) = draft.mistakes
    assert ".".join(map(str, mistake.path)) == key
    assert message in mistake.message


def test_params_must_fit() -> None:
    params = {"n": {"type": "integer"}, "m": {"default": 1}}
    for given_, key in (({"n": "x"}, ("schedule", "params", "n")), ({}, ("schedule",))):
        draft = parse_worker(
            {"command": ["x"], "params": params, "schedule": {"every": "1h", "params": given_}},
            stem="x",
        )
        assert [mistake.path for mistake in draft.mistakes] == [key]
