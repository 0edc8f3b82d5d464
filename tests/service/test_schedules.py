"""Runs by schedule, with a real store and supervisor. No time is waited for: what is due is stored so before."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasky.model.states import State
from tasky.model.task import Task
from tasky.service import schedules as module
from tasky.service.schedules import Schedules
from tasky.service.workers import Workers
from tasky.store import Query, schedules
from tests.helpers import wait_for
from tests.service.assembly import ECHO, HOLD, Assembly

SECOND = 1_000_000_000
YEAR = 365 * 24 * 3600 * SECOND
#: So seldom that nothing becomes due while a test runs.
SELDOM = "8760h"
TIMES = f"every {YEAR}"


class Clockwork(Assembly):
    """Its workers are the test's, and so is when it begins."""

    running: Schedules | None = None

    def begin(
        self,
        *workers: tuple[str, str, dict[str, Any]],
        since: int | None = None,
        due: tuple[int, ...] = (),
        times: str = TIMES,
    ) -> None:
        """A server with these workers (name, script, schedule), whose schedules were looked at up to `since` (now),
        and of which these times are due."""
        for name, script, schedule in workers:
            self.add(name, script, schedule=schedule)
        self.start()
        for name, _, _ in workers:
            self.note(name, since=since, due=due, times=times)
        self.again()

    def note(
        self,
        worker: str,
        *,
        since: int | None = None,
        due: tuple[int, ...] = (),
        times: str = TIMES,
    ) -> None:
        looked = schedules.Looked(times, time.time_ns() if since is None else since)
        self.store.writer.call(schedules.note(worker, looked, due))

    def again(self) -> None:
        """A thread that begins with what is stored, as after a restart."""
        self.close()
        workers = Workers(self.store, self.catalogue)
        self.running = Schedules(
            self.store, workers, self.supervisor.submit, self.supervisor.cancel
        )
        self.observers.add(self.running)
        self.running.start()

    def wake(self) -> None:
        if self.running is not None:
            self.running.wake()

    def close(self) -> None:
        if self.running is not None:
            self.running.close()


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Clockwork]:
    parts = Clockwork(tmp_path)
    yield parts
    parts.close()
    parts.stop()


def runs(parts: Clockwork, worker: str) -> list[Task]:
    """In the order in which they were made."""
    found, _ = parts.service.tasks(Query(worker=worker))
    return [parts.service.task(task.id) for task in reversed(found)]


def await_runs(parts: Clockwork, worker: str, count: int) -> list[Task]:
    return wait_for(
        lambda: found if len(found := runs(parts, worker)) >= count else None,
        f"{count} runs of {worker}",
    )


def await_nothing_due(parts: Clockwork) -> None:
    wait_for(lambda: not parts.store.reader.scheduled()[1], "nothing is due any more")


def schedule(**more: Any) -> dict[str, Any]:
    return {"every": SELDOM, **more}


