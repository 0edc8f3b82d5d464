"""The values that options may have: each function reads the text of one, or says in a ValueError what is accepted."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Final

import falcon

from ..errors import Invalid, Violation
from ..model.states import State
from ..model.units import format_duration, parse_duration

_SECOND: Final = 1_000_000_000
#: As in a worker's definition: ten years.
_MAX_DURATION: Final = 3650 * 24 * 3600 * _SECOND
#: The longest that an answer is held back, in ns.
MAX_WAIT: Final = 3600 * _SECOND
_MAX_NUMBER: Final = 2**63 - 1
MAX_LIMIT: Final = 1000
_MAX_LABELS: Final = 32
_MAX_LABEL_KEY: Final = 64
_MAX_LABEL_VALUE: Final = 200
_MAX_KEY: Final = 255

_NUMBER: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_CURSOR: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_WORKER: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
#: The last second of a signed 64-bit count of nanoseconds.
_LAST_SECOND: Final = _MAX_NUMBER // _SECOND - 1


def duration(text: str) -> int:
    """Nanoseconds."""
    nanoseconds = parse_duration(text)
    if nanoseconds > _MAX_DURATION:
        raise ValueError("must not be longer than 3650d")
    return nanoseconds


def timeout(text: str) -> int:
    nanoseconds = duration(text)
    if not nanoseconds:
        raise ValueError("must be longer than 0s")
    return nanoseconds


def wait(text: str) -> float:
    """Seconds."""
    nanoseconds = duration(text)
    if nanoseconds > MAX_WAIT:
        raise ValueError(f"must not be longer than {format_duration(MAX_WAIT)}")
    return nanoseconds / _SECOND


def priority(text: str) -> int:
    if _INTEGER.fullmatch(text) is None or not -10 <= int(text) <= 10:
        raise ValueError("must be a whole number between -10 and 10")
    return int(text)


def label(text: str) -> tuple[str, str]:
    """Key and value, of which the value may be empty. Both in Unicode's form NFC, so that what looks alike is alike."""
    key, colon, value = unicodedata.normalize("NFC", text).partition(":")
    if not colon or not key:
        raise ValueError("must be written key:value")
    if len(key) > _MAX_LABEL_KEY or len(value) > _MAX_LABEL_VALUE:
        raise ValueError(
            f"must not be longer than {_MAX_LABEL_KEY} characters before the colon and"
            f" {_MAX_LABEL_VALUE} behind it"
        )
    if not f"{key}{value}".isprintable():
        raise ValueError("must not have control characters")
    return key, value


def at(text: str) -> int:
    """An RFC 3339 time as nanoseconds since the epoch. A `+` that was not encoded has come as a space."""
    if text[-6:-5] == " ":
        text = f"{text[:-6]}+{text[-5:]}"
    match = _TIME.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        date, clock, fraction, zone = match.groups()
        seconds = int(datetime.fromisoformat(f"{date}T{clock}{zone.upper()}").timestamp())
    except (ValueError, OverflowError):
        raise ValueError("must be an RFC 3339 time such as 2030-01-31T08:00:00Z") from None
    if not 0 <= seconds < _LAST_SECOND:
        raise ValueError("must be between the years 1970 and 2262")
    return seconds * _SECOND + int((fraction or "0").ljust(9, "0"))


def status(text: str) -> frozenset[State]:
    """One or several states, separated by commas. `Started` is what the older API said for Queued."""
    by_name = {state.lower(): state for state in State} | {"started": State.QUEUED}
    try:
        return frozenset(by_name[word.strip().lower()] for word in text.split(","))
    except KeyError:
        raise ValueError(f"must be one or several of {', '.join(State)}") from None


def worker(text: str) -> str:
    name = text.lower()
    if _WORKER.fullmatch(name) is None:
        raise ValueError("must be the name of a worker")
    return name


def limit(text: str) -> int:
    if _NUMBER.fullmatch(text) is None or not 1 <= int(text) <= MAX_LIMIT:
        raise ValueError(f"must be a whole number between 1 and {MAX_LIMIT}")
    return int(text)


def cursor(text: str) -> str:
    if _CURSOR.fullmatch(text) is None:
        raise ValueError("must be the Next of the page before")
    return text


def count(text: str) -> int:
    if _NUMBER.fullmatch(text) is None or int(text) > _MAX_NUMBER:
        raise ValueError("must be a whole number, 0 or more")
    return int(text)


def not_yet(text: str) -> bool:
    """A switch that is known and cannot be turned on yet."""
    if text.lower() not in ("0", "false"):
        raise ValueError("is not supported yet")
    return False


def distinct(labels: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The labels of a submission: a key has one value."""
    if len(labels) > _MAX_LABELS:
        raise ValueError(f"may be given at most {_MAX_LABELS} times")
    if len(dict(labels)) != len(labels):
        raise ValueError("each key may be given only once")
    return tuple(labels)


def any_of(states: list[frozenset[State]]) -> frozenset[State]:
    return frozenset().union(*states)


def idempotency_key(req: falcon.Request) -> str | None:
    """The header's text as it is."""
    key: str | None = req.env.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    if not 0 < len(key) <= _MAX_KEY or not key.isascii() or not key.isprintable():
        text = f"Idempotency-Key: must be 1 to {_MAX_KEY} printable ASCII characters"
        raise Invalid([Violation(text, parameter="Idempotency-Key")])
    return key
