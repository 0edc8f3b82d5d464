"""The loop: descriptors, calls, timers, and the order of them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from tasky.supervisor.loop import READ, WRITE, Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


@pytest.fixture
def running(loop: Loop) -> Iterator[Loop]:
    thread = threading.Thread(target=loop.run)
    thread.start()
    yield loop
    loop.stop()
    thread.join()


@pytest.mark.case("P33")
def test_in_a_turn_descriptors_come_first_then_calls_then_timers(
    loop: Loop, pipe: tuple[int, int]
) -> None:
    seen: list[str] = []
    loop.later(0, lambda: seen.append("timer"))
    loop.call(lambda: seen.append("call"))
    loop.call(loop.stop)
    os.write(pipe[1], b"x")
    loop.watch(pipe[0], READ, lambda _: seen.append("descriptor"))
    loop.run()
    assert seen[:3] == ["descriptor", "call", "timer"]


def test_calls_of_many_threads_all_arrive_in_the_order_of_each(running: Loop) -> None:
    seen: dict[int, list[int]] = {number: [] for number in range(8)}

    def call(thread: int) -> None:
        for number in range(2000):
            running.call(lambda number=number: seen[thread].append(number))  # type: ignore[misc]

    threads = [threading.Thread(target=call, args=(number,)) for number in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = threading.Event()
    running.call(done.set)
    assert done.wait(30)
    assert all(numbers == list(range(2000)) for numbers in seen.values())


def test_a_sleeping_loop_is_woken_each_time(running: Loop) -> None:
    """One call at a time: the loop may be asleep, or about to be, when it comes."""
    for _ in range(2000):
        done = threading.Event()
        running.call(done.set)
        assert done.wait(30)


def test_a_timer_set_by_a_call_rings(running: Loop) -> None:
    done = threading.Event()
    running.call(lambda: running.later(1_000_000, done.set))
    assert done.wait(30)


def test_a_call_from_within_the_loop_comes_in_the_next_turn(loop: Loop) -> None:
    seen: list[int] = []

    def again() -> None:
        seen.append(len(seen))
        if len(seen) < 5:
            loop.call(again)
        else:
            loop.stop()

    loop.call(again)
    loop.run()
    assert seen == [0, 1, 2, 3, 4]


def test_a_busy_descriptor_starves_nobody(loop: Loop, pipe: tuple[int, int]) -> None:
    """It is ready in each turn, and so are calls, timers and the other descriptor."""
    other = os.pipe()
    turns: list[str] = []
    try:
        loop.watch(pipe[1], WRITE, lambda _: turns.append("busy"))
        os.write(other[1], b"x")
        loop.watch(other[0], READ, lambda _: turns.append("other"))

        def rounds(left: int) -> None:
            turns.append("call")
            if left:
                loop.later(0, lambda: loop.call(lambda: rounds(left - 1)))
            else:
                loop.stop()

        loop.call(lambda: rounds(10))
        loop.run()
    finally:
        loop.unwatch(other[0])
        os.close(other[0])
        os.close(other[1])
    assert turns.count("call") == 11
    assert turns.count("busy") == turns.count("other") >= 11


def test_one_unwatched_in_a_turn_is_not_called_in_it(loop: Loop) -> None:
    pipes = [os.pipe() for _ in range(2)]
    seen: list[int] = []

    def handler(mine: int, other: int) -> Callable[[int], None]:
        def ready(_: int) -> None:
            seen.append(mine)
            loop.unwatch(mine)
            loop.unwatch(other)
            os.close(other)

        return ready

    (first, first_in), (second, second_in) = pipes
    os.write(first_in, b"x")
    os.write(second_in, b"x")
    loop.watch(first, READ, handler(first, second))
    loop.watch(second, READ, handler(second, first))
    loop.call(loop.stop)
    loop.run()
    assert len(seen) == 1
    for fd in (seen[0], first_in, second_in):
        os.close(fd)


def test_trouble_of_one_does_not_end_the_others(
    running: Loop, caplog: pytest.LogCaptureFixture
) -> None:
    done = threading.Event()

    def trouble() -> None:
        raise ZeroDivisionError

    running.call(trouble)
    running.call(lambda: running.later(0, trouble))
    running.call(lambda: running.later(0, done.set))
    assert done.wait(30)
    assert caplog.text.count("unexpected error") == 2


def test_a_call_after_the_end_does_nothing(loop: Loop) -> None:
    ended = Loop()
    ended.stop()
    ended.run()
    ended.close()
    fd = os.open("/dev/null", os.O_WRONLY)  # may have the number that its descriptor had
    try:
        ended.call(lambda: None)
    finally:
        os.close(fd)


def late(loop: Loop, seconds: float) -> int:
    """Turns that were later, or took longer, than this bound."""
    bounds, counts, _ = loop.lag.read()
    return sum(counts[list(bounds).index(seconds) + 1 :])


def test_a_turn_that_takes_long_is_told(loop: Loop) -> None:
    loop.call(lambda: time.sleep(0.011))
    loop.call(loop.stop)
    loop.run()
    assert late(loop, 0.01) >= 1


def test_so_is_one_that_a_timer_asked_for_earlier(loop: Loop) -> None:
    loop.later(-20_000_000, loop.stop)
    loop.run()
    assert late(loop, 0.01) >= 1


def test_the_wait_for_something_to_do_is_no_lag(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that stands still but for that wait."""
    due = 300_000_000
    clock = iter([0, 0, *[due] * 10])
    stand_in = SimpleNamespace(monotonic_ns=lambda: next(clock))
    monkeypatch.setattr("tasky.supervisor.loop.time", stand_in)
    loop.later(due, loop.stop)
    loop.run()
    _, counts, total = loop.lag.read()
    assert (counts[0], sum(counts[1:]), total) == (2, 0, 0)
