"""Another attempt follows one that failed: when, with what, and what is kept of each."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tasky.errors import ShuttingDown, StoreFull, TaskyError, WrongState
from tasky.model.limits import Limits
from tasky.model.retry import Retry
from tasky.model.states import State
from tasky.model.task import FailureCode, Progress, Task
from tasky.store import QueuedRow
from tasky.supervisor import Counts
from tasky.supervisor.queue import Instant
from tasky.supervisor.retries import restored
from tests.helpers import wait_for
from tests.supervisor.house import (
    MILLISECOND,
    SECOND,
    Gate,
    House,
    behaving,
    canceled,
    program,
    speaker,
)
from tests.supervisor.test_store_trouble import FullDisk

HOUR = 3600 * SECOND
LATER = Retry(attempts=3, delay=HOUR)
AT_ONCE = Retry(attempts=3)

#: Fails until its third attempt; says what it found in its folder, and leaves something there.
THIRD = """
    read -r task
    echo "attempt $TASKY_ATTEMPT found $(ls | wc -l)"
    echo mess >mess
    echo '{"type":"artifact","path":"mess"}'
    echo "{\\"type\\":\\"result\\",\\"output\\":$task}"
    echo '{"type":"progress","percent":10}'
    [ $TASKY_ATTEMPT -ge 3 ] || { echo "not yet" >&2; exit 3; }
