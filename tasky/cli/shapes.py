"""Pieces of the API's documents in words for people: harmless, and each on one line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import click

from ..client import ErrorDocument, FileDocument, StatusDocument, TaskDocument
from ..model.states import State
from ..model.units import format_duration, format_size
from .terminal import one_line

_COLOURS: Final = {
    State.RUNNING: "cyan",
    State.PAUSED: "yellow",
    State.CANCELING: "yellow",
    State.COMPLETED: "green",
    State.FAILED: "red",
    State.CANCELED: "yellow",
}
_BY_NAME: Final = {str(state): colour for state, colour in _COLOURS.items()}

_SECOND: Final = 1_000_000_000
#: From how long on a duration is rounded to what, in ns.
_STEPS: Final = (
    (60 * _SECOND, _SECOND),
    (_SECOND, _SECOND // 100),
    (_SECOND // 1000, _SECOND // 1000),
    (_SECOND // 1_000_000, _SECOND // 1_000_000),
)


def state_colour(state: str) -> str | None:
    return _BY_NAME.get(state)


def status_style(cell: str) -> str:
    """A cell that names a status, in its colour; any other as it is."""
    colour = state_colour(cell.strip())
    return click.style(cell, fg=colour) if colour else cell


def local_time(text: Any) -> str:
    """An RFC 3339 time of the API in local time, to the second."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return one_line(str(text))
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def brief_duration(seconds: float | None) -> str:
    """About three digits of it, in Go's form."""
    if seconds is None:
        return ""
    ns = round(seconds * _SECOND)
    step = next((step for least, step in _STEPS if ns >= least), 1)
    return format_duration(round(ns / step) * step)


def failure(error: ErrorDocument) -> str:
    return one_line(f"{error['code']}: {error['message']}")


def progress(task: TaskDocument | StatusDocument) -> str:
    """42% copying …"""
    found = task.get("Progress") or {}
    percent = f"{found['Percent']:.0f}%" if "Percent" in found else ""
    return one_line(f"{percent} {found.get('Message', '')}")


def file_line(file: FileDocument) -> str:
    return one_line(f"{file['Path']}  ({format_size(file['Size'])}, {file['MediaType']})")


def compact(value: Any) -> str:
    """Any JSON value on one line."""
    return one_line(json.dumps(value, ensure_ascii=False))


def fields(document: Mapping[str, Any]) -> Iterator[str]:
    """Names and values, aligned. What has no value is left out."""
    shown = {name: str(value) for name, value in document.items() if value not in (None, "")}
    widest = max(map(len, shown), default=0)
    for name, value in shown.items():
        yield f"{name:<{widest}}  {value}"
