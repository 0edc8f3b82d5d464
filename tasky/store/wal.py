"""Whether SQLite's write-ahead log still has what was committed (https://sqlite.org/fileformat2.html#walformat).

SQLite takes a log as far as its checksums hold and ignores the rest in silence: after a power loss that is right, what
is missing was never synced. After the death of a process it is not: then the log is as it was left, and tasks that were
answered would be gone. How far it must go is told by its index, the -shm file, which outlives the process.

These files are read before any connection exists: closing a descriptor of them would drop SQLite's locks.
"""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Final, NamedTuple

_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_MAGIC: Final = (0x377F0682, 0x377F0683)  # the words of a checksum are little-endian, big-endian
#: Version, unused, change, is it initialized, checksum's order, page size, last frame, pages, two checksums; the salts.
_INDEX: Final = struct.Struct("=3I2BH2I8s8s8x")
_WORD: Final = 0xFFFFFFFF


class _Sum(NamedTuple):
    one: int = 0
    two: int = 0

    def over(self, data: bytes, order: str) -> _Sum:
        """The checksum goes on over `data`: an even number of words."""
        one, two = self
        words = struct.unpack(f"{order}{len(data) // 4}I", data)
        for first, second in zip(words[::2], words[1::2], strict=True):
            one = (one + first + two) & _WORD
            two = (two + second + one) & _WORD
        return _Sum(one, two)


def missing(database: Path, seconds: float, *, index_holds: bool) -> str | None:
    """What is wrong with the log of a database that nobody has opened; None if nothing is to be seen within `seconds`.
    `index_holds`: its last user died on this boot of the machine, so what the index says is true."""
    log = database.with_name(f"{database.name}-wal")
    data = log.read_bytes() if log.is_file() else b""
    if len(data) > _HEADER.size and not _has_header(data):
        return f"the header of {log.name} is damaged"
    frames, salts = _committed(database) if index_holds else (0, b"")
    if not frames:
        return None
    if len(data) <= _HEADER.size:
        return f"{log.name} is missing, or empty: {frames} pages that were written are lost"
    if data[16:24] != salts:
        return f"{log.name} is not the one that was written last"
    sound = _sound(data, frames, time.monotonic() + seconds)
    return None if sound == frames else f"{log.name} is damaged: behind page {sound} of {frames}"


def _has_header(data: bytes) -> bool:
    magic, *_, one, two = _HEADER.unpack_from(data)
    return magic in _MAGIC and _Sum().over(data[:24], _order(magic)) == (one, two)


def _order(magic: int) -> str:
    return "<" if magic == _MAGIC[0] else ">"


def _committed(database: Path) -> tuple[int, bytes]:
    """How many frames the index says are committed, and the salts of their log; 0 where it says nothing."""
    index = database.with_name(f"{database.name}-shm")
    data = index.read_bytes()[: 2 * _INDEX.size] if index.is_file() else b""
    if len(data) < 2 * _INDEX.size or data[: _INDEX.size] != data[_INDEX.size :]:
        return 0, b""  # one of the two copies is always whole; this was caught in between
    _, _, _, initialized, _, _, frames, _, _, salts = _INDEX.unpack_from(data)
    return (frames, salts) if initialized else (0, b"")


def _sound(data: bytes, frames: int, deadline: float) -> int:
    """How many of the first `frames` frames are as they were written; those that there is no time for count as such."""
    magic, _, page, *_ = _HEADER.unpack_from(data)
    order, total, place = _order(magic), _Sum(*_HEADER.unpack_from(data)[6:]), _HEADER.size
    for number in range(frames):
        if time.monotonic() > deadline:
            break
        end = place + _FRAME.size + page
        if end > len(data):
            return number
        *_, one, two = _FRAME.unpack_from(data, place)
        total = total.over(data[place : place + 8] + data[place + _FRAME.size : end], order)
        if data[place + 8 : place + 16] != data[16:24] or total != (one, two):
            return number
        place = end
    return frames