"""


def shell(name: str, script: str, **keys: Any) -> Any:
    return speaker(name, "/bin/sh", "-c", script, **keys)


def numbers(task: Task) -> list[int]:
    return [attempt.number for attempt in task.attempts]


def codes(task: Task) -> list[str | None]:
    return [attempt.failure and attempt.failure.code.value for attempt in task.attempts]


def waits_again(house: House, task_id: str, attempts: int = 1) -> Task:
    """The task, when it waits for another attempt."""
    wait_for(
        lambda: (
            house.state(task_id) is State.QUEUED
            and len(house.task(task_id).attempts) == attempts
            and house.supervisor.counts().get("w") == Counts(0, 1)
        ),
        "it waits again",
    )
    return house.task(task_id)


# ---------------------------------------------------------------------- until one succeeds


def test_each_attempt_has_its_own_times_end_log_and_folder(house: House) -> None:
    house.define(shell("w", THIRD, retry=AT_ONCE))
    task = house.run("w")
    assert task.state is State.COMPLETED
    assert task.failure is None
    first, second, third = task.attempts
    assert (first.number, first.exit_code, second.number, second.exit_code) == (1, 3, 2, 3)
    assert (third.number, third.exit_code, third.failure) == (3, 0, None)
    assert first.failure is not None
    assert first.failure.message == "exit status 3: not yet"
    assert task.started == first.started
    assert first.finished is not None
    assert first.started <= first.finished <= second.started <= third.started
    assert third.finished == task.finished
    assert task.duration is not None
    assert json.loads(task.output or "")["attempt"] == 3, "the last one's task line, and result"
    assert [artifact.path for artifact in task.artifacts] == ["mess"], "those of the last one"
    assert [(line.attempt, line.stream, line.text) for line in house.log(task.id)] == [
        (1, "stdout", "attempt 1 found 0"),
        (1, "stderr", "not yet"),
        (1, "tasky", "attempt 1 failed: exit status 3: not yet; attempt 2 follows"),
        (2, "stdout", "attempt 2 found 0"),
        (2, "stderr", "not yet"),
        (2, "tasky", "attempt 2 failed: exit status 3: not yet; attempt 3 follows"),
        (3, "stdout", "attempt 3 found 0"),
    ]


def test_the_output_of_an_ordinary_program_is_that_of_its_last_attempt(house: House) -> None:
    house.define(
        program("w", "/bin/sh", "-c", "echo $TASKY_ATTEMPT; exit $((3 - TASKY_ATTEMPT))",
                retry=AT_ONCE)
    )  # fmt: skip
    assert house.run("w").output == '{"string_output":"3"}'


def test_the_last_attempt_decides(house: House) -> None:
    house.define(shell("w", 'echo "{\\"type\\":\\"result\\",\\"output\\":$TASKY_ATTEMPT}"; exit 1',
                       retry=Retry(attempts=2)))  # fmt: skip
    task = house.run("w")
    assert task.state is State.FAILED
    assert (codes(task), task.output) == (["exit", "exit"], "2")
    assert task.attempts[1].failure == task.failure
    *_, last = house.log(task.id)
    assert last.attempt == 1, "no attempt follows the last one"


def test_who_waits_for_the_end_waits_for_the_last_one(house: House) -> None:
    house.define(shell("w", THIRD, retry=Retry(attempts=3, delay=20 * MILLISECOND)))
    submission = house.admit(house.new("w"), watch=True)
    assert submission.watcher is not None
    ended = submission.watcher.wait(60)
    assert ended is not None
    assert ended.outcome.state is State.COMPLETED
    assert numbers(house.task(submission.task_id)) == [1, 2, 3]


def test_progress_begins_anew(house: House, gate: Gate) -> None:
    script = """
        [ $TASKY_ATTEMPT = 1 ] && { echo '{"type":"progress","percent":70}'; exit 1; }
        echo '{"type":"log","message":"second"}'
        read -r word <"$1"
    """
    house.define(
        speaker("w", "/bin/sh", "-c", script, "sh", str(gate), retry=Retry(attempts=2, delay=HOUR))
    )
    task_id = house.submit("w")
    assert waits_again(house, task_id).progress == Progress(percent=70)
    house.define(speaker("w", "/bin/sh", "-c", script, "sh", str(gate), retry=Retry(attempts=2)))
    again = house.submit("w")
    wait_for(lambda: any(line.text == "second" for line in house.log(again)), "attempt 2 runs")
    assert house.task(again).progress is None
    assert house.supervisor.progress(again) is None
    gate.open()
    assert house.ended(again).state is State.COMPLETED


# ---------------------------------------------------------------------- which failures

FLOOD = "head -c 100000 /dev/zero; sleep 1000"
ENDINGS = [
    (FailureCode.WORKER, {"script": """echo '{"type":"error","message":"no"}'"""}),
    (FailureCode.EXIT, {"script": "exit 7"}),
    (FailureCode.SIGNAL, {"script": "kill -KILL $$"}),
    (FailureCode.TIMEOUT, {"script": "exec sleep 1000", "timeout": 50 * MILLISECOND}),
    (FailureCode.OUTPUT, {"script": FLOOD, "limits": Limits(output=1000)}),
    (FailureCode.SPAWN, {"script": "", "cwd": "/not/there"}),
]


@pytest.mark.parametrize(("code", "keys"), ENDINGS)
def test_what_retry_names_is_tried_again(
    house: House, code: FailureCode, keys: dict[str, Any]
) -> None:
    house.define(shell("w", retry=Retry(attempts=2, on=frozenset({code})), **keys))
    task = house.run("w")
    assert task.state is State.FAILED
    assert (numbers(task), codes(task)) == ([1, 2], [code, code])


@pytest.mark.parametrize(("code", "keys"), ENDINGS)
def test_what_it_does_not_name_is_not(
    house: House, code: FailureCode, keys: dict[str, Any]
) -> None:
    others = frozenset(FailureCode) - {code}
    house.define(shell("w", retry=Retry(attempts=2, on=others), **keys))
    task = house.run("w")
    assert (task.state, codes(task)) == (State.FAILED, [code])


@pytest.mark.case("P25")
def test_what_cannot_be_started_is_not_tried_again_in_a_storm(house: House) -> None:
    """Unless it is told to, not at all."""
    house.define(program("w", "/not/there", retry=AT_ONCE))
    assert codes(house.run("w")) == ["spawn"]
    retry = Retry(attempts=3, on=frozenset({FailureCode.SPAWN}))
    house.define(program("w", "/not/there", retry=retry))
    first, second, third = house.run("w").attempts
    assert first.finished is not None
    assert second.finished is not None
    assert second.started - first.finished > 50 * MILLISECOND
    assert third.started - second.finished > 50 * MILLISECOND


# ---------------------------------------------------------------------- while it waits


def test_its_slot_is_free_while_it_waits(houses: Callable[..., House]) -> None:
    house = houses(behaving("w", "exit", 1, retry=LATER), behaving("result", "result", 1),
                   max_tasks=1)  # fmt: skip
    task_id = house.submit("w")
    task = waits_again(house, task_id)
    assert task.not_before is not None
    assert 3000 * SECOND < task.not_before - task.attempts[0].started < 4200 * SECOND
    assert house.run("result").state is State.COMPLETED


def test_a_full_queue_takes_it_back(houses: Callable[..., House], gate: Gate) -> None:
    house = houses(speaker("w", "/bin/sh", "-c", 'read -r word <"$0"; exit 1', str(gate),
                           retry=Retry(attempts=2)), max_tasks=1, max_queued=1)  # fmt: skip
    task_id, other = house.submit("w"), house.submit("w")
    gate.open(times=4)
    assert codes(house.ended(task_id)) == codes(house.ended(other)) == ["exit", "exit"]


@pytest.mark.case("P17")
def test_canceled_while_it_waits(house: House) -> None:
    house.define(behaving("w", "exit", 1, retry=LATER))
    submission = house.admit(house.new("w"), watch=True)
    house.store.writer.sync()
    waits_again(house, submission.task_id)
    with pytest.raises(WrongState):
        house.supervisor.pause(submission.task_id)
    assert house.supervisor.cancel(submission.task_id) is State.CANCELED
    assert submission.watcher is not None
    ended = submission.watcher.wait(60)
    assert ended is not None
    assert ended.outcome.state is State.CANCELED
    task = house.task(submission.task_id)
    assert (task.state, codes(task)) == (State.CANCELED, ["exit"])
    assert task.duration is not None
    assert house.supervisor.counts() == {}


def test_canceled_while_it_runs_again(house: House) -> None:
    script = "[ $TASKY_ATTEMPT = 2 ] || exit 1; " + (
        """echo "{\\"type\\":\\"progress\\",\\"message\\":\\"$$\\"}"; exec sleep 1000"""
    )
    house.define(shell("w", script, retry=AT_ONCE))
    task_id = house.start("w")
    task = canceled(house, task_id)
    assert (task.state, codes(task)) == (State.CANCELED, ["exit", None])
    assert task.attempts[1].signal == "SIGTERM"


def test_a_paused_one_that_dies_is_tried_again(house: House) -> None:
    house.define(behaving("w", "forever", retry=LATER))
    task_id = house.submit("w")
    pid = house.pid(task_id)
    house.supervisor.pause(task_id)
    wait_for(lambda: house.state(task_id) is State.PAUSED)
    os.kill(pid, signal.SIGKILL)
    assert codes(waits_again(house, task_id)) == ["signal"]


def test_the_next_attempt_is_of_the_worker_as_it_is_then(house: House, gate: Gate) -> None:
    script = 'read -r word <"$0"; exit 1'
    house.define(speaker("w", "/bin/sh", "-c", script, str(gate), retry=AT_ONCE))
    task_id = house.submit("w")
    house.define(behaving("w", "result", 2))
    gate.open()
    task = house.ended(task_id)
    assert (task.state, task.output, codes(task)) == (State.COMPLETED, "2", ["exit", None])


def test_a_worker_that_was_removed_ends_it(house: House, gate: Gate) -> None:
    script = 'read -r word <"$0"; exit 1'
    house.define(speaker("w", "/bin/sh", "-c", script, str(gate), retry=AT_ONCE))
    task_id = house.submit("w")
    house.supervisor.reload({})
    gate.open()
    task = house.ended(task_id)
    assert (task.state, codes(task)) == (State.FAILED, ["exit", "spawn"])
    assert task.failure is not None
    assert "removed" in task.failure.message


# ---------------------------------------------------------------------- a cancel in between


class Held:
    """A thread of the store's that does nothing, from its making on until `let_go`."""

    def __init__(self, begin: Callable[[Callable[[], None]], None]) -> None:
        self._go = threading.Event()
        holds = threading.Event()

        def hold() -> None:
            holds.set()
            self._go.wait(60)

        begin(hold)
        assert holds.wait(60)

    def let_go(self) -> None:
        self._go.set()


