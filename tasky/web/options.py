"""The values that options may have: each function reads the text of one, or says in a ValueError what is accepted."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Final

import falcon

from ..errors import Invalid, Violation
from ..model.notify import Hook, client_hook
from ..model.states import State
from ..model.units import format_duration, parse_duration
from ..service import Window
from .query import Option, Options, Schema, accepts

_SECOND: Final = 1_000_000_000
#: As in a worker's definition: ten years.
_MAX_DURATION: Final = 3650 * 24 * 3600 * _SECOND
#: The longest that an answer is held back, in ns.
MAX_WAIT: Final = 3600 * _SECOND
_MAX_NUMBER: Final = 2**63 - 1
MAX_LIMIT: Final = 1000
#: Of a worker's latest tasks.
MAX_RECENT: Final = 20
#: Of a log.
MAX_LINES: Final = 10_000
#: Of what somebody looks for.
MAX_TEXT: Final = 200
_MAX_LABEL_KEY: Final = 64
_MAX_LABEL_VALUE: Final = 200
_MAX_KEY: Final = 255

_NUMBER: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_CURSOR: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_WORKER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_FRACTION: Final = r"(?:\.[0-9]{1,9})?"
#: What is usual, and within every limit: the parser takes more.
_DURATION: Final[Schema] = {
    "type": "string",
    "pattern": r"^(?:0|[0-9]{1,3}d|[0-9]{1,4}h(?:[0-9]{1,2}m)?(?:[0-9]{1,2}s)?"
    rf"|[0-9]{{1,4}}m(?:[0-9]{{1,2}}{_FRACTION}s)?|[0-9]{{1,6}}{_FRACTION}(?:s|ms|us|µs|ns))$",
    "examples": ["30s", "1h30m"],
}
#: Longer than nothing.
LIFETIME: Final[Schema] = {
    "type": "string",
    "pattern": "^(?:[1-9][0-9]{0,2}d|[1-9][0-9]{0,3}h(?:[0-9]{1,2}m)?(?:[0-9]{1,2}s)?"
    rf"|[1-9][0-9]{{0,3}}m(?:[0-9]{{1,2}}{_FRACTION}s)?"
    rf"|[1-9][0-9]{{0,5}}{_FRACTION}(?:s|ms|us|µs|ns))$",
    "examples": ["5m", "1h30m"],
}
_WAIT: Final[Schema] = {
    "type": "string",
    "pattern": rf"^(?:0|1h|[1-5]?[0-9]m(?:[1-5]?[0-9]{_FRACTION}s)?"
    rf"|[0-9]{{1,3}}{_FRACTION}s|[0-9]{{1,6}}{_FRACTION}ms)$",
    "examples": ["30s", "1.5s"],
}
_AT: Final[Schema] = {
    "type": "string",
    "format": "date-time",
    "pattern": "^(?:197[1-9]|19[89][0-9]|20[0-9]{2}|21[0-9]{2})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    rf"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]{_FRACTION}"
    "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$",
    "examples": ["2030-01-31T08:00:00Z"],
}
#: No control characters, and nothing that hides, or turns the text around.
_UNREADABLE: Final = (
    "\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff"
)
_LABEL: Final = re.compile(
    f"^[^:{_UNREADABLE}]{{1,{_MAX_LABEL_KEY}}}:[^{_UNREADABLE}]{{0,{_MAX_LABEL_VALUE}}}$"
)
_IDEMPOTENCY_KEY: Final = re.compile(f"^[!-~](?:[ -~]{{0,{_MAX_KEY - 2}}}[!-~])?$")
#: The last second of a signed 64-bit count of nanoseconds.
_LAST_SECOND: Final = _MAX_NUMBER // _SECOND - 1


@accepts(_DURATION)
def duration(text: str) -> int:
    """Nanoseconds."""
    nanoseconds = parse_duration(text)
    if nanoseconds > _MAX_DURATION:
        raise ValueError("must not be longer than 3650d")
    return nanoseconds


@accepts(LIFETIME)
def timeout(text: str) -> int:
    nanoseconds = duration(text)
    if not nanoseconds:
        raise ValueError("must be longer than 0s")
    return nanoseconds


@accepts(_WAIT)
def wait(text: str) -> float:
    """Seconds."""
    nanoseconds = duration(text)
    if nanoseconds > MAX_WAIT:
        raise ValueError(f"must not be longer than {format_duration(MAX_WAIT)}")
    return nanoseconds / _SECOND


@accepts({"type": "integer", "minimum": -10, "maximum": 10, "examples": [5]})
def priority(text: str) -> int:
    if _INTEGER.fullmatch(text) is None or not -10 <= int(text) <= 10:
        raise ValueError("must be a whole number between -10 and 10")
    return int(text)


@accepts({"type": "string", "enum": ["failed"], "examples": ["failed"]})
def restart_from(text: str) -> str:
    if text != "failed":
        raise ValueError("must be failed; without it, a restart is from the start")
    return text


@accepts({"type": "string", "pattern": _LABEL.pattern, "examples": ["team:ops"]})
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
    if _LABEL.fullmatch(f"{key}:{value}") is None:
        raise ValueError("must not have control characters")
    return key, value


@accepts(_AT)
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


@accepts({"type": "string", "enum": [*State], "examples": ["Running"]})
def status(text: str) -> frozenset[State]:
    """One or several states, separated by commas. `Started` is what the older API said for Queued."""
    by_name = {state.lower(): state for state in State} | {"started": State.QUEUED}
    try:
        return frozenset(by_name[word.strip().lower()] for word in text.split(","))
    except KeyError:
        raise ValueError(f"must be one or several of {', '.join(State)}") from None


@accepts({"type": "string", "enum": [*Window], "examples": [Window.MIDDLE]})
def window(text: str) -> Window:
    try:
        return Window(text)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(Window)}") from None


@accepts({"type": "string", "pattern": f"^{_WORKER.pattern}$", "examples": ["copyfile"]})
def worker(text: str) -> str:
    if _WORKER.fullmatch(text) is None:
        raise ValueError("must be the name of a worker")
    return text.lower()


@accepts({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "examples": [100]})
def limit(text: str) -> int:
    if _NUMBER.fullmatch(text) is None or not 1 <= int(text) <= MAX_LIMIT:
        raise ValueError(f"must be a whole number between 1 and {MAX_LIMIT}")
    return int(text)


@accepts({"type": "integer", "minimum": 1, "maximum": MAX_RECENT, "examples": [10]})
def recent(text: str) -> int:
    if _NUMBER.fullmatch(text) is None or not 1 <= int(text) <= MAX_RECENT:
        raise ValueError(f"must be a whole number between 1 and {MAX_RECENT}")
    return int(text)


@accepts({"type": "string", "pattern": f"^{_CURSOR.pattern}$", "examples": [f"{2026:032x}"]})
def cursor(text: str) -> str:
    if _CURSOR.fullmatch(text) is None:
        raise ValueError("must be the Next of the page before")
    return text


@accepts({"type": "integer", "minimum": 0, "maximum": _MAX_NUMBER, "examples": [100]})
def count(text: str) -> int:
    if _NUMBER.fullmatch(text) is None or int(text) > _MAX_NUMBER:
        raise ValueError("must be a whole number, 0 or more")
    return int(text)


@accepts({"type": "integer", "minimum": 1, "maximum": MAX_LINES, "examples": [1000]})
def lines(text: str) -> int:
    if _NUMBER.fullmatch(text) is None or not 1 <= int(text) <= MAX_LINES:
        raise ValueError(f"must be a whole number between 1 and {MAX_LINES}")
    return int(text)


@accepts({"type": "integer", "minimum": 1, "maximum": _MAX_NUMBER, "examples": [2000]})
def length(text: str) -> int:
    if not count(text):
        raise ValueError("must be a whole number, 1 or more")
    return int(text)


@accepts(
    {"type": "string", "pattern": f"^[^{_UNREADABLE}]{{1,{MAX_TEXT}}}$", "examples": ["error"]}
)
def text(text: str) -> str:
    if not 1 <= len(text) <= MAX_TEXT:
        raise ValueError(f"must have 1 to {MAX_TEXT} characters")
    return text


@accepts({"type": "boolean"})
def switch(text: str) -> bool:
    """Any of a query's usual words for yes and no."""
    words = {"1": True, "true": True, "0": False, "false": False}
    if text.lower() not in words:
        raise ValueError("must be true or false")
    return words[text.lower()]


