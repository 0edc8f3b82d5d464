"""The scheduler against a naive model, and its rules one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.supervisor.queue import Counts, Entry, Instant, Scheduler


def entry(
    number: int, worker: str = "w", priority: int = 0, not_before: int | None = None
) -> Entry:
    return Entry(task_id=f"{number:032x}", worker=worker, priority=priority, not_before=not_before)


def retry(number: int, *, resumes: int) -> Entry:
    return Entry(task_id=f"{number:032x}", worker="w", attempt=2, resumes=resumes)


def pulled(scheduler: Scheduler, wall: int = 0, steady: int = 0) -> list[int]:
    return [int(found.task_id, 16) for found in scheduler.pull(Instant(wall, steady))]


def wait(scheduler: Scheduler, wall: int = 0, steady: int = 0) -> int | None:
    return scheduler.wait(Instant(wall, steady))


def test_tasks_of_one_priority_start_in_the_order_of_their_ids() -> None:
    scheduler = Scheduler(10, 10, {})
    for number in (3, 1, 2):
        scheduler.add(entry(number))
    assert pulled(scheduler) == [1, 2, 3]
    assert len(scheduler) == 0


def test_the_higher_priority_starts_first_across_workers() -> None:
    scheduler = Scheduler(10, 10, {})
    scheduler.add(entry(1, "a", priority=-10))
    scheduler.add(entry(2, "b", priority=0))
    scheduler.add(entry(3, "a", priority=10))
    assert pulled(scheduler) == [3, 2, 1]


def test_a_worker_at_its_limit_does_not_hold_up_the_others() -> None:
    scheduler = Scheduler(10, 10, {"a": 1})
    for number in (1, 2, 3):
        scheduler.add(entry(number, "a", priority=5))
    scheduler.add(entry(4, "b"))
    assert pulled(scheduler) == [1, 4]
    assert scheduler.counts() == {"a": Counts(1, 2), "b": Counts(1, 0)}
    scheduler.release("a")
    assert pulled(scheduler) == [2]


def test_the_global_limit_bounds_all_workers_together() -> None:
    scheduler = Scheduler(2, 10, {})
    for number in range(4):
        scheduler.add(entry(number, f"w{number}"))
    assert pulled(scheduler) == [0, 1]
    assert pulled(scheduler) == []
    scheduler.release("w0")
    assert pulled(scheduler) == [2]


def test_a_free_slot_is_not_taken_past_those_who_wait_for_it() -> None:
    scheduler = Scheduler(2, 10, {})
    assert scheduler.reserve("w")
    assert scheduler.reserve("w")
    assert not scheduler.reserve("w")
    scheduler.add(entry(1))
    scheduler.release("w")
    assert not scheduler.reserve("w"), "task 1 was there first"
    assert pulled(scheduler) == [1]


def test_the_queue_is_bounded_by_what_is_promised_too() -> None:
    scheduler = Scheduler(0, 2, {})
    assert scheduler.expect()
    assert scheduler.expect()
    assert not scheduler.expect()
    scheduler.expected(None)
    assert scheduler.expect()
    scheduler.expected(entry(1))
    scheduler.expected(entry(2))
    assert not scheduler.expect()


def test_a_delayed_task_waits_for_its_time_and_then_for_its_turn() -> None:
    scheduler = Scheduler(1, 10, {})
    scheduler.add(entry(1, not_before=100))
    scheduler.add(entry(2, not_before=50, priority=1))
    assert wait(scheduler, 20) == 30
    assert pulled(scheduler, 49) == []
    assert pulled(scheduler, 200) == [2]
    assert wait(scheduler) is None
    scheduler.release("w")
    assert pulled(scheduler, 0) == [1], "a clock set back does not undo that it was due"


@pytest.mark.case("P34")
def test_the_pause_before_another_attempt_does_not_know_the_wall_clock() -> None:
    scheduler = Scheduler(10, 10, {})
    scheduler.add(retry(1, resumes=100))
    scheduler.add(retry(2, resumes=50))
    scheduler.add(entry(3, not_before=10**18))
    assert wait(scheduler, wall=10**18 - 70, steady=20) == 30
    assert wait(scheduler, wall=10**18 - 7, steady=20) == 7
    assert pulled(scheduler, wall=10**18 - 1, steady=49) == [], "set forward: they wait"
    assert wait(scheduler, wall=-(10**18), steady=49) == 1, "set back: no longer than before"
    assert pulled(scheduler, wall=-(10**18), steady=50) == [2]
    assert pulled(scheduler, wall=-(10**18), steady=100) == [1]


def test_a_task_that_comes_back_waits_for_its_own_time_only() -> None:
    """What is left in the heaps of its former stays in the queue does not make it start, or start twice."""
    scheduler = Scheduler(1, 10, {})
    assert scheduler.reserve("w")
    scheduler.add(entry(1))
    scheduler.add(entry(0))
    removed = scheduler.remove(entry(1).task_id)
    assert removed is not None
    scheduler.add(removed)
    scheduler.release("w")
    assert pulled(scheduler) == [0]
    scheduler.release("w")
    assert pulled(scheduler) == [1], "once"
    scheduler.release("w")
    scheduler.add(retry(1, resumes=50))
    assert pulled(scheduler, steady=49) == []
    paused = scheduler.remove(entry(1).task_id)
    assert paused is not None
    scheduler.add(retry(1, resumes=70))
    assert pulled(scheduler, steady=69) == []
    assert wait(scheduler, steady=69) == 1
    assert pulled(scheduler, steady=70) == [1]
    scheduler.release("w")
    assert pulled(scheduler, steady=1000) == []


def test_a_removed_task_is_gone_whether_ready_or_delayed() -> None:
    scheduler = Scheduler(10, 10, {})
    scheduler.add(entry(1))
    scheduler.add(entry(2, not_before=100))
    assert scheduler.remove(entry(1).task_id) == entry(1)
    assert scheduler.remove(entry(2).task_id) is not None
    assert scheduler.remove(entry(2).task_id) is None
    assert wait(scheduler) is None
    assert pulled(scheduler, 1000) == []
    assert scheduler.counts() == {}
    assert scheduler.reserve("w"), "nobody waits any more"


def test_new_limits_hold_for_the_next_starts() -> None:
    scheduler = Scheduler(10, 10, {"w": 3})
    for number in range(6):
        scheduler.add(entry(number))
    assert pulled(scheduler) == [0, 1, 2]
    scheduler.set_limits({"w": 1})
    scheduler.release("w")
    assert pulled(scheduler) == [], "two still run, above the new limit"
    scheduler.set_limits({})
    assert pulled(scheduler) == [3, 4, 5]


Steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from("abc"), st.integers(-2, 2)),
        st.tuples(st.just("remove"), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("release"), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("reserve"), st.sampled_from("abc"), st.just(0)),
        st.tuples(st.just("pull"), st.just(0), st.just(0)),
    ),
    max_size=60,
)


@given(steps=Steps)
def test_it_does_what_sorting_everything_each_time_would(
    steps: list[tuple[str, object, int]],
) -> None:
    limits = {"a": 1, "b": 3}
    scheduler = Scheduler(4, 1000, limits)
    waiting: dict[int, Entry] = {}
    running: list[str] = []

    def free(worker: str) -> bool:
        limit = limits.get(worker, 0)
        return len(running) < 4 and (not limit or running.count(worker) < limit)

    for number, (step, what, priority) in enumerate(steps):
        if step == "add":
            waiting[number] = entry(number, str(what), priority)
            scheduler.add(waiting[number])
        elif step == "remove":
            removed = scheduler.remove(entry(int(str(what))).task_id)
            assert removed == waiting.pop(int(str(what)), None)
        elif step == "release" and running:
            scheduler.release(running.pop(int(str(what)) % len(running)))
        elif step == "reserve":
            if scheduler.reserve(str(what)):
                assert free(str(what))
                running.append(str(what))
        elif step == "pull":
            expected = []
            order = sorted(waiting, key=lambda key: (-waiting[key].priority, waiting[key].task_id))
            for key in order:
                if free(waiting[key].worker):
                    expected.append(key)
                    running.append(waiting.pop(key).worker)
            assert pulled(scheduler) == expected
    assert len(scheduler) == len(waiting)
    for worker in "abc":
        counts = scheduler.counts().get(worker, Counts())
        queued = sum(found.worker == worker for found in waiting.values())
        assert counts == Counts(running.count(worker), queued)