def in_thread(action: Callable[[], object]) -> Callable[[], object]:
    """Begins it; gives what waits for its result, or error."""
    results: list[object] = []

    def act() -> None:
        try:
            results.append(action())
        except TaskyError as error:
            results.append(error)

    thread = threading.Thread(target=act)
    thread.start()

    def result() -> object:
        thread.join(60)
        return results[0]

    return result


@pytest.mark.case("P15")
def test_canceled_while_its_log_is_settled(house: House, gate: Gate) -> None:
    house.define(speaker("w", "/bin/sh", "-c", 'read -r word <"$0"; echo bye; exit 1', str(gate),
                         retry=AT_ONCE))  # fmt: skip
    other = house.store.ids.new()
    scribe = Held(
        lambda hold: house.store.scribe.finish(other, want_output=False, done=lambda _: hold())
    )
    task_id = house.submit("w")
    gate.open()
    wait_for(lambda: house.supervisor.counts() == {}, "its slot is free: it has ended")
    assert house.supervisor.cancel(task_id) is State.CANCELING
    assert house.supervisor.cancel(task_id) is State.CANCELING
    scribe.let_go()
    task = house.ended(task_id)
    assert (task.state, numbers(task)) == (State.CANCELED, [1])


@pytest.mark.case("P15")
def test_canceled_while_its_next_attempt_is_stored(house: House, gate: Gate) -> None:
    house.define(speaker("w", "/bin/sh", "-c", 'read -r word <"$0"; exit 1', str(gate),
                         retry=AT_ONCE))  # fmt: skip
    submission = house.admit(house.new("w"), watch=True)
    task_id = submission.task_id
    house.store.writer.sync()
    writer = Held(lambda hold: house.store.writer.post(lambda _: hold()))
    gate.open()

    def is_stored() -> bool:
        live = house.supervisor._register.live(task_id)
        return live is not None and live.state is State.QUEUED

    wait_for(is_stored, "the order to store it is given")
    with pytest.raises(WrongState, match="Queued"):
        house.supervisor.pause(task_id)
    answers = [in_thread(lambda: house.supervisor.cancel(task_id)) for _ in range(2)]

    def both_asked() -> bool:
        live = house.supervisor._register.live(task_id)
        return live is not None and len(live.canceled_by) == 2

    wait_for(both_asked)
    writer.let_go()
    assert [answer() for answer in answers] == [State.CANCELED, State.CANCELED]
    assert submission.watcher is not None
    ended = submission.watcher.wait(60)
    assert ended is not None
    task = house.task(task_id)
    assert (task.state, codes(task)) == (State.CANCELED, ["exit"])


