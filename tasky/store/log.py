"""A task's log: its files, and reading them.

`log` holds the bytes as they came, in the order of their arrival, and can be read with any tool. Beside it,
`log.index` has one record for each segment: whole lines of one stream that arrived together. Lines count from 1 over
all streams and all attempts of the task. When `log` is full, `log.1`, `log.2`, ... follow, of which the last two are
kept; what a gap between them held is told by one line in its place. `log_writer` says what is kept of several attempts.

A reader believes the index only, and data is written before its record: a log can be read while it grows.
"""

from __future__ import annotations

import json
import os
import re
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, Final, NamedTuple


class Stream(StrEnum):
    """Where a line came from."""

    STDOUT = "stdout"
    STDERR = "stderr"
    LOG = "log"  #: a log message of the worker: the line is its JSON object
    TASKY = "tasky"  #: a note of the supervisor


class Record(NamedTuple):
    """One segment: `lines` lines from number `first` on, `length` bytes from `offset` on."""

    first: int
    offset: int
    time: int
    length: int
    lines: int
    stream: int  # the place in STREAMS
    tried: int  # the attempt; servers before there was retry wrote 0

    @property
    def last(self) -> int:
        return self.first + self.lines - 1

    @property
    def attempt(self) -> int:
        return self.tried or 1


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `text` has no line end; bytes that are not UTF-8 are escaped (\\xff). `fields` are the further
    members of a log message, `level` its level; `length` is that of a text of which only the beginning is here."""

    n: int
    time: int
    stream: Stream
    text: str
    level: str | None = None
    fields: dict[str, Any] | None = None
    attempt: int = 1
    length: int | None = None


STREAMS: Final = tuple(Stream)
RECORD: Final = struct.Struct("<QQqQIBB2x")
_PART: Final = re.compile(r"log(?:\.(\d+))?\.index", re.ASCII)
# O_NONBLOCK: should a worker have put a FIFO there, nobody waits for its other end.
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_CHUNK: Final = 64 << 10
_RECORDS: Final = 256  # read at once


def part_names(number: int) -> tuple[str, str]:
    """The names of a part's data and index; part 0 is the head."""
    data = f"log.{number}" if number else "log"
    return data, f"{data}.index"


def part_numbers(folder: str) -> list[int]:
    """The parts that exist, in order."""
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except FileNotFoundError:
        return []
    found = (_PART.fullmatch(name) for name in names)
    return sorted(int(match[1] or 0) for match in found if match is not None)


def first_part(folder: str, attempt: int) -> int | None:
    """The number of the first part that has lines of this attempt, or a later one."""
    for number in part_numbers(folder):
        with _part(folder, number) as part:
            if part is not None and part.record(part.count - 1).attempt >= attempt:
                return number
    return None


def sound_records(index: int) -> tuple[int, Record | None]:
    """How many records an index has, and the last. A power loss may have left less than a record at its end, or
    zeros."""
    count = os.fstat(index).st_size // RECORD.size
    while count:
        record = _unpack(os.pread(index, RECORD.size, (count - 1) * RECORD.size))
        if record.lines and record.stream < len(STREAMS):
            return count, record
        count -= 1
    return 0, None


def _unpack(data: bytes) -> Record:
    # One that is cut off while it is read is as good as zeros: no line is in it.
    return Record._make(RECORD.unpack(data.ljust(RECORD.size, b"\0")))


class LogReader:
    """Reads the log of the task whose folder this is, as far as it goes at that moment."""

    def __init__(self, folder: str) -> None:
        self._folder: Final = folder

    def last(self) -> int:
        """The number of the last line; 0 where there is none."""
        for number in reversed(part_numbers(self._folder)):
            with _part(self._folder, number) as part:
                if part is not None:
                    return part.last
        return 0

    def lines(
        self, after: int = 0, tail: int | None = None, limit: int | None = None
    ) -> Iterator[LogLine]:
        """The lines behind number `after`; with `tail` the last so many of them, with `limit` the first so many."""
        if tail is not None:
            after = max(after, self.last() - tail)
        return islice(self._lines(after), limit)

    def span(self, attempt: int) -> tuple[int, int]:
        """Where an attempt's lines are: behind the first number, up to the second. What was dropped between them and
        those of another attempt is within."""
        before = last = 0
        for part in self._parts():
            first, behind = part.place(attempt), part.place(attempt + 1)
            if first:
                before = part.record(first - 1).last
            if behind < part.count:
                return before, part.record(behind).first - 1
            last = part.last
        return before, last

    def stdout(self, limit: int, attempt: int = 1) -> tuple[bytes, bool]:
        """The first bytes of the stream stdout of the latest attempt, and whether there was more of it (or may have
        been, in a gap). Its beginning is always there."""
        pieces: list[bytes] = []
        seen: int | None = None  # the last line so far
        for part in self._parts():
            for record in part.records(part.place(attempt)):
                if seen is not None and record.first > seen + 1:
                    return b"".join(pieces), True
                seen = record.last
                if STREAMS[record.stream] is Stream.STDOUT:
                    pieces.append(part.data(record.offset, min(record.length, limit)))
                    if record.length > limit:
                        return b"".join(pieces), True
                    limit -= record.length
        return b"".join(pieces), False

    def spans(self) -> list[tuple[int, int]]:
        """The numbers of all lines that there are: from the first to the second of each pair. The line that stands for
        those that were dropped is one of them."""
        found: list[tuple[int, int]] = []
        for part in self._parts():
            before = found[-1][1] if found else 0
            first = part.record(0).first
            if first > before + 1:
                first -= 1
            if found and first == before + 1:
                first = found.pop()[0]
            found.append((first, part.last))
        return found

    def pieces(self, after: int) -> Iterator[Piece]:
        """What is stored, as it arrived, from where line `after` is on. Nothing stands for what was dropped."""
        for part in self._parts():
            if part.last > after:
                for record in part.records(part.place_behind(after)):
                    yield Piece(part, record)

    def _lines(self, after: int) -> Iterator[LogLine]:
        seen = 0  # the last line of the part before
        for part in self._parts():
            begin = part.record(0)
            if begin.first > seen + 1 and begin.first - 1 > after:
                yield _gap(seen + 1, begin)
            seen = part.last
            if seen > after:
                yield from part.lines(after)

    def _parts(self) -> Iterator[_Part]:
        for number in part_numbers(self._folder):
            with _part(self._folder, number) as part:
                if part is not None:
                    yield part


