"""Durations in the form of Go's time package, and sizes. Imports nothing of ours.

A duration is a whole number of nanoseconds, a size a whole number of bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

#: What fits in Go's Duration, in SQLite's integers and in the kernel's timers: 292 years, 8 EiB.
_MOST: Final = 2**63 - 1

_NANOSECONDS: Final[Mapping[str, int]] = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,  # U+00B5, the micro sign
    "μs": 10**3,  # U+03BC, the Greek letter
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 24 * 3600 * 10**9,  # ours, and only read: retention is thought of in days
}
_PART: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")
_DURATIONS: Final = "a duration looks like 90s, 1.5h, 350ms, 2h45m or 30d (ns, us, ms, s, m, h, d)"

_BYTES: Final[Mapping[str, int]] = {
    "": 1,
    "b": 1,
    **{f"{prefix}ib": 1024**power for power, prefix in enumerate("kmgtpe", 1)},
    **{f"{prefix}b": 1000**power for power, prefix in enumerate("kmgtpe", 1)},
}
_SIZE: Final = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,20}))? ?([A-Za-z]*)", re.ASCII)
_SIZES: Final = "a size looks like 1048576, 64KiB, 512MiB, 1GiB or 10MB"


def parse_duration(text: str) -> int:
    """`text` as nanoseconds; what Go's ParseDuration accepts, and `d`. ValueError says what is wrong.

    A negative one is refused: nothing here lasts less than no time.
    """
    text = str(text)  # YAML gives a number where the unit was forgotten
    if text.startswith("-"):
        raise ValueError(f"{_shown(text)} is negative: {_DURATIONS}")
    position = 1 if text.startswith("+") else 0
    if text[position:] == "0":
        return 0
    total = 0
    while True:
        match = _PART.match(text, position)
        assert match is not None, "every part of it may be empty"
        total += _part(match, text)
        if total > _MOST:
            raise ValueError(f"{_shown(text)} is longer than 292 years")
        position = match.end()
        if position == len(text):
            return total


def _part(match: re.Match[str], text: str) -> int:
    """One number with its unit, in nanoseconds."""
    whole, fraction, unit = match.groups()
    if not whole and not fraction:
        raise ValueError(f"{_shown(text)} is not a duration: {_DURATIONS}")
    if not unit:
        raise ValueError(f"{_shown(text)} lacks a unit: {_DURATIONS}")
    if unit not in _NANOSECONDS:
        raise ValueError(f"{_shown(text)} has the unknown unit {_shown(unit)}: {_DURATIONS}")
    if len(whole.lstrip("0")) > 19:
        return _MOST + 1
    scale = _NANOSECONDS[unit]
    return int(whole or "0") * scale + _fraction(fraction or "", scale)


def _fraction(digits: str, scale: int) -> int:
    """The digits behind the point, as Go reckons: in floating point, and no more of them than an int64 holds."""
    value, power = 0, 1.0
    for digit in digits:
        more = value * 10 + int(digit)
        if more > _MOST:
            break
        value, power = more, power * 10
    return int(float(value) * (scale / power))


def format_duration(ns: int) -> str:
    """As Go's Duration.String: 1m0.000260498s, 350ms, 0s. Never days."""
    sign, rest = ("-", -ns) if ns < 0 else ("", ns)
    if rest < 10**9:
        return sign + _below_a_second(rest)
    minutes, seconds = divmod(rest, 60 * 10**9)
    text = f"{_decimal(seconds, 9)}s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = f"{minutes}m{text}"
        if hours:
            text = f"{hours}h{text}"
    return sign + text


def _below_a_second(ns: int) -> str:
    if ns == 0:
        return "0s"
    if ns < 10**3:
        return f"{ns}ns"
    if ns < 10**6:
        return f"{_decimal(ns, 3)}µs"
    return f"{_decimal(ns, 6)}ms"


def _decimal(value: int, places: int) -> str:
    """`value` / 10**`places`, exactly, without zeros at the end."""
    whole, fraction = divmod(value, 10**places)
    digits = f"{fraction:0{places}}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def parse_size(text: str | int) -> int:
    """Bytes of a number, or of a text with a unit: KiB is 1024, kB is 1000. ValueError says what is wrong."""
    if isinstance(text, int) and not isinstance(text, bool) and 0 <= text <= _MOST:
        return text
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{_shown(text)} is not a size: {_SIZES}")
    whole, fraction, unit = match.groups()
    if unit.lower() not in _BYTES:
        raise ValueError(f"{_shown(text)} has the unknown unit {_shown(unit)}: {_SIZES}")
    digits = fraction or ""
    size, rest = divmod(int(whole + digits) * _BYTES[unit.lower()], int(10 ** len(digits)))
    if rest:
        raise ValueError(f"{_shown(text)} is not a whole number of bytes")
    if size > _MOST:
        raise ValueError(f"{_shown(text)} is more than 8EiB")
    return size


def format_size(n: int) -> str:
    """For people, in the largest unit that leaves a number of at least 1: 1MiB, 1.5KiB; rounded to a tenth."""
    unit, scale = "B", 1
    for prefix in "KMGTPE":
        if n * 20 < scale * 1024 * 20 - scale:  # it would not be rounded up to 1024
            break
        unit, scale = f"{prefix}iB", scale * 1024
    tenths = (n * 20 + scale) // (2 * scale)
    return f"{tenths // 10}{f'.{tenths % 10}' if tenths % 10 else ''}{unit}"


def _shown(value: object) -> str:
    """Quoted, and short enough for a message."""
    if isinstance(value, int) and abs(value) > _MOST:
        return "a number of that size"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
