"""Writing a task's log; see `log` for its files.

Each attempt has the bound for itself: half of it for the beginning of what it says, the rest for the newest lines. Of
all attempts before it, together, as much is kept again, the newest of it: so whatever one of them wrote, the log of the
next one, and that of the last one before it, are as they would be alone.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from typing import Final, NamedTuple

from ..crash import Point, crash_at
from .folders import make_private
from .log import (
    RECORD,
    STREAMS,
    LogReader,
    Stream,
    first_part,
    part_names,
    part_numbers,
    sound_records,
)

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_MERGED: Final = 64 << 10  # bytes of segments that become one, to be read as a whole
_TAILS: Final = 2  # tail files that are kept
#: An attempt begins in the part of the one before it, if that is no more than this fraction of the bound.
_SMALL: Final = 16
_LAST_ATTEMPT: Final = 255  # that fits into a record


class Segment(NamedTuple):
    """What arrived on one stream at one time: whole lines."""

    stream: Stream
    time: int
    data: bytes


class LogWriter:
    """Appends what one attempt says to a log, and continues one that exists. Its folder is made and its files are
    opened by the first write, and opened again by one that follows `close`. Half of `max_log` bytes is for the head,
    the rest for the newest lines; only a segment that is too big by itself makes them more.

    `lost` lines could not be written and the log does not say so yet; `complete` means that none ever was lost.
    """

    def __init__(self, folder: str, max_log: int, attempt: int = 1) -> None:
        self._folder: Final = folder
        self._max_log: Final = max_log
        self.attempt: Final = min(attempt, _LAST_ATTEMPT)
        self._head: int | None = None  # the part in which the attempt begins
        self._part: _Part | None = None
        self._last = 0  # the number of the last line
        self.lost = 0
        self.complete = True

    def write(self, segments: Iterable[Segment]) -> None:
        """Append; OSError if something was not written. The log is sound then, and tells the loss when it can."""
        note = self._loss()
        pending = [*note, *_merged(segments)]
        lost, self.lost = self.lost, 0
        try:
            while pending:
                self._append(pending)
        except OSError:
            self.complete = False
            if note and pending[0] is note[0]:
                self.lost = lost
                del pending[0]
            self.lost += sum(_lines(segment.data) for segment in pending)
            raise

    def lose(self, segments: Iterable[Segment]) -> None:
        """They are not written."""
        self.complete = False
        self.lost += sum(_lines(segment.data) for segment in _merged(segments))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.write(())  # a loss that is not told yet
        if self._part is not None:
            self._part.close()
            self._part = None

    def _loss(self) -> list[Segment]:
        if not self.lost:
            return []
        text = f"… lines that could not be written were lost: {self.lost} …\n"
        return [Segment(Stream.TASKY, time.time_ns(), text.encode())]

    def _append(self, pending: list[Segment]) -> None:
        """Write as many of the segments as fit into this part, one at least."""
        part = self._part or self._open()
        room = self._max_log // (2 if part.number == self._head else 4) - part.size
        if part.size and len(pending[0].data) + RECORD.size > room:
            part = self._turn(part)
            room = self._max_log // 4
        fit = 1
        room -= len(pending[0].data) + RECORD.size
        for segment in pending[1:]:
            room -= len(segment.data) + RECORD.size
            if room < 0:
                break
            fit += 1
        self._last = part.append(pending[:fit], self._last, self.attempt)
        del pending[:fit]

    def _open(self) -> _Part:
        """The part to go on with. Most logs are new: those are not looked for."""
        make_private(self._folder)
        if self.attempt == 1 and self._head is None:
            with contextlib.suppress(FileExistsError):
                self._part = _Part(self._folder, 0, os.O_EXCL)
                self._head = 0
                return self._part
        numbers = part_numbers(self._folder)
        part = self._part = _Part(self._folder, numbers[-1] if numbers else 0)
        self._last = part.last or LogReader(self._folder).last()
        return part if self._head is not None else self._begin(part)

    def _begin(self, part: _Part) -> _Part:
        """The part where the attempt begins; or goes on, if it began before a restart of the server."""
        self._head = first_part(self._folder, self.attempt)
        if self._head is None:
            self._head = part.number
            if part.size > self._max_log // _SMALL:
                self._head += 1
                part = self._turn(part)
            self._thin()
        return part

    def _thin(self) -> None:
        """Drop what is too much of the attempts before, the oldest first."""
        room = self._max_log
        for number in reversed(part_numbers(self._folder)):
            if self._head is not None and number < self._head:
                room -= self._size(number)
                if room < 0:
                    self._drop(number)

    def _size(self, number: int) -> int:
        return sum(os.stat(f"{self._folder}/{name}").st_size for name in part_names(number))  # noqa: PTH116

    def _drop(self, number: int) -> None:
        for name in reversed(part_names(number)):  # the index first: a reader believes it
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self._folder}/{name}")  # noqa: PTH108

    def _turn(self, full: _Part) -> _Part:
        """Go on in a new part, and drop the oldest tail."""
        part = self._part = _Part(self._folder, full.number + 1)
        full.close()
        for number in part_numbers(self._folder):
            if (self._head or 0) < number <= part.number - _TAILS:
                self._drop(number)
        return part


def _merged(segments: Iterable[Segment]) -> Iterable[Segment]:
    """Neighbours of the same stream as one, with the time of the first."""
    stream, when, pieces, size = Stream.TASKY, 0, list[bytes](), 0
    for segment in segments:
        data = segment.data if segment.data.endswith(b"\n") else segment.data + b"\n"
        if pieces and (segment.stream is not stream or size + len(data) > _MERGED):
            yield Segment(stream, when, b"".join(pieces))
            pieces, size = [], 0
        if not pieces:
            stream, when = segment.stream, segment.time
        pieces.append(data)
        size += len(data)
    if pieces:
        yield Segment(stream, when, b"".join(pieces))


def _lines(data: bytes) -> int:
    """By `replace`, which finds newlines with memchr: `count` looks at each byte, at a third of the pace."""
    return len(data) - len(data.replace(b"\n", b""))


class _Part:
    """A data file and its index, open to append. What was written without its record is cut off."""

    def __init__(self, folder: str, number: int, flags: int = 0) -> None:
        self.number: Final = number
        self._data, self._index = _open_both(folder, number, _FLAGS | flags)
        self._data_size = self._index_size = self.last = 0
        if not flags & os.O_EXCL:
            try:
                self._continue()
            except OSError:
                self.close()
                raise

    @property
    def size(self) -> int:
        return self._data_size + self._index_size

    def append(self, segments: list[Segment], last: int, attempt: int) -> int:
        """Write the segments behind line `last`; gives the new last line. All or nothing."""
        records = []
        offset = self._data_size
        for stream, when, data in segments:
            lines = _lines(data)
            place = STREAMS.index(stream)
            records.append(RECORD.pack(last + 1, offset, when, len(data), lines, place, attempt))
            offset += len(data)
            last += lines
        try:
            _write(self._data, b"".join(segment.data for segment in segments), self._data_size)
            crash_at(Point.LOG_HALF)
            _write(self._index, b"".join(records), self._index_size)
        except OSError:
            self._cut()
            raise
        self._data_size = offset
        self._index_size += len(records) * RECORD.size
        return last

    def close(self) -> None:
        os.close(self._data)
        os.close(self._index)

    def _continue(self) -> None:
        records, record = sound_records(self._index)
        self._index_size = records * RECORD.size
        if record is not None:
            self._data_size, self.last = record.offset + record.length, record.last
        self._cut()

    def _cut(self) -> None:
        os.ftruncate(self._index, self._index_size)
        os.ftruncate(self._data, self._data_size)


def _open_both(folder: str, number: int, flags: int) -> tuple[int, int]:
    data, index = (f"{folder}/{name}" for name in part_names(number))
    first = os.open(data, flags, 0o600)
    try:
        return first, os.open(index, flags, 0o600)
    except OSError:
        os.close(first)
        raise


def _write(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written
