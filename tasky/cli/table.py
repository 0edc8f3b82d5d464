"""Tables for people: aligned columns, no lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .terminal import columns_of, cut

_GAP: Final = "  "
_LEAST: Final = 8


@dataclass(frozen=True, slots=True)
class Column:
    """A `fixed` one is never cut."""

    title: str
    fixed: bool = False


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], limit: int | None
) -> Iterator[list[str]]:
    """The header and the rows as cells, padded; joined, they are at most `limit` columns wide (None: no limit) as far
    as the fixed ones allow it. The last cell of a row is not padded."""
    cells = [[column.title for column in columns], *rows]
    widths = [max(columns_of(row[place]) for row in cells) for place in range(len(columns))]
    if limit is not None:
        _shrink(columns, widths, limit - len(_GAP) * (len(columns) - 1))
    for row in cells:
        yield [_padded(cell, widths[place]) for place, cell in enumerate(row[:-1])] + [
            cut(row[-1], widths[-1])
        ]


def joined(cells: Sequence[str]) -> str:
    return _GAP.join(cells).rstrip()


def _shrink(columns: Sequence[Column], widths: list[int], limit: int) -> None:
    """Takes from the widest until all fit."""
    free = [place for place, column in enumerate(columns) if not column.fixed]
    while free and sum(widths) > limit:
        widest = max(free, key=widths.__getitem__)
        if widths[widest] <= _LEAST:
            return
        widths[widest] -= 1


def _padded(cell: str, width: int) -> str:
    text = cut(cell, width)
    return text + " " * (width - columns_of(text))