@pytest.mark.case("T2")
class TestOverlap:
    def test_skip(self, parts: Clockwork, caplog: pytest.LogCaptureFixture) -> None:
        parts.begin(("hold", HOLD, schedule()), due=(10, 20, 30))
        await_nothing_due(parts)
        (only,) = runs(parts, "hold")
        assert (only.due, only.state) == (10, State.RUNNING)
        assert caplog.text.count(f"is left out: {only.id} has not ended") == 2

    def test_queue(self, parts: Clockwork) -> None:
        parts.begin(("hold", HOLD, schedule(overlap="queue")), due=(10, 20, 30))
        for number in (1, 2, 3):
            found = await_runs(parts, "hold", number)
            assert [task.due for task in found] == [10, 20, 30][:number]
            parts.await_log(found[-1].id, "ready")
            parts.service.cancel(found[-1].id)
        await_nothing_due(parts)

    def test_no_more_wait_than_are_made_up_for(
        self, parts: Clockwork, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(module, "_MOST", 2)
        now = time.time_ns()
        parts.begin(
            ("hold", HOLD, {"every": "1s", "overlap": "queue"}),
            since=now - 5 * SECOND,
            due=(10, 20),
            times=f"every {SECOND}",
        )
        (first,) = await_runs(parts, "hold", 1)
        assert first.due == 10
        assert "runs are left out: 2 of hold wait already" in caplog.text
        assert all(at > now for at in parts.store.reader.scheduled()[1]["hold"] if at > 20)

    def test_replace(self, parts: Clockwork) -> None:
        parts.begin(("hold", HOLD, schedule(overlap="replace")), due=(10, 20, 30))
        found = await_runs(parts, "hold", 3)
        assert [task.due for task in found] == [10, 20, 30]
        parts.await_log(found[-1].id, "ready")
        states = [task.state for task in runs(parts, "hold")]
        assert states == [State.CANCELED, State.CANCELED, State.RUNNING]

    def test_a_run_that_somebody_else_began_is_none_of_it(self, parts: Clockwork) -> None:
        parts.add("hold", HOLD, schedule=schedule())
        parts.start()
        parts.service.submit("hold", {})
        parts.note("hold", due=(10,))
        parts.again()
        assert [task.due for task in await_runs(parts, "hold", 2)] == [None, 10]


@pytest.mark.case("T3")
class TestCatchUp:
    """Five times were missed."""

    @pytest.fixture(autouse=True)
    def _all_are_late(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_LATE", 0)

    @staticmethod
    def missed() -> list[int]:
        last = time.time_ns() // YEAR
        return [number * YEAR for number in range(last - 4, last + 1)]

    def test_none(self, parts: Clockwork, caplog: pytest.LogCaptureFixture) -> None:
        missed = self.missed()
        parts.begin(("echo", ECHO, schedule()), since=missed[0] - 1)
        wait_for(
            lambda: parts.store.reader.scheduled()[0]["echo"].since == missed[-1], "it was looked"
        )
        assert "5 runs were missed" in caplog.text
        assert runs(parts, "echo") == []

    def test_one(self, parts: Clockwork, caplog: pytest.LogCaptureFixture) -> None:
        missed = self.missed()
        parts.begin(("echo", ECHO, schedule(catch_up="one")), since=missed[0] - 1)
        (only,) = await_runs(parts, "echo", 1)
        assert only.due == missed[-1]
        assert "4 runs were missed" in caplog.text

    def test_all(self, parts: Clockwork) -> None:
        missed = self.missed()
        parts.begin(
            ("echo", ECHO, schedule(catch_up="all", overlap="queue")),
            since=missed[0] - 1,
        )
        assert [task.due for task in await_runs(parts, "echo", 5)] == missed
        await_nothing_due(parts)


@pytest.mark.case("T6")
def test_a_disabled_worker_leaves_its_runs_out(
    parts: Clockwork, caplog: pytest.LogCaptureFixture
) -> None:
    parts.add("echo", ECHO, enabled=False, schedule=schedule())
    parts.start()
    parts.note("echo", due=(10,))
    parts.again()
    await_nothing_due(parts)
    assert runs(parts, "echo") == []
    assert "is left out: the worker echo is disabled" in caplog.text


@pytest.mark.case("T7")
def test_a_definition_that_says_another_time_begins_anew(parts: Clockwork) -> None:
    """Else every second since 1970 would have been missed, and the last ones be due."""
    before = time.time_ns()
    parts.begin(
        ("echo", ECHO, schedule(catch_up="one")),
        since=0,
        times=f"every {SECOND}",
    )
    looked = wait_for(
        lambda: one if (one := parts.store.reader.scheduled()[0]["echo"]).since else None, "looked"
    )
    assert looked.times == TIMES
    assert looked.since >= before
    assert runs(parts, "echo") == []


@pytest.mark.case("T7")
def test_a_schedule_that_is_gone_is_forgotten_with_what_was_due(parts: Clockwork) -> None:
    parts.begin(("hold", HOLD, schedule(overlap="queue")), due=(10, 20))
    (only,) = await_runs(parts, "hold", 1)
    parts.await_log(only.id, "ready")  # its program is rewritten: no start is to meet that
    parts.add("hold", HOLD)
    parts.reload()
    parts.wake()
    wait_for(lambda: parts.store.reader.scheduled() == ({}, {}), "it is forgotten")
    assert parts.service.task(only.id).due == 10


@pytest.mark.case("T4")
class TestClockSetBack:
    def test_by_little_it_is_waited_for(self, parts: Clockwork) -> None:
        """The other one shows that both were looked at."""
        ahead = time.time_ns() + 3600 * SECOND
        parts.add("back", ECHO, schedule={"every": "1s"})
        parts.add("other", ECHO, schedule=schedule())
        parts.start()
        parts.note("back", since=ahead, times=f"every {SECOND}")
        parts.note("other", due=(10,))
        parts.again()
        await_runs(parts, "other", 1)
        assert parts.store.reader.scheduled()[0]["back"].since == ahead
        assert runs(parts, "back") == []

    def test_by_much_it_begins_anew(
        self, parts: Clockwork, caplog: pytest.LogCaptureFixture
    ) -> None:
        parts.begin(
            ("back", ECHO, {"every": "1s"}),
            since=time.time_ns() + YEAR,
            times=f"every {SECOND}",
        )
        first = await_runs(parts, "back", 1)[0]
        assert first.due is not None
        assert first.due <= time.time_ns()
        assert "the clock was set back: back is due from now on" in caplog.text


@pytest.mark.case("T1")
def test_one_run_for_each_second_however_often_it_is_looked_at(parts: Clockwork) -> None:
    """It is woken all the time, and begun again with what is stored."""
    parts.begin(("echo", ECHO, {"every": "1s", "overlap": "queue"}), times=f"every {SECOND}")
    over = threading.Event()

    def nag() -> None:
        while not over.wait(0.001):
            parts.wake()

    nagging = threading.Thread(target=nag)
    nagging.start()
    try:
        for count in (1, 2, 3):
            await_runs(parts, "echo", count)
            parts.again()
    finally:
        over.set()
        nagging.join()
    parts.close()
    times = [task.due or 0 for task in runs(parts, "echo")]
    assert times == [*range(times[0], times[-1] + 1, SECOND)]
    assert len(times) >= 3
