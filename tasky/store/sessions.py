"""Sessions of browsers: who has logged in with a token. Only digests are kept."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Final

from .queries import QUERIES
from .writer import Operation

#: Of one token, at the same time.
MOST: Final = 100


def begin(digest: bytes, token: bytes, now: int, expires: int) -> Operation[None]:
    """A new one; those that are over are forgotten, and the oldest of a token that has too many."""

    def operation(connection: Connection) -> None:
        connection.execute(QUERIES["expire_sessions"], (now,))
        connection.execute(QUERIES["crowd_out_sessions"], (token, MOST - 1))
        connection.execute(QUERIES["insert_session"], (digest, token, expires))

    return operation


def end(digest: bytes) -> Operation[None]:
    def operation(connection: Connection) -> None:
        connection.execute(QUERIES["delete_session"], (digest,))

    return operation
