"""The cgroups of a former server with this state directory, which says where they are."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ...crash import Point, crash_at
from . import files
from .home import Unavailable, find, instance

log = logging.getLogger(__name__)

_RECORD: Final = "containment"
_PATIENCE: Final = 5.0


def record(state_dir: Path, folder: str) -> None:
    """Where the cgroups of this server will be, for the one after it. Raises OSError."""
    Path(state_dir, _RECORD).write_text(f"{folder}\n")


def recorded(state_dir: Path) -> str | None:
    """Where they are; None where it does not say. Raises OSError where it cannot be read."""
    try:
        return Path(state_dir, _RECORD).read_text().strip()
    except FileNotFoundError:
        return None


def forget(state_dir: Path) -> None:
    with contextlib.suppress(OSError):
        Path(state_dir, _RECORD).unlink(missing_ok=True)


def folders(state_dir: Path) -> frozenset[str]:
    """Where a former server may have had its cgroups: where it says, and where we would have ours."""
    found = set()
    with contextlib.suppress(OSError, ValueError):
        if where := recorded(state_dir):
            found.add(where)
    with contextlib.suppress(Unavailable):
        found.add(f"{find().folder}/{instance(state_dir)}")
    return frozenset(folder for folder in found if _is_ours(folder, state_dir))


def end_all(state_dir: Path, where: Iterable[str] | None = None, *, keep: str = "") -> None:
    """Kills what is left in the cgroups of a former server, and removes them; all but the folder that we have taken
    over. Blocks."""
    for folder in folders(state_dir) if where is None else where:
        with contextlib.suppress(OSError):
            for entry in os.scandir(folder):
                if entry.is_dir(follow_symlinks=False):
                    _end(entry.path)
                    crash_at(Point.SURVIVOR_ENDED)
        if folder != keep and files.remove(folder) and not keep:
            forget(state_dir)


def _end(leaf: str) -> None:
    left = files.members(leaf)
    try:
        gone = files.end(leaf, _PATIENCE)
    except OSError as error:
        log.error("a cgroup of a former server cannot be ended: %s", error)
        return
    if left:
        log.warning("ended processes %s, which had survived the server", left)
    if not gone:
        log.error("a cgroup of a former server does not end: %s", leaf)


def _is_ours(folder: str, state_dir: Path) -> bool:
    """Nothing else is ended because a file says so."""
    path = Path(folder)
    named = path.is_absolute() and path.name == instance(state_dir)
    return named and Path(folder, "cgroup.procs").exists()
