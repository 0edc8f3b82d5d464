"""Paths and queries of the API. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

from ..model.units import format_duration

Pairs = list[tuple[str, str]]


def segment(text: str) -> str:
    return quote(text, safe="")


def task_path(task_id: str, rest: str = "") -> str:
    return f"/tasks/{segment(task_id)}{rest}"


def duration(seconds: float) -> str:
    return format_duration(round(seconds * 1e9))


def label_pairs(labels: Iterable[tuple[str, str]]) -> Pairs:
    return [("label", f"{key}:{value}") for key, value in labels]


def places(tail: int | None, after: int | None, attempt: int | None) -> Pairs:
    """Which lines of a log."""
    given = (("tail", tail), ("after", after), ("attempt", attempt))
    return [(name, str(value)) for name, value in given if value is not None]


def submission(
    wait: float | None,
    timeout: float | None,
    priority: int | None,
    labels: Iterable[tuple[str, str]],
    at: datetime | None,
    notify: Iterable[str] = (),
) -> Pairs:
    """A submission's options."""
    options = label_pairs(labels)
    if wait is not None:
        options.append(("wait", duration(wait)))
    if timeout is not None:
        options.append(("timeout", duration(timeout)))
    if priority is not None:
        options.append(("priority", str(priority)))
    if at is not None:
        options.append(("at", at.astimezone(UTC).isoformat().replace("+00:00", "Z")))
    return [*options, *(("notify", hook) for hook in notify)]
