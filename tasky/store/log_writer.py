"""Writing a task's log; see `log` for its files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from .log import RECORD, STREAMS, LogReader, Record, Stream, part_names, part_numbers

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_MERGED: Final = 64 << 10  # bytes of segments that become one: what a reader scans to find a line in it
_TAILS: Final = 2  # tail files that are kept


class Segment(NamedTuple):
    """What arrived on one stream at one time: whole lines."""

    stream: Stream
    time: int
    data: bytes


class LogWriter:
    """Appends to a log, and continues one that exists. Its size stays within `max_log`: half of it for the head, the
    rest for the newest lines."""

    def __init__(self, folder: Path | str, max_log: int) -> None:
        self._folder: Final = folder
        self._max_log: Final = max_log
        numbers = part_numbers(folder)
        self._part = _Part(folder, numbers[-1] if numbers else 0)
        self.last = self._part.last or LogReader(Path(folder)).last()  # the number of the last line
        self._lost = 0

    def write(self, segments: Iterable[Segment]) -> None:
        """Append; OSError if something was not written. The log is sound then, and tells the loss when it can."""
        pending = list(_merged(segments))
        if self._lost:
            text = f"… {self._lost} lines were lost: they could not be written …\n"
            pending.insert(0, Segment(Stream.TASKY, pending[0].time, text.encode()))
        lost, self._lost = self._lost, 0
        while pending:
            try:
                self._append(pending)
            except OSError:
                own = lost and pending[0].data.startswith("…".encode())
                self._lost = lost if own else 0
                self._lost += sum(_lines(segment.data) for segment in pending[1 if own else 0 :])
                raise

    def close(self) -> None:
        self._part.close()

    def _append(self, pending: list[Segment]) -> None:
        """Write as many of the segments as fit into this part, one at least."""
        room = self._max_log // (4 if self._part.number else 2) - self._part.size
        if self._part.size and len(pending[0].data) + RECORD.size > room:
            self._turn()
            room = self._max_log // 4
        fit = 1
        room -= len(pending[0].data) + RECORD.size
        for segment in pending[1:]:
            room -= len(segment.data) + RECORD.size
            if room < 0:
                break
            fit += 1
        self.last = self._part.append(pending[:fit], self.last)
        del pending[:fit]

    def _turn(self) -> None:
        """Go on in a new part, and drop the oldest tail."""
        part = _Part(self._folder, self._part.number + 1)
        self._part.close()
        self._part = part
        dropped = part.number - _TAILS
        if dropped > 0:
            for name in reversed(part_names(dropped)):
                os.unlink(f"{self._folder}/{name}")  # noqa: PTH108


def _merged(segments: Iterable[Segment]) -> Iterable[Segment]:
    """Neighbours of the same stream as one, with the time of the first."""
    stream, time, pieces, size = Stream.TASKY, 0, list[bytes](), 0
    for segment in segments:
        data = segment.data if segment.data.endswith(b"\n") else segment.data + b"\n"
        if pieces and (segment.stream is not stream or size + len(data) > _MERGED):
            yield Segment(stream, time, b"".join(pieces))
            pieces, size = [], 0
        if not pieces:
            stream, time = segment.stream, segment.time
        pieces.append(data)
        size += len(data)
    if pieces:
        yield Segment(stream, time, b"".join(pieces))


def _lines(data: bytes) -> int:
    return data.count(b"\n")


class _Part:
    """A data file and its index, open to append. What was written without its record is cut off."""

    def __init__(self, folder: Path | str, number: int) -> None:
        self.number: Final = number
        self._data, self._index = _open_both(*(f"{folder}/{name}" for name in part_names(number)))
        records = os.fstat(self._index).st_size // RECORD.size
        self._index_size = records * RECORD.size
        self._data_size = self.last = 0
        if records:
            place = self._index_size - RECORD.size
            record = Record._make(RECORD.unpack(os.pread(self._index, RECORD.size, place)))
            self._data_size, self.last = record.offset + record.length, record.last
        self._cut()

    @property
    def size(self) -> int:
        return self._data_size + self._index_size

    def append(self, segments: list[Segment], last: int) -> int:
        """Write the segments behind line `last`; gives the new last line. All or nothing."""
        records = []
        offset = self._data_size
        for stream, time, data in segments:
            lines = _lines(data)
            records.append(
                RECORD.pack(last + 1, offset, time, len(data), lines, STREAMS.index(stream))
            )
            offset += len(data)
            last += lines
        try:
            _write(self._data, b"".join(segment.data for segment in segments), self._data_size)
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

    def _cut(self) -> None:
        os.ftruncate(self._index, self._index_size)
        os.ftruncate(self._data, self._data_size)


def _open_both(data: str, index: str) -> tuple[int, int]:
    first = os.open(data, _FLAGS, 0o600)
    try:
        return first, os.open(index, _FLAGS, 0o600)
    except OSError:
        os.close(first)
        raise


def _write(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written
