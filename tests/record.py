"""Writes figures into the documentation, between two marks: what people have written around them stays."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
from datetime import date
from pathlib import Path
from typing import Final

RELIABILITY: Final = Path(__file__).resolve().parent.parent / "docs/reliability.md"


def record(mark: str, text: str, file: Path = RELIABILITY) -> None:
    """Puts `text` between `<!-- MARK: -->` and `<!-- :MARK -->`. LookupError where the file lacks them."""
    file.write_text(replaced(file.read_text(), mark, text))


def recorded(document: str, mark: str) -> str:
    """What stands between the marks. LookupError where they are missing."""
    return _parts(document, mark)[1].strip("\n")


def replaced(document: str, mark: str, text: str) -> str:
    head, _, tail = _parts(document, mark)
    return f"{head}\n\n{text.strip()}\n\n{tail}"


def machine() -> str:
    """The day and what it ran on, as a sentence."""
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    kernel = platform.release().split("-")[0]
    return (
        f"{date.today()}: {os.cpu_count()} cores of {model[1] if model else platform.machine()},"
        f" Linux {kernel}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}."
    )


def _parts(document: str, mark: str) -> tuple[str, str, str]:
    """With the marks in the first and the last."""
    begin, end = f"<!-- {mark}: -->", f"<!-- :{mark} -->"
    head, found, rest = document.partition(begin)
    middle, found_too, tail = rest.partition(end)
    if not found or not found_too:
        raise LookupError(f"no {begin} ... {end}")
    return head + begin, middle, end + tail
