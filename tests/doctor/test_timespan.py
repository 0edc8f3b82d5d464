"""Times as units have them."""

from __future__ import annotations

import math

import pytest

from tasky.doctor.timespan import seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90),
        ("0", 0),
        ("1min 30s", 90),
        ("2min30", 150),
        ("1.5h", 5400),
        ("250ms", 0.25),
        ("1d 1 w", 691200),
        ("infinity", math.inf),
        ("90 ", 90),
    ],
)
def test_read(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "-1", "1min soon"])
def test_none(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        seconds(text)
