"""What is known to be wrong with versions of SQLite, as far as it can matter to us. Pure, but for `here`.

Left out: faults of other systems' versions, and what no statement of ours can meet (such as nested savepoints with
journals in memory, 3.35.0 to 3.37.1).
"""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

Version = tuple[int, int, int]


class Fault(NamedTuple):
    """`is_grave`: the server must not run with it."""

    message: str
    is_grave: bool = False


#: https://sqlite.org/wal.html#walresetbug
_RESET: Final = Fault(
    "can lose what was written where several programs write to a database (the WAL-reset bug, 3.7.0 to 3.51.2)."
    " Tasky writes and checkpoints by one connection, so keep others from writing to its database; or use 3.51.3,"
    " 3.50.7 or 3.44.6"
)
#: Some of its new features were not compatible with what came before.
_WITHDRAWN: Final = Fault("was withdrawn by its makers: use 3.51.3, or 3.53.0 and newer")
#: https://sqlite.org/threadsafe.html
_ONE_THREAD: Final = Fault(
    "was built for programs of one thread (SQLITE_THREADSAFE=0), and the server has several: use another build",
    is_grave=True,
)


def faults(version: Version, *, threadsafe: bool = True) -> list[Fault]:
    found = []
    if has_reset_bug(version):
        found.append(_RESET)
    if version == (3, 52, 0):
        found.append(_WITHDRAWN)
    if not threadsafe:
        found.append(_ONE_THREAD)
    return found


def here() -> list[Fault]:
    """Those of the SQLite that Python uses here."""
    return faults(sqlite3.sqlite_version_info[:3], threadsafe=sqlite3.threadsafety > 0)


def has_reset_bug(version: Version = sqlite3.sqlite_version_info[:3]) -> bool:
    """Whether this SQLite can lose pages where several connections checkpoint. Ours do not."""
    return version < (3, 51, 3) and not (
        (3, 44, 6) <= version < (3, 45, 0) or (3, 50, 7) <= version < (3, 51, 0)
    )
