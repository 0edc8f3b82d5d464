"""The mounted file systems (proc(5), mountinfo)."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, NamedTuple

_OCTAL: Final = re.compile(r"\\(\d{3})")


class Mount(NamedTuple):
    place: str
    kind: str


def mounts() -> list[Mount]:
    """In the order in which they were mounted."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
        mount, _, source = line.partition(" - ")
        place = _OCTAL.sub(lambda match: chr(int(match[1], 8)), mount.split(" ")[4])
        found.append(Mount(place, source.split(" ")[0]))
    return found


def kind_of(path: Path) -> str:
    """The kind of file system that holds it: that of the innermost mount, the last of several."""
    real = os.path.realpath(path)
    holds = [mount for mount in mounts() if os.path.commonpath([mount.place, real]) == mount.place]
    return max(reversed(holds), key=lambda mount: len(mount.place)).kind if holds else "unknown"
