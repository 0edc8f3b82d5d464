"""What a document says of limits, retries, and who a worker is."""

from __future__ import annotations

from typing import Any

import pytest

from tasky.model.limits import Limits
from tasky.model.retry import Retry
from tasky.model.task import FailureCode
from tasky.model.worker import parse_worker
from tests.model.test_worker import SECOND, mistakes, parse

# ---------------------------------------------------------------------- limits and retry


def test_limits() -> None:
    limits = {
        "memory": "512MiB",
        "cpu": 1.5,
        "processes": 64,
        "open_files": 256,
        "file_size": 0,
        "output": "64MiB",
    }
    assert parse(limits=limits).limits == Limits(
        memory=512 << 20, cpu=1.5, processes=64, open_files=256, file_size=0, output=64 << 20
    )
    assert parse(limits={}).limits == parse().limits == Limits()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("memory", value) for value in ("1023KiB", 0, -1, "lots", True, None, 1.5)),
        *(("cpu", value) for value in (0, 0.001, 4097, "2", True, float("nan"))),
        *(("processes", value) for value in (0, -1, 1.0, "1", 4_194_305)),
        *(("open_files", value) for value in (3, 1_048_577, "many")),
        *(("file_size", value) for value in (-1, "8EiB", "big")),
        *(("output", value) for value in (-1, True, [])),
    ],
)
def test_what_is_no_limit(key: str, value: Any) -> None:
    assert mistakes(limits={key: value}) == {("limits", key)}


def test_retry() -> None:
    retry = {"attempts": 3, "delay": "5s", "backoff": 2, "jitter": 0, "on": ["exit", "lost"]}
    assert parse(retry=retry).retry == Retry(
        attempts=3,
        delay=5 * SECOND,
        backoff=2,
        jitter=0,
        on=frozenset({FailureCode.EXIT, FailureCode.LOST}),
    )
    assert parse(retry={"attempts": 2}).retry == Retry(attempts=2)
    assert parse().retry == Retry()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("attempts", value) for value in (0, 101, 2.0, "2", True)),
        *(("delay", value) for value in (5, "-1s", "soon", "3651d")),
        *(("backoff", value) for value in (0.5, 101, "fast")),
        *(("jitter", value) for value in (-0.1, 1.1, "some")),
    ],
)
def test_what_is_no_retry(key: str, value: Any) -> None:
    assert mistakes(retry={"attempts": 2} | {key: value}) == {("retry", key)}


def test_a_retry_must_say_how_often() -> None:
    assert mistakes(retry={}) == mistakes(retry={"delay": "5s"}) == {("retry", "attempts")}


def test_every_failure_can_be_a_cause_but_a_stop_of_the_server() -> None:
    causes = [str(code) for code in FailureCode if code is not FailureCode.SHUTDOWN]
    assert parse(retry={"attempts": 2, "on": causes}).retry.on == frozenset(causes)
    draft = parse_worker(
        {"command": ["a"], "retry": {"attempts": 2, "on": ["shutdown", "x"]}}, stem="x"
    )
    assert [mistake.path for mistake in draft.mistakes] == [("retry", "on", 0), ("retry", "on", 1)]
    assert "write lost" in draft.mistakes[0].message
    assert "shutdown" not in draft.mistakes[1].message


# ---------------------------------------------------------------------- who it is


@pytest.mark.parametrize(
    ("value", "umask"), [("027", 0o27), ("0027", 0o27), ("0o077", 0o77), ("000", 0), ("777", 0o777)]
)
def test_umask(value: str, umask: int) -> None:
    assert parse(umask=value).umask == umask


@pytest.mark.parametrize(
    "value", [27, 0o27, 77, "", "27", "0o27", "1777", "029", "u=rwx", "0x17", True, []]
)
def test_what_is_no_umask(value: Any) -> None:
    assert mistakes(umask=value) == {("umask",)}


def test_niceness_group_and_privileges() -> None:
    definition = parse(nice=19, group="staff", no_new_privs=True)
    assert (definition.nice, definition.group, definition.no_new_privs) == (19, "staff", True)
    assert (parse().nice, parse().group, parse().no_new_privs) == (0, None, False)
    assert parse(nice=-20).nice == -20


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("nice", 20),
        ("nice", -21),
        ("nice", "5"),
        ("group", ""),
        ("group", 100),
        ("no_new_privs", "yes"),
    ],
)
def test_what_is_none_of_these(key: str, value: Any) -> None:
    assert mistakes(**{key: value}) == {(key,)}
