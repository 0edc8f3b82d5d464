"""A task's log: its files, and reading them.

`log` holds the bytes as they came, in the order of their arrival, and can be read with any tool. Beside it,
`log.index` has one record for each segment: whole lines of one stream that arrived together. Lines count from 1 over
all streams. When `log` is full, `log.1`, `log.2`, ... follow, of which the last two are kept; what a gap between them
held is told by one line in its place.

A reader believes the index only, and data is written before its record: a log can be read while it grows.
"""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
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

    @property
    def last(self) -> int:
        return self.first + self.lines - 1


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `text` has no line end; bytes that are not UTF-8 are escaped (\\xff). `fields` are the further
    members of a log message, `level` its level."""

    n: int
    time: int
    stream: Stream
    text: str
    level: str | None = None
    fields: dict[str, Any] | None = None


STREAMS: Final = tuple(Stream)
RECORD: Final = struct.Struct("<QQqQIB3x")
_PART: Final = re.compile(r"log(?:\.(\d+))?\.index", re.ASCII)
_CHUNK: Final = 64 << 10
_RECORDS: Final = 256  # read at once


def part_names(number: int) -> tuple[str, str]:
    """The names of a part's data and index; part 0 is the head."""
    data = f"log.{number}" if number else "log"
    return data, f"{data}.index"


def part_numbers(folder: Path | str) -> list[int]:
    """The parts that exist, in order."""
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except FileNotFoundError:
        return []
    found = (_PART.fullmatch(name) for name in names)
    return sorted(int(match[1] or 0) for match in found if match is not None)


class LogReader:
    """Reads the log of the task whose folder this is, as far as it goes at that moment."""

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder

    def last(self) -> int:
        """The number of the last line; 0 where there is none."""
        for number in reversed(part_numbers(self._folder)):
            with _Part(self._folder, number) as part:
                if part.count:
                    return part.record(part.count - 1).last
        return 0

    def lines(
        self, after: int = 0, tail: int | None = None, limit: int | None = None
    ) -> Iterator[LogLine]:
        """The lines behind number `after`; with `tail` the last so many of them, with `limit` the first so many."""
        if tail is not None:
            after = max(after, self.last() - tail)
        for count, line in enumerate(self._lines(after), 1):
            if limit is not None and count > limit:
                return
            yield line

    def stdout(self, limit: int) -> tuple[bytes, bool]:
        """The first bytes of the stream stdout, and whether there is more of it."""
        pieces: list[bytes] = []
        room = limit
        for number in part_numbers(self._folder):
            with _Part(self._folder, number) as part:
                for record in part.records(0):
                    if STREAMS[record.stream] is not Stream.STDOUT:
                        continue
                    if record.length > room:
                        pieces.append(part.data(record.offset, room))
                        return b"".join(pieces), True
                    pieces.append(part.data(record.offset, record.length))
                    room -= record.length
        return b"".join(pieces), False

    def _lines(self, after: int) -> Iterator[LogLine]:
        seen = 0  # the last line of the part before
        for number in part_numbers(self._folder):
            with _Part(self._folder, number) as part:
                if not part.count:
                    continue
                begin = part.record(0)
                if begin.first > seen + 1 and begin.first - 1 > after:
                    yield _gap(seen + 1, begin)
                seen = part.record(part.count - 1).last
                if seen > after:
                    yield from part.lines(after)


def _gap(first: int, behind: Record) -> LogLine:
    last = behind.first - 1
    text = f"… lines {first} to {last} were dropped: the log is over its limit …"
    return LogLine(last, behind.time, Stream.TASKY, text)


class _Part:
    """A data file and its index, as they are now. One that is removed meanwhile is empty."""

    def __init__(self, folder: Path, number: int) -> None:
        data, index = part_names(number)
        self._fds: list[int] = []
        self.count = 0
        try:
            for name in (data, index):
                self._fds.append(os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
        except FileNotFoundError:
            return
        self.count = os.fstat(self._fds[1]).st_size // RECORD.size

    def __enter__(self) -> _Part:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._fds:
            os.close(fd)

    def record(self, place: int) -> Record:
        return Record._make(RECORD.unpack(os.pread(self._fds[1], RECORD.size, place * RECORD.size)))

    def records(self, place: int) -> Iterator[Record]:
        while place < self.count:
            wanted = min(_RECORDS, self.count - place) * RECORD.size
            yield from map(
                Record._make,
                RECORD.iter_unpack(os.pread(self._fds[1], wanted, place * RECORD.size)),
            )
            place += _RECORDS

    def data(self, offset: int, length: int) -> bytes:
        return os.pread(self._fds[0], length, offset)

    def lines(self, after: int) -> Iterator[LogLine]:
        for record in self.records(self._place(after)):
            stream = STREAMS[record.stream]
            for n, line in enumerate(self._split(record), record.first):
                if n > after:
                    yield _line(n, record.time, stream, line)

    def _place(self, after: int) -> int:
        """The first record with a line behind `after`."""
        low, high = 0, self.count
        while low < high:
            middle = (low + high) // 2
            if self.record(middle).last > after:
                high = middle
            else:
                low = middle + 1
        return low

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


def _line(n: int, time: int, stream: Stream, line: bytes) -> LogLine:
    if stream is Stream.LOG:
        try:
            message = json.loads(line)
            level, text = str(message.pop("level")), str(message.pop("message"))
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # not as the supervisor writes it: shown as it is
        else:
            return LogLine(n, time, stream, text, level, message)
    return LogLine(n, time, stream, line.decode("utf-8", "backslashreplace"))