def _gap(first: int, behind: Record) -> LogLine:
    last = behind.first - 1
    text = f"… lines {first} to {last} were dropped: the log is over its limit …"
    return LogLine(last, behind.time, Stream.TASKY, text, attempt=behind.attempt)


@contextmanager
def _part(folder: str, number: int) -> Iterator[_Part | None]:
    """A part as it is now; None where it is empty, or was removed meanwhile."""
    with ExitStack() as opened:
        try:
            data, index = [_open(f"{folder}/{name}", opened) for name in part_names(number)]
        except FileNotFoundError:
            part = None
        else:
            count, last = sound_records(index)
            part = _Part(data, index, count, last.last) if last is not None else None
        yield part


def _open(path: str, opened: ExitStack) -> int:
    fd = os.open(path, _READ)
    opened.callback(os.close, fd)
    return fd


@dataclass(frozen=True, slots=True)
class _Part:
    """A data file and its index (descriptors), which has `count` records; `last` is the last line's number."""

    text: int
    index: int
    count: int
    last: int

    def record(self, place: int) -> Record:
        return _unpack(os.pread(self.index, RECORD.size, place * RECORD.size))

    def records(self, place: int) -> Iterator[Record]:
        while place < self.count:
            wanted = min(_RECORDS, self.count - place) * RECORD.size
            found = os.pread(self.index, wanted, place * RECORD.size)
            whole = len(found) // RECORD.size * RECORD.size
            yield from map(Record._make, RECORD.iter_unpack(found[:whole]))
            place += _RECORDS

    def place(self, attempt: int) -> int:
        """Of its first record, or that of a later one; `count` where there is none."""
        return bisect_left(range(self.count), attempt, key=lambda place: self.record(place).attempt)

    def data(self, offset: int, length: int) -> bytes:
        return os.pread(self.text, length, offset)

    def place_behind(self, after: int) -> int:
        """Of the first record that has lines behind number `after`."""
        return bisect_right(range(self.count), after, key=lambda place: self.record(place).last)

    def lines(self, after: int) -> Iterator[LogLine]:
        """The lines behind number `after`."""
        for record in self.records(self.place_behind(after)):
            for line in self.lines_of(record):
                if line.n > after:
                    yield line

    def lines_of(self, record: Record) -> Iterator[LogLine]:
        for n, line in enumerate(self._split(record), record.first):
            yield _line(n, record, line)

    def _split(self, record: Record) -> Iterator[bytes]:
        carry: list[bytes] = []
        offset, end = record.offset, record.offset + record.length
        while offset < end:
            chunk = self.data(offset, min(_CHUNK, end - offset))
            if not chunk:
                return  # a power loss took data whose record was left
            offset += len(chunk)
            first, *lines = chunk.split(b"\n")
            carry.append(first)
            for line in lines:
                yield b"".join(carry)
                carry = [line]


class Piece:
    """A segment, whose bytes are read when they are asked for."""

    def __init__(self, part: _Part, record: Record) -> None:
        self._part: Final = part
        self._record: Final = record
        self.first: Final = record.first
        self.last: Final = record.last
        self.length: Final = record.length
        self.stream: Final = STREAMS[record.stream]

    def text(self) -> str:
        data = self._part.data(self._record.offset, self._record.length)
        return data.decode("utf-8", "backslashreplace")

    def lines(self) -> Iterator[LogLine]:
        return self._part.lines_of(self._record)


def _line(n: int, record: Record, line: bytes) -> LogLine:
    stream, time, attempt = STREAMS[record.stream], record.time, record.attempt
    if stream is Stream.LOG:
        try:
            message = json.loads(line)
            level, text = str(message.pop("level")), str(message.pop("message"))
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # not as the supervisor writes it: shown as it is
        else:
            return LogLine(n, time, stream, text, level, message, attempt)
    text = line.decode("utf-8", "backslashreplace")
    return LogLine(n, time, stream, text, attempt=attempt)
