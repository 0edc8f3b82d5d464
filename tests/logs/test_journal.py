"""Entries of the journal, received by a datagram socket as systemd-journald does."""

from __future__ import annotations

import fcntl
import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasky.logs.journal import entry
from tasky.logs.sinks import JournalSink, is_journal
from tests.logs.receiver import Receiver, parse
from tests.logs.records import record, with_traceback


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Receiver]:
    with Receiver(tmp_path / "socket") as receiver:
        yield receiver


@pytest.fixture
def sink(journal: Receiver) -> Iterator[JournalSink]:
    sink = JournalSink(None, journal.path)
    yield sink
    sink.close()


def test_the_fields(journal: Receiver, sink: JournalSink) -> None:
    sink.write(record("it ends", logging.WARNING, task="t", worker="w", client="c", status=200))
    (found, as_file) = journal.receive()
    assert not as_file
    assert found == {
        "MESSAGE": "it ends",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "tasky",
        "CODE_FILE": record.__code__.co_filename,
        "CODE_LINE": "7",
        "CODE_FUNC": "func",
        "TASKY_LOGGER": "tasky.test",
        "TASKY_THREAD": "MainThread",
        "TASKY_TASK_ID": "t",
        "TASKY_WORKER": "w",
        "TASKY_CLIENT": "c",
        "TASKY_STATUS": "200",
    }


def test_values_of_several_lines(journal: Receiver, sink: JournalSink) -> None:
    sink.write(with_traceback("a\nPRIORITY=0", "b\nPRIORITY=0"))
    message = journal.receive()[0]["MESSAGE"].split("\n")
    assert message[:2] == [r"a\x0aPRIORITY=0", "Traceback (most recent call last):"]
    assert message[-2:] == ["RuntimeError: b", "PRIORITY=0"]


@pytest.mark.parametrize("value", ["a\nPRIORITY=0\nb", "\n", "x=\udc80", "\0"])
def test_no_value_forges_a_field(value: str) -> None:
    found = parse(entry(record("m", client=value)))
    assert found["TASKY_CLIENT"] == value.encode("utf-8", "backslashreplace").decode()
    assert found["PRIORITY"] == "3"


def test_a_name_that_the_journal_would_not_take_is_left_out() -> None:
    assert not any("+" in name for name in parse(entry(record("m", **{"a+b": "x"}))))


def test_what_is_too_large_goes_as_a_sealed_file(journal: Receiver, sink: JournalSink) -> None:
    sink.write(record("x" * 1_000_000, task="t"))
    found, as_file = journal.receive()
    assert as_file
    assert (found["MESSAGE"], found["TASKY_TASK_ID"]) == ("x" * 1_000_000, "t")
    wanted = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    assert journal.seals == wanted


def test_without_a_journal_it_is_on_stderr_until_there_is_one(tmp_path: Path) -> None:
    stderr = io.StringIO()
    sink = JournalSink(stderr, tmp_path / "socket")
    try:
        sink.write(record("one", logging.WARNING, task="t"))
        with Receiver(tmp_path / "socket") as journal:
            sink.write(record("two"))
            assert journal.receive()[0]["MESSAGE"] == "two"
        sink.write(record("three"))
    finally:
        sink.close()
    assert stderr.getvalue() == "<4>one task=t\n<3>three\n"


def test_whether_stderr_is_the_journal() -> None:
    read, write = os.pipe()
    try:
        found = os.fstat(write)
        own = f"{found.st_dev}:{found.st_ino}"
        assert is_journal(write, {"JOURNAL_STREAM": own})
        for value in (
            f"{found.st_dev}:{found.st_ino + 1}",
            f"1{own}",
            "",
            ":",
            "x:y",
            f"{own}:",
            "²:1",
        ):
            assert not is_journal(write, {"JOURNAL_STREAM": value}), value
        assert not is_journal(write, {})
        assert not is_journal(None, {"JOURNAL_STREAM": own})
    finally:
        os.close(read)
        os.close(write)
    assert not is_journal(write, {"JOURNAL_STREAM": own}), "closed"
