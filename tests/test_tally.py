"""Counting, by one thread and by several."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tasky.tally import OTHER, ByLabels, Count, Histogram, Names

THREADS, EACH = 8, 5000


def in_threads(work: Callable[[], object]) -> None:
    def repeat() -> None:
        for _ in range(EACH):
            work()

    threads = [threading.Thread(target=repeat) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_value_counts_up_to_its_bound() -> None:
    histogram = Histogram((1, 10))
    for value in (0, 1, 1.5, 10, 11):
        histogram.observe(value)
    assert histogram.read() == ((1, 10), (2, 2, 1), 23.5)


def test_counts_are_by_labels() -> None:
    count = Count()
    count.add("copy", "completed")
    count.add("copy", "completed")
    count.add("copy", "exit")
    assert count.read() == {("copy", "completed"): 2, ("copy", "exit"): 1}


def test_nothing_is_lost_between_threads() -> None:
    histogram, count = Histogram((1,)), Count()
    in_threads(lambda: (histogram.observe(0.5), count.add("x")))
    assert histogram.read() == ((1,), (THREADS * EACH, 0), THREADS * EACH * 0.5)
    assert count.read() == {("x",): THREADS * EACH}


def test_all_threads_get_the_same_one() -> None:
    by_labels = ByLabels(lambda: Histogram((1,)))
    in_threads(lambda: by_labels.of("x").observe(2))
    assert by_labels.all()[("x",)].read().counts == (0, THREADS * EACH)


def test_names_are_bounded() -> None:
    names = Names(2)
    assert [names.bounded(name) for name in ("a", "b", "c", "a")] == ["a", "b", OTHER, "a"]
