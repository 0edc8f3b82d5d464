"""The queue and its writer: nobody waits, what is missing is told, what was said comes out in order."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from tasky.logs import Logs
from tasky.logs.sinks import Stream
from tests.helpers import PATIENCE, wait_for

log = logging.getLogger("tasky.test")


@pytest.fixture(autouse=True)
def _root() -> Iterator[None]:
    """The root logger and those that are made quieter, as they were."""
    names = ("", "waitress.queue", "watchdog")
    before = [(logging.getLogger(name), logging.getLogger(name).level) for name in names]
    handlers = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers[:] = handlers
    for logger, level in before:
        logger.setLevel(level)


class Held:
    """A sink that can be held, and can fail."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self.error: OSError | None = None

    def write(self, record: logging.LogRecord) -> None:
        self.entered.set()
        assert self.open.wait(PATIENCE)
        if self.error is not None:
            raise self.error
        self.lines.append(record.getMessage())

    def close(self) -> None:
        self.lines.append("closed")


def test_all_that_was_said_comes_out_in_order() -> None:
    sink = Held()
    with Logs("text", "info", sink):
        for number in range(1000):
            log.info("line %d", number)
        log.debug("not this")
    assert sink.lines == [*(f"line {number}" for number in range(1000)), "closed"]


def test_what_does_not_fit_is_dropped_and_told_where_it_is_missing() -> None:
    sink = Held()
    sink.open.clear()
    with Logs("text", "info", sink, lines=3):
        log.info("first")
        assert sink.entered.wait(PATIENCE)
        for number in range(10):
            log.info("line %d", number)
        sink.open.set()
        wait_for(lambda: "7 lines of the log were dropped" in sink.lines, "told at rest, too")
        log.info("last")
    told = [
        "first",
        "line 0",
        "line 1",
        "line 2",
        "7 lines of the log were dropped",
        "last",
        "closed",
    ]
    assert sink.lines == told


def test_one_that_was_dropped_at_the_end_is_told() -> None:
    sink = Held()
    sink.open.clear()
    with Logs("text", "info", sink, lines=1):
        log.info("first")
        assert sink.entered.wait(PATIENCE)
        log.info("second")
        log.info("third")
        sink.open.set()
    assert sink.lines == ["first", "second", "1 line of the log was dropped", "closed"]


def test_what_cannot_be_written_is_told_when_it_can() -> None:
    sink = Held()
    with Logs("text", "info", sink):
        sink.error = OSError(28, "No space left on device")
        for _ in range(3):
            sink.entered.clear()
            log.info("lost")
            assert sink.entered.wait(PATIENCE)
        sink.error = None
        log.info("found")
    assert sink.lines[-1] == "closed"
    assert "found" in sink.lines
    counts = [int(line.split()[0]) for line in sink.lines if "dropped" in line]
    assert sum(counts) + sink.lines.count("lost") == 3, "each of them is either told or written"


def test_a_reader_that_does_not_come_does_not_hold_the_end() -> None:
    sink = Held()
    sink.open.clear()
    with Logs("text", "info", sink, lines=2):
        for _ in range(5):
            log.info("line")
    assert "closed" not in sink.lines
    sink.open.set()
    wait_for(lambda: len(sink.lines) >= 3)
    log.info("after the end: nobody waits for that either")


def test_a_message_that_does_not_fit_its_arguments_is_said() -> None:
    sink = Held()
    with Logs("text", "info", sink):
        log.info("%d of %d", "one")
    assert sink.lines == ["%d of %d ('one',)", "closed"]


def test_a_thread_that_dies_is_in_the_log() -> None:
    sink = Held()

    def die() -> None:
        raise RuntimeError("dead")

    with Logs("text", "info", sink):
        thread = threading.Thread(target=die, name="some")
        thread.start()
        thread.join()
    assert sink.lines == ["the thread some has ended by an unexpected error", "closed"]


def test_a_traceback_is_made_where_it_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    with Logs("text", "info"):
        try:
            raise RuntimeError("a\n2026-11-25T00:00:00.000Z INFO    forged")
        except RuntimeError:
            log.exception("failed")
    first, *rest = stderr.getvalue().splitlines()
    assert first.endswith("ERROR   failed")
    assert all(line.startswith("    | ") for line in rest)
    assert rest[-1] == "    | 2026-11-25T00:00:00.000Z INFO    forged"


def test_no_stderr_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number 2 is somebody else's then."""
    monkeypatch.setattr(sys, "stderr", None)
    with Logs("text", "info"):
        log.info("to nobody")


def test_a_pipe_that_others_have_made_non_blocking() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    lines = 400
    got: list[bytes] = []

    def drain() -> None:
        with os.fdopen(read, "rb") as file:
            got.extend(file)

    with os.fdopen(write, "w") as stream:
        reader = threading.Thread(target=drain)
        with Logs("text", "info", Stream(stream)):
            for _ in range(lines):
                log.info("x" * 1000)
            reader.start()
    reader.join()
    assert len(got) == lines
    assert {len(line) for line in got} == {len(got[0])}
