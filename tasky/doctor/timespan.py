"""Times as units have them (systemd.time(7)). Pure."""

from __future__ import annotations

import math
import re
from typing import Final

_SECONDS: Final = {
    **dict.fromkeys(("usec", "us", "µs"), 1e-6),
    **dict.fromkeys(("msec", "ms"), 1e-3),
    **dict.fromkeys(("seconds", "second", "sec", "s", ""), 1.0),
    **dict.fromkeys(("minutes", "minute", "min", "m"), 60.0),
    **dict.fromkeys(("hours", "hour", "hr", "h"), 3600.0),
    **dict.fromkeys(("days", "day", "d"), 86400.0),
    **dict.fromkeys(("weeks", "week", "w"), 604800.0),
}
_PART: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zµ]*)")


def seconds(text: str) -> float:
    """ValueError for what is none, or counts in months or years."""
    if text == "infinity":
        return math.inf
    total, place = 0.0, 0
    while place < len(text.rstrip()) or not text:
        match = _PART.match(text, place)
        if match is None or match[2] not in _SECONDS:
            raise ValueError(f"{text!r} is no time")
        total += float(match[1]) * _SECONDS[match[2]]
        place = match.end()
    return total