def distinct(labels: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The labels of a submission: a key has one value."""
    found = dict(labels)
    if any(found[key] != value for key, value in labels):
        raise ValueError("each key may have only one value")
    return tuple(found.items())


@accepts(
    {
        "type": "string",
        "pattern": "^(?:(?:completed|failed|canceled)(?:,(?:completed|failed|canceled)){0,2}:)?"
        "https?://[a-z]{1,20}\\.example\\.org(?::[1-9][0-9]{0,3})?(?:/[A-Za-z0-9/_-]{0,40})?$",
        "examples": ["failed,canceled:https://hooks.example.org/tasky"],
    }
)
def notify(text: str) -> Hook:
    return client_hook(text)


def each_once(hooks: list[Hook]) -> tuple[Hook, ...]:
    return tuple(dict.fromkeys(hooks))


def any_of(states: list[frozenset[State]]) -> frozenset[State]:
    return frozenset().union(*states)


@accepts({"type": "string", "pattern": _IDEMPOTENCY_KEY.pattern, "examples": ["backup-2030-01-31"]})
def key(text: str) -> str:
    if _IDEMPOTENCY_KEY.fullmatch(text) is None:
        raise ValueError(f"must be 1 to {_MAX_KEY} printable ASCII characters")
    return text


@accepts({"type": "string", "pattern": "^[0-9a-z-]{1,40}$", "examples": ["120"]})
def event_id(text: str) -> str:
    """Of any text: one that is none begins anew."""
    return text


IDEMPOTENCY: Final[Options] = {
    "Idempotency-Key": Option(
        key,
        about="Makes a repeat safe: the same key with the same request starts nothing again, and is answered with the"
        " first task. It lives as long as that task.",
    )
}


def idempotency_key(req: falcon.Request) -> str | None:
    """The header's text as it is."""
    text: str | None = req.env.get("HTTP_IDEMPOTENCY_KEY")
    if text is None:
        return None
    try:
        return key(text)
    except ValueError as error:
        name = "Idempotency-Key"
        raise Invalid([Violation(f"{name}: {error}", parameter=name)]) from None