@pytest.mark.case("S1")
def test_a_next_attempt_that_cannot_be_stored_yet(house: House, gate: Gate) -> None:
    script = """
        read -r word <"$0"
        message=$(head -c 200000 /dev/zero | tr '\\0' x)
        echo "{\\"type\\":\\"error\\",\\"message\\":\\"$message\\"}"
    """
    retry = Retry(attempts=2, on=frozenset({FailureCode.WORKER}))
    house.define(speaker("w", "/bin/sh", "-c", script, str(gate), retry=retry))
    task_id = house.submit("w")
    disk = FullDisk(house)
    disk.begin()
    gate.open(times=2)

    def is_refused() -> bool:
        live = house.supervisor._register.live(task_id)
        return live is not None and live.try_again is not None

    wait_for(is_refused, "its next attempt could not be stored")
    with pytest.raises(StoreFull):
        house.supervisor.cancel(task_id)
    disk.end()
    task = house.ended(task_id)
    assert (task.state, codes(task)) == (State.FAILED, ["worker", "worker"])


# ---------------------------------------------------------------------- over a restart


def test_the_next_server_goes_on_counting(houses: Callable[..., House]) -> None:
    house = houses(behaving("w", "exit", 1, retry=LATER))
    task_id = house.submit("w")
    before = waits_again(house, task_id)
    house.close()
    again = houses(behaving("w", "result", 1, retry=Retry(attempts=3, delay=1)))
    task = again.ended(task_id)
    assert (task.state, numbers(task)) == (State.COMPLETED, [1, 2])
    assert task.attempts[0] == before.attempts[0]
    assert task.started == before.attempts[0].started
    assert task.finished is not None
    assert task.duration is not None
    assert task.duration >= task.attempts[1].started - task.started


def test_the_next_server_keeps_the_pause(houses: Callable[..., House]) -> None:
    house = houses(behaving("w", "exit", 1, retry=LATER))
    task_id = house.submit("w")
    waits_again(house, task_id)
    house.close()
    again = houses(behaving("w", "exit", 1, retry=LATER))
    waits_again(again, task_id)
    assert again.supervisor.cancel(task_id) is State.CANCELED


