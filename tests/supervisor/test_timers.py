"""The heap of timers."""

from __future__ import annotations

from tasky.supervisor.timers import Timers


def due(timers: Timers, now: int) -> list[object]:
    found = []
    while call := timers.take_due(now):
        found.append(call())
    return found


def test_they_ring_in_order_and_those_of_one_time_as_they_were_set() -> None:
    timers = Timers()
    for at, name in ((30, "c"), (10, "a"), (20, "b1"), (20, "b2"), (40, "d")):
        timers.add(at, lambda name=name: name)  # type: ignore[misc]
    assert timers.next() == 10
    assert due(timers, 9) == []
    assert due(timers, 30) == ["a", "b1", "b2", "c"]
    assert timers.next() == 40


def test_a_cancelled_one_never_rings() -> None:
    timers = Timers()
    first, second = timers.add(1, lambda: "first"), timers.add(2, lambda: "second")
    first.cancel()
    first.cancel()
    assert first.over
    assert timers.next() == 2
    assert due(timers, 9) == ["second"]
    assert second.over
    second.cancel()
    assert (timers.next(), len(timers)) == (None, 0)


def test_one_may_be_taken_before_its_time() -> None:
    timers = Timers()
    timer = timers.add(10, lambda: "early")
    call = timer.take()
    assert call is not None
    assert call() == "early"
    assert timer.take() is None
    assert due(timers, 99) == []


def test_cancelled_ones_take_no_memory_for_long() -> None:
    timers = Timers()
    kept = [timers.add(10**12 + number, lambda: "kept") for number in range(10)]
    for number in range(100_000):
        timers.add(10**12 - number, lambda: "cancelled").cancel()
        assert len(timers) < 200
    assert due(timers, 10**13) == ["kept"] * len(kept)


def test_cancelling_from_within_a_call() -> None:
    timers = Timers()
    victims = [timers.add(2, lambda: "victim") for _ in range(200)]

    def cancel_all() -> str:
        for victim in victims:
            victim.cancel()
        return "cancelled"

    timers.add(1, cancel_all)
    assert due(timers, 5) == ["cancelled"]
    assert len(timers) == 0
