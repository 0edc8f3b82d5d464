"""SQLite, the database, and how much is in it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..errors import TaskyError
from ..model.states import TERMINAL
from ..model.units import format_size
from ..store import Contents, Glance, glance, sqlite_faults, sqlite_version
from .finding import Finding, ok, problem, skipped, warning, worst
from .running import Running

#: Bytes: a checkpoint truncates what is longer.
_LONG_LOG: Final = 256 << 20
_MINUTE: Final = 60 * 1_000_000_000


def sqlite() -> Finding:
    found = sqlite_faults()
    if not found:
        return ok("sqlite", sqlite_version())
    said = "; ".join(fault.message for fault in found)
    verdict = problem if any(fault.is_grave for fault in found) else warning
    return verdict("sqlite", f"{sqlite_version()} {said}")


def look(state_dir: Path, server: Running) -> tuple[Finding, Contents | None]:
    """And what was counted in it."""
    if not server.is_seen_whole and not _may_look(state_dir):
        return skipped("database", f"{state_dir}: this user may not look into it"), None
    try:
        found = glance(state_dir)
    except TaskyError as error:
        return problem("database", f"{error.message}; `tasky db check` tells more"), None
    if found is None:
        return ok("database", "none yet: the first start makes it"), None
    parts = [_schema(found), *_sizes(found)]
    if found.contents is not None:
        parts += _contents(found.contents)
    return worst("database", parts), found.contents


def _may_look(state_dir: Path) -> bool:
    """Whether this user sees all of it, or what keeps him from it will be told."""
    return not state_dir.exists() or os.access(state_dir, os.R_OK | os.W_OK | os.X_OK)


def _schema(found: Glance) -> Finding:
    if found.is_used:
        return ok("", f"schema {found.schema}, in use by a running server")
    if found.schema < found.newest:
        return ok(
            "",
            f"schema {found.schema}: the next start saves a copy, and makes schema {found.newest} of it",
        )
    return ok("", f"schema {found.schema}, sound at a quick look")


def _sizes(found: Glance) -> Iterator[Finding]:
    yield ok("", f"{format_size(found.size)}, its log {format_size(found.log)}")
    if found.log > _LONG_LOG:
        yield warning(
            "",
            "the log grows: a reader, such as a backup by another program, keeps it from being taken over",
        )


def _contents(contents: Contents) -> Iterator[Finding]:
    """A clock that was set back makes ids that do not sort as the tasks came."""
    live = sum(count for state, count in contents.tasks.items() if state not in TERMINAL)
    yield ok("", f"{sum(contents.tasks.values())} tasks, {live} of them not finished")
    ahead = contents.newest - time.time_ns()
    if ahead > _MINUTE:
        at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(contents.newest // 1_000_000_000))
        yield warning(
            "", f"its newest task is of {at}, which is still to come: was the clock set back?"
        )