def test_a_stop_of_the_server_is_a_loss(houses: Callable[..., House]) -> None:
    retried = behaving("w", "forever", retry=Retry(attempts=2))
    house = houses(retried, behaving("forever", "forever"))
    task_id, other = house.start("w"), house.start("forever")
    watcher = house.supervisor.watch(task_id)
    assert watcher is not None
    house.supervisor.drain()
    house.drained()
    with pytest.raises(ShuttingDown):
        watcher.wait(0)
    again = houses(retried)
    assert again.state(other) is State.FAILED
    again.pid(task_id)
    again.supervisor.drain()
    again.drained()
    last = houses(retried)
    task = last.task(task_id)
    assert (task.state, codes(task)) == (State.FAILED, ["shutdown", "shutdown"])


def test_a_stop_is_no_loss_to_one_whose_retry_does_not_name_it(
    houses: Callable[..., House],
) -> None:
    exits = frozenset({FailureCode.EXIT})
    house = houses(behaving("w", "forever", retry=Retry(attempts=2, on=exits)))
    task_id = house.start("w")
    house.supervisor.drain()
    house.drained()
    again = houses(behaving("w", "result", 1))
    assert codes(again.ended(task_id)) == ["shutdown"]


# ---------------------------------------------------------------------- clocks

DAY = 24 * HOUR


def set_clock(monkeypatch: pytest.MonkeyPatch, by: int) -> None:
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + by)


@pytest.mark.case("P34", "S16")
def test_a_wall_clock_that_is_set_back_delays_nothing(
    house: House, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = '[ $TASKY_ATTEMPT = 2 ] || { read -r word <"$0"; exit 1; }'
    retry = Retry(attempts=2, delay=50 * MILLISECOND)
    house.define(speaker("w", "/bin/sh", "-c", script, str(gate), retry=retry))
    task_id = house.submit("w")
    set_clock(monkeypatch, -DAY)
    gate.open()
    task = house.ended(task_id)
    assert (task.state, numbers(task)) == (State.COMPLETED, [1, 2])
    first, second = task.attempts
    assert first.finished == first.started, "never before its start"
    assert second.started < first.started - DAY // 2, "as the clock said"
    assert task.duration is not None
    assert 0 < task.duration < 60 * SECOND


@pytest.mark.case("P34")
def test_a_wall_clock_that_is_set_forward_hastens_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.define(behaving("w", "exit", 1, retry=LATER), behaving("other", "result", 1))
    task_id = house.submit("w")
    waits_again(house, task_id)
    set_clock(monkeypatch, DAY)
    assert house.run("other").state is State.COMPLETED, "who starts was looked at again"
    assert numbers(waits_again(house, task_id)) == [1]


NOW = Instant(wall=10**18, steady=5000)
ROW = QueuedRow("id", "w", 3, None, 2, NOW.wall - 700)


@pytest.mark.case("S16")
@pytest.mark.parametrize(
    ("not_before", "resumes"),
    [
        (NOW.wall + 250, NOW.steady + 250),
        (NOW.wall - 250, NOW.steady),
        (NOW.wall - DAY, NOW.steady),
        (NOW.wall + DAY, NOW.steady + 22 * SECOND),  # 10 s doubled, and up to a tenth more
        (None, None),
    ],
)
def test_a_pause_that_the_last_server_stored(not_before: int | None, resumes: int | None) -> None:
    retry = Retry(attempts=5, delay=10 * SECOND, backoff=2)
    entry = restored(ROW._replace(not_before=not_before), retry, NOW)
    assert (entry.resumes, entry.not_before) == (resumes, None)
    assert (entry.attempt, entry.priority, entry.began) == (3, 3, NOW.steady - 700)


def test_what_was_never_tried_waits_for_its_time_by_the_wall_clock() -> None:
    row = QueuedRow("id", "w", 0, NOW.wall + DAY, 0, None)
    entry = restored(row, Retry(), NOW)
    assert (entry.resumes, entry.not_before) == (None, NOW.wall + DAY)
    assert (entry.attempt, entry.began) == (1, None)
