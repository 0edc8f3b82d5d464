"""The notifications of tasks as they are stored: what is to be told, and what has become of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from sqlite3 import Connection
from typing import Any, Final, NamedTuple

from ..model.delivery import Verdict
from ..model.notify import Delivery, End, Hook, Notification, Url
from .queries import QUERIES
from .writer import Operation

_DUE: Final = QUERIES["due_notifications"]


class Due(NamedTuple):
    """A notification that is to be sent, and how often that was tried."""

    task_id: str
    position: int
    url: str
    end: End
    secret_file: str | None
    trusted: bool
    attempts: int

    @property
    def key(self) -> tuple[str, int]:
        return self.task_id, self.position


def rows(task_id: str, hooks: Iterable[Hook]) -> list[Sequence[Any]]:
    """For `insert_notification`."""
    return [
        (task_id, position, hook.url, Url.parse(hook.url).origin, ",".join(sorted(hook.on)),
         hook.secret_file, int(hook.trusted))
        for position, hook in enumerate(hooks)
    ]  # fmt: skip


def hooks(connection: Connection, task_id: str) -> tuple[Hook, ...]:
    """What was asked for when the task was submitted, in that order."""
    found = connection.execute(QUERIES["hooks"], (task_id,)).fetchall()
    return tuple(
        Hook(url, frozenset(map(End, ends.split(","))), secret_file, bool(trusted))
        for url, ends, secret_file, trusted in found
    )


def of_task(connection: Connection, task_id: str) -> tuple[Notification, ...]:
    """Those that there are since the task has ended."""
    found = connection.execute(QUERIES["notifications"], (task_id,)).fetchall()
    return tuple(
        Notification(
            url=url,
            end=End(ended),
            delivery=Delivery(delivery),
            attempts=attempts,
            last_status=last_status,
            last_error=last_error,
            next_at=next_at,
        )
        for url, ended, delivery, attempts, last_status, last_error, next_at in found
    )


def due(connection: Connection, now: int, limit: int, without: Iterable[str]) -> list[Due]:
    """What is due at `now`, the longest first, but for what goes to these origins."""
    busy = tuple(without)
    sql = _DUE.replace("(:busy)", f"({','.join('?' * len(busy))})")
    found = connection.execute(sql, (now, *busy, limit)).fetchall()
    return [
        Due(task_id, position, url, End(ended), secret_file, bool(trusted), attempts)
        for task_id, position, url, ended, secret_file, trusted, attempts in found
    ]


def next_time(connection: Connection, after: int) -> int | None:
    """When the first one is due of those that are not due at `after`."""
    (first,) = connection.execute(QUERIES["next_notification"], (after,)).fetchone()
    return None if first is None else int(first)


def record(one: Due, verdict: Verdict) -> Operation[None]:
    """What an attempt has come to. Of a task that is gone meanwhile, nothing is kept."""
    row = (verdict.delivery, verdict.status, verdict.error, verdict.next_at, *one.key)

    def operation(connection: Connection) -> None:
        connection.execute(QUERIES["record_notification"], row)

    return operation
