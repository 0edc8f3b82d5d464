"""Task ids as people type them: whole, or the last digits of one."""

from __future__ import annotations

import re
from typing import Final

import click

from ..client import Client
from ..errors import UnknownTask

SHORT: Final = 8
_LEAST: Final = 4
_NEWEST: Final = 1000
_SHOWN: Final = 10
_WHOLE: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_ENDING: Final = re.compile(rf"[0-9a-f]{{{_LEAST},31}}", re.ASCII)


def short(task_id: str) -> str:
    """The digits at the end tell tasks apart; those at the beginning are the time."""
    return task_id[-SHORT:]


class Ids:
    """Finds whole ids. Endings are looked for among the newest 1000 tasks, which are asked for once."""

    def __init__(self, client: Client) -> None:
        self._client: Final = client
        self._newest: list[str] | None = None

    def whole(self, text: str) -> str:
        """UnknownTask if no id ends so; a usage error if `text` is no id, or several end so."""
        wanted = text.lower()
        if _WHOLE.fullmatch(wanted):
            return wanted
        if not _ENDING.fullmatch(wanted):
            raise click.UsageError(
                f"{text!r} is no task id: give its 32 hexadecimal digits, or at least the last {_LEAST}"
            )
        found = [task_id for task_id in self._ids() if task_id.endswith(wanted)]
        if not found:
            raise UnknownTask(f"none of the newest {_NEWEST} tasks has an id that ends in {wanted}")
        if len(found) > 1:
            raise click.UsageError(_ambiguous(wanted, found))
        return found[0]

    def _ids(self) -> list[str]:
        if self._newest is None:
            self._newest = [task["TaskId"] for task in self._client.tasks(limit=_NEWEST)]
        return self._newest


def resolve(client: Client, text: str) -> str:
    """For one id: see Ids.whole."""
    return Ids(client).whole(text)


def _ambiguous(ending: str, found: list[str]) -> str:
    first = [f"{len(found)} tasks have an id that ends in {ending}: give more digits"]
    return "\n  ".join(first + found[:_SHOWN])
