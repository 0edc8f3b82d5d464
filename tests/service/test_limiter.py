from __future__ import annotations

import pytest

from tasky.service.limiter import WINDOW, Limiter


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_failures_are_counted_for_a_minute() -> None:
    clock = Clock()
    limiter = Limiter(clock)
    assert [limiter.failed("192.0.2.1")[0] for _ in range(3)] == [1, 2, 3]
    assert limiter.failed("192.0.2.2") == (1, 60)
    clock.now += WINDOW - 1
    assert limiter.failed("192.0.2.1") == (4, 1)
    clock.now += 1
    assert limiter.failed("192.0.2.1") == (1, 60)
    assert limiter.total == 6


def test_a_host_has_one_network_of_ipv6() -> None:
    limiter = Limiter(Clock())
    counts = [limiter.failed(f"2001:db8::{number:x}")[0] for number in range(1, 4)]
    assert counts == [1, 2, 3]
    assert limiter.failed("2001:db8:0:1::1")[0] == 1


@pytest.mark.case("H27")
def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasky.service.limiter._MOST_ADDRESSES", 100)
    clock = Clock()
    limiter = Limiter(clock)
    for number in range(1000):
        limiter.failed(f"10.0.{number // 250}.{number % 250}")
        assert len(limiter) <= 100
    clock.now += WINDOW
    limiter.failed("unix")
    assert len(limiter) == 1
