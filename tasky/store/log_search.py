"""Looking through a log for a text.

A log can be large, and whoever looks should hear soon what was found so far: one call looks at a bounded part of it,
and says how far it has come.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from .log import LogLine, LogReader, Stream

#: Bytes of a log that one call looks at.
_MOST: Final = 8 << 20
#: Bytes of lines that one call gives, after the first of them.
_FOUND: Final = 1 << 20
#: What a segment costs besides its bytes: many small ones take time, too.
_SEGMENT: Final = 100


@dataclass(slots=True)
class Found:
    """The lines, and the number of the last one that was looked at."""

    searched: int
    lines: list[LogLine] = field(default_factory=list)


def search(
    reader: LogReader,
    text: str,
    shown: Callable[[LogLine], str],
    *,
    after: int,
    last: int,
    limit: int,
) -> Found:
    """Of the lines behind number `after` up to `last`, those that are `shown` with this text in them, in upper or lower
    case: so many at the most, and of a bounded part of the log."""
    needle: Final = text.casefold()
    found = Found(max(after, 0))
    cost = size = 0
    for piece in reader.pieces(after):
        if piece.first > last:
            break
        cost += piece.length + _SEGMENT
        # The message of a worker is shown otherwise than it is stored.
        if piece.stream is Stream.LOG or needle in piece.text().casefold():
            for line in piece.lines():
                if not after < line.n <= last:
                    continue
                if len(found.lines) == limit or size > _FOUND:
                    return found
                found.searched = line.n
                if needle in shown(line).casefold():
                    found.lines.append(line)
                    size += len(line.text)
        found.searched = max(found.searched, min(piece.last, last))
        if cost > _MOST:
            return found
    found.searched = max(found.searched, last)
    return found
