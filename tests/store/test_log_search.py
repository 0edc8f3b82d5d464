"""Which lines of a log there are, and looking through them for a text."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasky.store import LogLine, LogReader, Stream, search
from tasky.store.log_writer import LogWriter, Segment


def write(folder: Path, *segments: tuple[Stream, bytes], limit: int = 1 << 20) -> LogReader:
    writer = LogWriter(str(folder), limit)
    for number, (stream, data) in enumerate(segments, 1):
        writer.write([Segment(stream, number, data)])
    writer.close()
    return LogReader(str(folder))


def shown(line: LogLine) -> str:
    return f"{line.level or ''} {line.text}"


def numbers(reader: LogReader, text: str, after: int = 0, limit: int = 10) -> tuple[list[int], int]:
    found = search(reader, text, shown, after=after, last=reader.last(), limit=limit)
    return [line.n for line in found.lines], found.searched


def test_what_is_looked_for_is_found_in_any_case_and_any_stream(tmp_path: Path) -> None:
    reader = write(
        tmp_path,
        (Stream.STDOUT, b"one\nTWO stra\xc3\x9fe\nthree\n"),
        (Stream.LOG, b'{"level":"warning","message":"tw\\u006f"}\n'),
        (Stream.STDERR, b"four \xff\nTwO\n"),
    )
    assert numbers(reader, "two") == ([2, 4, 6], 6)
    assert numbers(reader, "STRASSE") == ([2], 6)
    assert numbers(reader, "warning") == ([4], 6)
    assert numbers(reader, "\\xff") == ([5], 6)
    assert numbers(reader, "two", after=2) == ([4, 6], 6)
    assert numbers(reader, "one\ntwo") == ([], 6)
    assert numbers(reader, "message") == ([], 6)


def test_no_more_than_asked_for_and_it_says_how_far_it_came(tmp_path: Path) -> None:
    reader = write(tmp_path, (Stream.STDOUT, b"x 1\ny\nx 2\ny\nx 3\n"))
    assert numbers(reader, "x", limit=2) == ([1, 3], 3)
    assert numbers(reader, "x", after=4, limit=2) == ([5], 5)
    found = search(reader, "x", shown, after=1, last=4, limit=9)
    assert ([line.n for line in found.lines], found.searched) == ([3], 4)
    assert numbers(reader, "x", after=99) == ([], 99)


def test_a_large_log_is_looked_at_part_by_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasky.store.log_search._MOST", 1000)
    monkeypatch.setattr("tasky.store.log_search._FOUND", 300)
    lines = [b"%0100d\n" % number for number in range(1, 101)]
    reader = write(tmp_path, *((Stream.STDOUT, line) for line in lines))
    after, found, calls = 0, [], 0
    while after < 100:
        some, after = numbers(reader, "0", after)
        found += some
        calls += 1
    assert found == list(range(1, 101))
    assert calls > 20
    assert numbers(reader, "9" * 10) == ([], 5)


def test_an_empty_log_has_no_lines(tmp_path: Path) -> None:
    assert LogReader(str(tmp_path)).spans() == []
    assert numbers(LogReader(str(tmp_path)), "x") == ([], 0)


@pytest.mark.parametrize("limit", [300, 1000, 4000, 1 << 20])
def test_the_numbers_are_those_of_the_lines(tmp_path: Path, limit: int) -> None:
    lines = [(Stream.STDOUT, b"%d\n" % number) for number in range(1, 201)]
    reader = write(tmp_path, *lines, limit=limit)
    there = [line.n for line in reader.lines()]
    told = [n for first, last in reader.spans() for n in range(first, last + 1)]
    assert told == there
    assert len(reader.spans()) == (1 if limit > 1 << 19 else 2)
