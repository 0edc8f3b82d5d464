"""Processes that serve one task after another: each task is as if it had one of its own, and no fault of one is felt
by the next."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tasky.model.containment import Kind
from tasky.model.limits import Limits
from tasky.model.params import Parameters
from tasky.model.retry import Retry
from tasky.model.reuse import Reuse
from tasky.model.states import State
from tasky.model.task import FailureCode
from tests.helpers import all_pids, wait_for
from tests.supervisor.house import MILLISECOND, SECOND, Gate, House, canceled, process_state
from tests.supervisor.waiting import (
    ACTS,
    PROGRAM,
    act,
    answer,
    at_work,
    begin,
    lines,
    said,
    waiting,
    waits,
)

REUSE = Reuse()
HOUR = 3600 * SECOND


@pytest.fixture
def reusing(houses: Callable[..., House], kind: Kind) -> House:
    return houses(waiting(reuse=REUSE), containment=kind)


@pytest.fixture
def house(houses: Callable[..., House]) -> House:
    return houses(waiting(reuse=REUSE))


def test_one_process_serves_one_task_after_the_other(reusing: House) -> None:
    answers = [answer(reusing, ["write", f"{n}"], ["say", f"task {n}"]) for n in range(3)]
    assert [each["served"] for each in answers] == [1, 2, 3]
    assert {each["pid"] for each in answers} == {answers[0]["pid"]}
    assert len({each["workdir"] for each in answers}) == 3
    assert [each["files"] for each in answers] == [["0"], ["1"], ["2"]], "each is fresh"
    tasks = [reusing.task(each["id"]) for each in answers]
    assert [lines(reusing, task) for task in tasks] == [["task 0"], ["task 1"], ["task 2"]]
    assert [task.attempts[0].exit_code for task in tasks] == [None] * 3, "it has not exited"


def test_what_it_finds(house: House) -> None:
    found = answer(house)
    folder = found["environ"]["TASKY_PROCESS"]
    assert found["environ"] == {
        "TASKY_PROTOCOL": "2", "TASKY_WORKER": "waiting", "TASKY_PROCESS": folder,
    }  # fmt: skip
    assert found["cwd"] == folder
    assert Path(folder).parent == Path(found["workdir"]).parent
    wait_for(lambda: at_work(house) == [Path(folder).name], "the task's folder is gone, not its")
    house.supervisor.drop_waiting()
    wait_for(lambda: not at_work(house), "its folder goes with it")


def test_an_error_ends_the_task_and_not_the_process(house: House) -> None:
    first = answer(house)
    failed = act(house, ["message", {"type": "error", "message": "no", "code": "x"}])
    assert failed.failure is not None
    assert (failed.failure.code, failed.failure.message) == (FailureCode.WORKER, "no")
    assert failed.failure.exit_code is None
    assert answer(house)["pid"] == first["pid"]


def test_done_without_a_result(house: House) -> None:
    assert act(house, ["message", {"type": "result"}]).output == "null"
    printed = act(house, ["say", "hello"], ["message", {"type": "result"}])
    assert printed.output == '{"string_output":"hello"}'
    assert answer(house)["served"] == 3


def test_its_exit_counts_as_ever(house: House) -> None:
    assert act(house, ["say", "hello"], ["exit", 0]).output == '{"string_output":"hello"}'
    failed = act(house, ["exit", 7])
    assert failed.failure is not None
    assert (failed.failure.code, failed.failure.exit_code) == (FailureCode.EXIT, 7)
    assert answer(house)["served"] == 1


@pytest.mark.case("W9")
def test_after_so_many_tasks_it_ends(houses: Callable[..., House]) -> None:
    house = houses(waiting(reuse=Reuse(tasks=2)))
    answers = [answer(house) for _ in range(4)]
    assert [each["served"] for each in answers] == [1, 2, 1, 2]
    wait_for(lambda: not house.processes(), "worn ones end")
    assert house.supervisor.waiting() == {}


@pytest.mark.case("W9")
def test_after_a_time_without_a_task_it_ends(houses: Callable[..., House]) -> None:
    house = houses(waiting(reuse=Reuse(idle=MILLISECOND)))
    pid = answer(house)["pid"]
    wait_for(lambda: process_state(pid) == "X", "it has ended")
    assert answer(house)["served"] == 1


def test_many_at_once(houses: Callable[..., House]) -> None:
    house = houses(waiting(reuse=REUSE, max_tasks=3))
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda _: answer(house), range(40)))
    by_process: dict[int, list[int]] = {}
    for each in answers:
        by_process.setdefault(each["pid"], []).append(each["served"])
    assert len(by_process) <= 3
    assert all(sorted(served) == list(range(1, len(served) + 1)) for served in by_process.values())


def test_each_worker_has_its_own(houses: Callable[..., House]) -> None:
    house = houses(waiting(reuse=REUSE), waiting(name="other", reuse=REUSE))
    assert answer(house)["pid"] != answer(house, worker="other")["pid"]


# ---------------------------------------------------------------------- what is left of a task


@pytest.mark.case("W2")
@pytest.mark.parametrize("kin", ["child", "daemon"])
def test_what_a_task_has_left_ends_with_it(reusing: House, kin: str) -> None:
    seconds = f"1000.{os.getpid()}"  # no other run's sleepers
    first = act(reusing, [kin, seconds], ["answer"])
    pid = said(first)["pid"]
    assert process_state(pid) == "X", "the process is not used again"
    assert "leftover processes: 1; not kept for another task" in lines(reusing, first)
    assert first.attempts[0].signal is None, "that we ended it is no matter of the task's"
    assert not [pid for pid in all_pids() if sleeps(pid, seconds)]
    assert answer(reusing)["served"] == 1


def sleeps(pid: int, seconds: str) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return command == f"sleep\0{seconds}\0".encode() and process_state(pid) not in "ZX"


@pytest.mark.case("W3")
@pytest.mark.parametrize(
    "more",
    [
        [["answer"]],
        [["say", "more"]],
        [["message", {"type": "progress", "percent": 1}]],
        [["close"]],
    ],
    ids=["answer", "text", "message", "end of file"],
)
def test_what_it_says_after_its_answer(house: House, more: Sequence[Any]) -> None:
    first = said(act(house, ["answer"], *more))
    second = answer(house)
    assert (first["served"], second["served"]) == (1, 1)
    assert lines(house, house.task(second["id"])) == []


@pytest.mark.case("W4")
@pytest.mark.parametrize("what", ["say", "stderr", "end"])
def test_what_it_does_between_two_tasks(house: House, gate: Gate, what: str) -> None:
    first = answer(house, ["later", str(gate), what])
    waits(house, 1)
    gate.open()
    waits(house, 0)
    second = answer(house)
    assert (second["served"], lines(house, house.task(second["id"]))) == (1, [])
    wait_for(lambda: process_state(first["pid"]) == "X", "it is ended")


@pytest.mark.case("W6")
@pytest.mark.parametrize(
    ("task_id", "message"),
    [(None, "its answer has no id"), ("0" * 32, "its answer has the id of another task")],
)
def test_an_answer_that_is_not_of_its_task(house: House, task_id: str | None, message: str) -> None:
    answer(house)
    wrong = act(house, ["message", {"type": "result", "output": 1, "id": task_id}])
    assert wrong.failure is not None
    assert wrong.failure.code is FailureCode.PROTOCOL
    assert message in wrong.failure.message
    assert wrong.output is None
    assert answer(house)["served"] == 1


@pytest.mark.case("W6")
def test_one_more_answer_of_the_task_before(house: House) -> None:
    """From a thread that was forgotten, say: the task that its process has by now is none the worse for it."""
    first = answer(house)
    late = {"type": "error", "message": "late", "id": first["id"]}
    second = act(house, ["message", late], ["answer"])
    assert said(second)["served"] == 2
    assert lines(house, second)[0] == "one more answer of the task before was dropped"
    assert answer(house)["served"] == 1, "it is not trusted any more"


@pytest.mark.case("W6")
def test_an_answer_that_is_too_long(houses: Callable[..., House]) -> None:
    """Its process would wait for the next task, and the server for the answer."""
    house = houses(waiting(reuse=REUSE), max_line=1000)
    plain = answer(house, ["say", "x" * 3000])
    assert plain["served"] == 1
    lost = act(house, ["message", {"type": "result", "output": "x" * 3000}])
    assert lost.failure is not None
    assert lost.failure.code is FailureCode.PROTOCOL
    assert "too long" in lost.failure.message
    assert answer(house)["served"] == 1


@pytest.mark.case("W7")
def test_an_answer_before_its_task_is_read(houses: Callable[..., House]) -> None:
    before = (
        "mine = os.read(0, 53)[21:].decode(); say(type='result', output=1, id=mine); signal.pause()"
    )
    house = houses(waiting(before, reuse=REUSE))
    tasks = [act(house), act(house)]
    assert [task.output for task in tasks] == ["1", "1"]
    assert "it answered before it had read its task: not kept for another" in lines(house, tasks[1])
    assert not house.processes()


@pytest.mark.case("W5")
def test_a_process_that_ended_unseen_fails_no_task(house: House) -> None:
    """It is stopped while it waits, so that it can be killed after it was given its task."""
    first = answer(house)
    os.kill(first["pid"], signal.SIGSTOP)
    wait_for(lambda: process_state(first["pid"]) == "T", "it is stopped")
    task_id = begin(house, ["answer"])
    wait_for(lambda: not house.supervisor.waiting(), "it is taken")
    os.kill(first["pid"], signal.SIGKILL)
    second = house.ended(task_id)
    assert said(second)["served"] == 1
    assert len(second.attempts) == 1


def test_one_that_dies_of_its_task_fails_it(house: House) -> None:
    answer(house)
    failed = act(house, ["exit", 9])
    assert failed.failure is not None
    assert failed.failure.code is FailureCode.EXIT
    assert answer(house)["served"] == 1


# ---------------------------------------------------------------------- what is asked for


@pytest.mark.case("W8")
def test_a_cancel_ends_that_process_only(house: House) -> None:
    hanging, other = begin(house, ["hang"]), begin(house, ["hang"])
    pids = house.pid(hanging), house.pid(other)
    assert canceled(house, hanging).state is State.CANCELED
    assert (process_state(pids[0]), process_state(pids[1])) == ("X", "S")
    canceled(house, other, 0)
    assert answer(house)["served"] == 1


@pytest.mark.case("W8")
def test_who_ignores_the_signal_reads_that_there_is_no_more(house: House, gate: Gate) -> None:
    """So it ends without SIGKILL, once it has answered."""
    task_id = begin(house, ["deaf"], ["message", {"type": "progress", "message": "1"}],
                    ["gate", str(gate)], ["answer"])  # fmt: skip
    house.pid(task_id)
    house.supervisor.cancel(task_id, HOUR)
    gate.open()
    task = house.ended(task_id)
    assert task.state is State.CANCELED
    assert task.output is not None
    assert task.attempts[0].exit_code == 0


@pytest.mark.case("W8")
def test_a_timeout_ends_that_process_only(house: House) -> None:
    first = answer(house)
    late = house.ended(begin(house, ["hang"], timeout=MILLISECOND))
    assert late.failure is not None
    assert late.failure.code is FailureCode.TIMEOUT
    assert process_state(first["pid"]) == "X"


@pytest.mark.case("W8")
def test_a_timeout_is_the_tasks_alone(houses: Callable[..., House], gate: Gate) -> None:
    house = houses(waiting(reuse=REUSE, timeout=HOUR))
    first = answer(house)
    assert house.ended(begin(house, ["answer"], timeout=HOUR)).state is State.COMPLETED
    assert answer(house)["pid"] == first["pid"]


@pytest.mark.case("W8")
def test_one_that_is_paused_is_not_taken_at_its_word(reusing: House, gate: Gate) -> None:
    task_id = begin(reusing, ["message", {"type": "progress", "message": "1"}],
                    ["gate", str(gate)], ["answer"])  # fmt: skip
    reusing.pid(task_id)
    reusing.supervisor.pause(task_id)
    gate.open()
    reusing.supervisor.resume(task_id)
    assert said(reusing.ended(task_id))["served"] == 1
    assert answer(reusing)["served"] == 2


def test_another_attempt_may_have_the_same_process(houses: Callable[..., House]) -> None:
    retry = Retry(attempts=2, on=frozenset({FailureCode.WORKER}))
    house = houses(waiting(reuse=REUSE, retry=retry))
    task = act(house, ["say", "once"], ["message", {"type": "error", "message": "no"}])
    assert [attempt.number for attempt in task.attempts] == [1, 2]
    assert answer(house)["served"] == 3


def test_limits_of_output_are_the_tasks(houses: Callable[..., House]) -> None:
    house = houses(waiting(reuse=REUSE, limits=Limits(output=2000)))
    line = "x" * 1000
    assert [answer(house, ["say", line])["served"] for _ in range(3)] == [1, 2, 3]
    over = act(house, ["say", line], ["say", line], ["answer"])
    assert over.failure is not None
    assert over.failure.code is FailureCode.OUTPUT
    assert answer(house)["served"] == 1


def test_secrets_are_masked_for_each_task(houses: Callable[..., House]) -> None:
    parameters = Parameters(
        {"acts": {"type": "array"}, "password": {"type": "string", "secret": True}}
    )
    house = houses(waiting(reuse=REUSE, parameters=parameters))
    for word in ("first-secret", "second-secret"):
        params = {"acts": [["say", word], ["answer"]], "password": word}
        task = house.run("waiting", params)
        assert lines(house, task) == ["******"]


# ---------------------------------------------------------------------- definitions, slots, the server


@pytest.mark.case("W9")
def test_a_reload_ends_what_waits(house: House, gate: Gate) -> None:
    first = answer(house)
    busy = begin(house, ["message", {"type": "progress", "message": "1"}],
                 ["gate", str(gate)], ["answer"])  # fmt: skip
    house.pid(busy)
    house.define(dataclasses.replace(house.definitions["waiting"], env={"X": "1"}))
    gate.open()
    assert said(house.ended(busy))["pid"] == first["pid"], "it ends with the task that it has"
    assert answer(house)["served"] == 1
    wait_for(lambda: process_state(first["pid"]) == "X", "then it ends")


@pytest.mark.case("W9")
def test_a_changed_program_is_used_at_once(houses: Callable[..., House], tmp_path: Path) -> None:
    program = tmp_path / "waiting.py"
    shutil.copy(PROGRAM, program)
    house = houses(waiting(program=program, reuse=REUSE))
    assert [answer(house)["served"] for _ in range(2)] == [1, 2]
    with program.open("a") as file:
        file.write("\n# changed\n")
    assert answer(house)["served"] == 1


@pytest.mark.case("W10")
def test_those_that_wait_make_room(houses: Callable[..., House]) -> None:
    house = houses(waiting(reuse=REUSE), waiting(name="other", reuse=REUSE), max_tasks=2)
    pids = [house.pid(each) for each in (begin(house, ["hang"]), begin(house, ["hang"]))]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    answer(house)
    waits(house, 1)
    other = [begin(house, ["hang"], worker="other") for _ in range(2)]
    assert all(house.pid(task_id) for task_id in other)
    assert house.supervisor.waiting() == {}


@pytest.mark.case("W11")
def test_a_drain_ends_them(houses: Callable[..., House], gate: Gate) -> None:
    house = houses(waiting(reuse=REUSE, kill_grace=HOUR))
    idle = answer(house)
    hanging = begin(house, ["hang"])
    house.pid(hanging)
    house.supervisor.drain()
    house.drained()
    assert process_state(idle["pid"]) == "X"
    assert not at_work(house)


def test_one_that_does_not_end_is_killed(houses: Callable[..., House]) -> None:
    house = houses(waiting("signal.signal(signal.SIGTERM, signal.SIG_IGN)", reuse=REUSE))
    pid = answer(house)["pid"]
    os.kill(pid, signal.SIGSTOP)
    house.supervisor.drop_waiting()
    wait_for(lambda: process_state(pid) == "X", "it is killed")


def test_nothing_is_open_for_an_ordinary_worker(houses: Callable[..., House]) -> None:
    """Without reuse a result ends nothing, and the exit counts."""
    house = houses(waiting(parameters=ACTS))
    task = act(house, ["answer"], ["message", {"type": "result", "output": 2}])
    assert (task.output, task.attempts[0].exit_code) == ("2", 0)
