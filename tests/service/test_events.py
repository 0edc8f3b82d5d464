"""The hub, driven by hand: what its readers find."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tasky.model.states import State
from tasky.model.task import Outcome, Progress
from tasky.service.board import PACE
from tasky.service.events import Hub
from tasky.service.happenings import Happening, Kind, Listener
from tests.helpers import wait_for

DONE = Outcome(state=State.COMPLETED, finished=0, duration=5, output='"big"')


def nothing() -> None:
    pass


def everything(_: Happening) -> bool:
    return True


@pytest.fixture
def hub() -> Hub:
    return Hub(events=10)


def seen(hub: Hub, listener: Listener) -> list[tuple[int, Kind, str]]:
    hub.turn()
    _, taken = hub.take(listener, 100)
    return [(one.n, one.kind, one.task_id) for one in taken]


def life(hub: Hub, task_id: str) -> None:
    """Five events: with the first line of its log, if that is wanted."""
    hub.queued(task_id, "w")
    hub.changed(task_id, "w", State.RUNNING)
    hub.started(task_id, "w", 1, 0)
    hub.progressed(task_id, "w", Progress(percent=50))
    hub.logged(task_id)
    hub.changed(task_id, "w", State.COMPLETED)
    hub.ended(task_id, "w", DONE, 5, 0)


def test_what_all_hear_of_a_task(hub: Hub) -> None:
    listener = hub.listen(nothing, everything)
    life(hub, "a")
    hub.turn()
    missed, taken = hub.take(listener, 100)
    assert missed == 0
    assert [(one.kind, one.state) for one in taken] == [
        (Kind.STATUS, State.RUNNING),
        (Kind.PROGRESS, State.RUNNING),
        (Kind.STATUS, State.COMPLETED),
        (Kind.RESULT, State.COMPLETED),
    ]
    assert [one.n for one in taken] == [1, 2, 3, 4]
    assert [one.duration for one in taken] == [None, None, 5, 5]
    assert taken[2].progress == Progress(percent=50), "what it had last"


def test_only_what_one_wants(hub: Hub) -> None:
    listener = hub.listen(nothing, lambda one: one.task_id == "b")
    life(hub, "a")
    life(hub, "b")
    assert {task_id for _, _, task_id in seen(hub, listener)} == {"b"}


def test_ids_go_on_and_are_of_this_hub_only(hub: Hub) -> None:
    first = hub.listen(nothing, everything)
    life(hub, "a")
    hub.forget(first)
    life(hub, "b")
    again = hub.listen(nothing, everything, after=hub.id_of(3))
    assert [n for n, _, _ in seen(hub, again)] == [4, 5, 6, 7, 8]
    assert not again.reset
    assert hub.epoch != Hub().epoch


@pytest.mark.parametrize("after", ["", "x", "1", "other-1", "{epoch}", "{epoch}-", "{epoch}-99",
                                   "{epoch}-1", "{epoch}--1", "{epoch}-1.0", "{epoch}-" + "1" * 99])  # fmt: skip
def test_what_is_not_there_starts_anew(hub: Hub, after: str) -> None:
    for task_id in "abcd":
        life(hub, task_id)
    hub.turn()
    listener = hub.listen(nothing, everything, after=after.replace("{epoch}", hub.epoch))
    assert listener.reset
    life(hub, "e")
    assert {task_id for _, _, task_id in seen(hub, listener)} == {"e"}


def test_a_slow_reader_is_told_how_much_it_missed(hub: Hub) -> None:
    slow = hub.listen(nothing, lambda one: one.task_id != "x")
    for task_id in "abxcde":
        life(hub, task_id)
        hub.turn()
    missed, taken = hub.take(slow, 100)
    assert missed == 2 * 4 + 2, "of the tasks that it wants"
    assert len(taken) == 10
    assert hub.take(slow, 100) == (0, [])


def test_the_ring_is_bounded_in_bytes() -> None:
    hub = Hub(size=20_000)
    listener = hub.listen(nothing, everything)
    for number in range(100):
        hub.progressed(str(number), "w", Progress(message="m" * 5000))
        hub.turn()
    _, taken = hub.take(listener, 100)
    assert 1 <= len(taken) <= 4
    for one in taken:
        hub.told(one, b"t" * 15_000)
    hub.turn()
    late = hub.listen(nothing, everything, after=hub.id_of(taken[0].n))
    assert late.reset, "its text counts, too"


def test_progress_is_the_latest_and_not_too_often(hub: Hub) -> None:
    listener = hub.listen(nothing, everything)
    watch = hub.watch("a", nothing)
    for percent in range(1, 100):
        hub.progressed("a", "w", Progress(percent=percent))
        hub.turn()
    assert watch.progress == Progress(percent=1)
    due = hub.turn()
    assert due is not None
    assert 0 < due <= PACE
    wait_for(lambda: hub.turn() is None, "the rest is told by itself")
    assert watch.progress == Progress(percent=99)
    assert [kind for _, kind, _ in seen(hub, listener)] == [Kind.PROGRESS] * 2


def test_a_watch_hears_of_its_task_only(hub: Hub) -> None:
    woken: list[int] = []
    watch = hub.watch("a", lambda: woken.append(1))
    life(hub, "b")
    hub.turn()
    assert not woken
    life(hub, "a")
    hub.turn()
    assert woken
    assert list(watch.states) == [State.RUNNING]
    assert (watch.logged, watch.ended) == (True, True)
    hub.forget(watch)
    hub.forget(watch)
    woken.clear()
    life(hub, "a")
    hub.turn()
    assert not woken


def test_lines_become_events_where_they_are_wanted(hub: Hub) -> None:
    lines = {"old": 7, "new": 0}
    hub.look(lines.__getitem__, lambda _: "w")
    hub.listen(nothing, everything)
    hub.logged("old")
    listener = hub.listen(nothing, everything, log=True)
    hub.started("new", "w", 1, 0)
    for _ in range(3):
        lines["old"] += 10
        lines["new"] += 1
        hub.logged("old")
        hub.logged("new")
        hub.logged("new")
        hub.turn()
    _, taken = hub.take(listener, 100)
    spans = [(one.task_id, one.after, one.last) for one in taken]
    assert [span for span in spans if span[0] == "old"] == [("old", 17, 27), ("old", 27, 37)]
    assert [span for span in spans if span[0] == "new"] == [
        ("new", 0, 1),
        ("new", 1, 2),
        ("new", 2, 3),
    ]


def test_a_log_that_cannot_be_read_is_left_out(hub: Hub) -> None:
    def broken(_: str) -> int:
        raise OSError

    hub.look(broken, lambda _: "w")
    listener = hub.listen(nothing, everything, log=True)
    hub.logged("a")
    assert seen(hub, listener) == []


def test_who_attends_is_woken_once_until_it_turns(hub: Hub) -> None:
    woken: list[int] = []

    def wake() -> None:
        woken.append(1)

    hub.attend(wake)
    life(hub, "a")
    assert not woken, "nobody reads"
    hub.listen(nothing, everything)
    life(hub, "b")
    assert len(woken) == 1
    hub.turn()
    life(hub, "c")
    assert len(woken) == 2
    hub.leave(wake)
    hub.turn()
    life(hub, "d")
    assert len(woken) == 2


def test_what_nobody_reads_does_not_pile_up(hub: Hub) -> None:
    woken = threading.Event()
    hub.attend(woken.set)
    for number in range(300):
        hub.changed(str(number), "w", State.RUNNING)
    assert woken.is_set()


def test_threads_that_tell_and_one_that_reads(hub: Hub) -> None:
    """Nothing is lost, and numbers have no gap."""
    hub = Hub(events=100_000, size=1 << 30)
    listener = hub.listen(nothing, everything)
    count, tellers = 2000, 4

    def tell(teller: int) -> Callable[[], None]:
        def run() -> None:
            for number in range(count):
                hub.changed(f"{teller}-{number}", "w", State.RUNNING)

        return run

    threads = [threading.Thread(target=tell(teller)) for teller in range(tellers)]
    for thread in threads:
        thread.start()
    found: list[tuple[int, Kind, str]] = []
    while any(thread.is_alive() for thread in threads):
        found += seen(hub, listener)
    for thread in threads:
        thread.join()
    while more := seen(hub, listener):
        found += more
    assert [n for n, _, _ in found] == list(range(1, count * tellers + 1))
    assert len({task_id for _, _, task_id in found}) == count * tellers
