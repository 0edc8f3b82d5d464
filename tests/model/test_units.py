"""Durations and sizes; the outputs of Go's own time package are the measure."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.model.units import format_duration, format_size, parse_duration, parse_size

MS = 10**6
S = 10**9
M = 60 * S
H = 60 * M
MOST = 2**63 - 1

#: What Go's Duration.String gives.
GO_STRINGS = [
    (0, "0s"),
    (1, "1ns"),
    (1100, "1.1µs"),
    (42_000, "42µs"),
    (2_200_000, "2.2ms"),
    (350 * MS, "350ms"),
    (999_999_999, "999.999999ms"),
    (S, "1s"),
    (1500 * MS, "1.5s"),
    (3300 * MS, "3.3s"),
    (4 * M + 5 * S, "4m5s"),
    (4 * M + 5001 * MS, "4m5.001s"),
    (M + 260_498, "1m0.000260498s"),
    (H, "1h0m0s"),
    (90 * M, "1h30m0s"),
    (5 * H + 6 * M + 7001 * MS, "5h6m7.001s"),
    (8 * M + 1, "8m0.000000001s"),
    (30 * 24 * H, "720h0m0s"),
    (MOST, "2562047h47m16.854775807s"),
    (-1, "-1ns"),
    (-1100, "-1.1µs"),
    (-(2 * M + 3400 * MS), "-2m3.4s"),
    (-(2**63), "-2562047h47m16.854775808s"),
]

#: What Go's ParseDuration gives.
GO_PARSED = [
    ("0", 0),
    ("5s", 5 * S),
    ("30s", 30 * S),
    ("1478s", 1478 * S),
    ("+5s", 5 * S),
    ("+0", 0),
    ("5.0s", 5 * S),
    ("5.6s", 5600 * MS),
    ("5.s", 5 * S),
    (".5s", 500 * MS),
    ("1.0s", S),
    ("1.004s", 1004 * MS),
    ("1.0040s", 1004 * MS),
    ("100.00100s", 100_001 * MS),
    ("10ns", 10),
    ("11us", 11_000),
    ("12µs", 12_000),  # the micro sign
    ("12μs", 12_000),  # the Greek letter
    ("13ms", 13 * MS),
    ("14s", 14 * S),
    ("15m", 15 * M),
    ("16h", 16 * H),
    ("3h30m", 3 * H + 30 * M),
    ("10.5s4m", 4 * M + 10_500 * MS),
    ("1h2m3s4ms5us6ns", H + 2 * M + 3 * S + 4 * MS + 5006),
    ("39h9m14.425s", 39 * H + 9 * M + 14_425 * MS),
    ("52763797000ns", 52_763_797_000),
    ("0.3333333333333333333h", 20 * M),
    ("9007199254740993ns", 2**53 + 1),
    ("9223372036854775807ns", MOST),
    ("9223372036854775.807us", MOST),
    ("9223372036s854ms775us807ns", MOST),
    ("0.100000000000000000000h", 6 * M),
    ("0.830103483285477580700h", 49 * M + 48 * S + 372_539_827),
]

#: What Go's ParseDuration refuses.
GO_REFUSED = [
    "", "3", "-", "s", ".", "-.", ".s", "+.s", "\ufffd", "\ufffd hello", "9223372036854775810ns",
    "9223372036854775808ns", "9223372036854776us", "3000000h", "9223372036854775.808us",
    "9223372036854ms775us808ns", "1 s", " 1s", "1s ", "1S", "1e3s", "1..5s", "00", "0.0", "++1s",
    "1s-", "\u0661s", "9" * 10_000 + "s",
]  # fmt: skip


@pytest.mark.parametrize(("ns", "text"), GO_STRINGS)
def test_a_duration_is_shown_as_go_shows_it(ns: int, text: str) -> None:
    assert format_duration(ns) == text


@pytest.mark.parametrize(("text", "ns"), GO_PARSED)
def test_a_duration_is_read_as_go_reads_it(text: str, ns: int) -> None:
    assert parse_duration(text) == ns


@pytest.mark.parametrize("text", GO_REFUSED)
def test_what_go_refuses_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_duration(text)
    assert len(str(caught.value)) < 300


def test_days_are_read() -> None:
    assert parse_duration("30d") == 30 * 24 * H
    assert parse_duration("1d12h") == parse_duration("1.5d") == 36 * H


@pytest.mark.parametrize("text", ["-1s", "-0", "-5h3m"])
def test_no_duration_is_negative(text: str) -> None:
    with pytest.raises(ValueError, match="negative"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("30", "'30' lacks a unit"),
        ("1.5", "lacks a unit"),
        ("1 minute", "the unknown unit ' minute'"),
        ("10w", "the unknown unit 'w'"),
        ("soon", "'soon' is not a duration"),
        ("300000000h", "longer than 292 years"),
    ],
)
def test_the_message_says_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_duration(text)


@pytest.mark.parametrize("number", [30, 1.5, True, None])
def test_what_yaml_makes_of_a_forgotten_unit_is_a_value_error(number: Any) -> None:
    with pytest.raises(ValueError, match="a duration looks like"):
        parse_duration(number)


@given(st.integers(0, MOST))
def test_a_duration_survives_its_text(ns: int) -> None:
    assert parse_duration(format_duration(ns)) == ns


@given(st.text(alphabet="0123456789.nuµmshd+-", max_size=30))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        ns = parse_duration(text)
    except ValueError:
        return
    assert 0 <= ns <= MOST


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (0, 0),
        (1024, 1024),
        ("0", 0),
        ("1024", 1024),
        ("17B", 17),
        ("64KiB", 64 << 10),
        ("512MiB", 512 << 20),
        ("512 MiB", 512 << 20),
        ("512mib", 512 << 20),
        ("1GiB", 1 << 30),
        ("1.5GiB", 3 << 29),
        ("1kB", 1000),
        ("1KB", 1000),
        ("1MB", 10**6),
        ("2TB", 2 * 10**12),
        ("9223372036854775807", MOST),
        (MOST, MOST),
    ],
)
def test_a_size_is_read(text: str | int, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "", "B", "-1", -1, "1e3", "1.", ".5KiB", "1.3KiB", "0.1", "1 Mi B", "12XB", "1M", "1Mb1", "\u0661",
        " 1", "1\n", True, None, 1.5, MOST + 1, "8EiB", "9" * 50,
    ],
)  # fmt: skip
def test_what_is_no_size_is_refused(text: Any) -> None:
    with pytest.raises(ValueError) as caught:
        parse_size(text)
    assert len(str(caught.value)) < 200


def test_no_number_is_too_large_for_a_message() -> None:
    with pytest.raises(ValueError, match="a number of that size is not a size"):
        parse_size(10**5000)


def test_a_bare_m_could_be_either() -> None:
    with pytest.raises(ValueError, match=r"unknown unit 'M'.*512MiB.*10MB"):
        parse_size("512M")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0B"),
        (1023, "1023B"),
        (1024, "1KiB"),
        (1536, "1.5KiB"),
        (10**6, "976.6KiB"),
        ((1 << 20) - 1, "1MiB"),
        (1 << 20, "1MiB"),
        (5 << 30, "5GiB"),
        (MOST, "8EiB"),
    ],
)
def test_a_size_is_shown(size: int, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(1, 1023), st.sampled_from(["B", "KiB", "MiB", "GiB", "TiB", "PiB"]))
def test_a_round_size_survives_its_text(number: int, unit: str) -> None:
    text = f"{number}{unit}"
    assert format_size(parse_size(text)) == text


@given(st.integers(0, MOST))
def test_a_shown_size_is_near(size: int) -> None:
    text = format_size(size)
    assert text[0].isdigit()
    shown, unit = text.rstrip("KMGTPEiB"), text.lstrip("0123456789.")
    assert float(shown) < 1024
    assert abs(float(shown) * parse_size(f"1{unit}") - size) <= parse_size(f"1{unit}") * 0.051
