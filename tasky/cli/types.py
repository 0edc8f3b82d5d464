"""What options take: functions of their text, for click's `type=`."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from ..model.units import parse_duration


def duration(text: str) -> float:
    """Seconds."""
    try:
        return parse_duration(text) / 1e9
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def nanoseconds(text: str) -> int:
    """A duration."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def moment(text: str) -> datetime:
    """An RFC 3339 time; without an offset it is local time."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        example = "2030-01-31T08:00:00Z, or 2030-01-31T08:00 in local time"
        raise click.BadParameter(f"{text!r} is no time: write {example}") from None


def name(text: str) -> str:
    """Of a worker: all else about it the server knows better."""
    if not text:
        raise click.BadParameter("the name is empty")
    return text


def key(text: str) -> str:
    """What a header can hold."""
    if not (text and text.isascii() and text.isprintable()):
        raise click.BadParameter("it must be of printable ASCII characters")
    return text


def label(text: str) -> tuple[str, str]:
    before, colon, behind = text.partition(":")
    if not before or not colon:
        raise click.BadParameter(f"{text!r} is no label: write key:value")
    return before, behind
