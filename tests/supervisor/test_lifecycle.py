"""From a submission to an outcome: what each way to end is told as."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tasky.errors import QueueFull
from tasky.model.states import State
from tasky.model.task import FailureCode, Idempotency, Progress, Task
from tasky.store import Stream
from tasky.supervisor import Counts
from tasky.supervisor.process import Process
from tests.helpers import wait_for
from tests.supervisor.house import Gate, House, behaving, parameters, program


def output(task: Task) -> object:
    assert task.output is not None
    return json.loads(task.output)


@pytest.mark.case("P11")
def test_a_result(house: House) -> None:
    task = house.run(house.behave("result", '{"a":[1,"é"]}'))
    assert task.state is State.COMPLETED
    assert output(task) == {"a": [1, "é"]}
    assert task.failure is None
    (attempt,) = task.attempts
    assert (attempt.number, attempt.exit_code, attempt.signal) == (1, 0, None)
    assert attempt.finished == task.finished
    assert task.started is not None
    assert task.finished is not None
    assert task.created <= task.started <= task.finished
    assert task.duration is not None
    assert task.duration > 0


@pytest.mark.case("L11")
def test_the_last_result_counts(house: House) -> None:
    assert output(house.run(house.behave("two_results"))) == 2


@pytest.mark.case("P11")
def test_no_result_and_no_text_is_null(house: House) -> None:
    house.define(program("true", "/bin/true"))
    task = house.run("true")
    assert (task.state, task.output) == (State.COMPLETED, "null")
    work = Path(house.store.folders.work(task.id))
    wait_for(lambda: not work.exists(), "nothing is left on disk")
    assert not house.folder_of(task.id).exists()


def test_text_is_the_output_where_there_is_no_result(house: House) -> None:
    task = house.run(house.behave("plain"))
    assert output(task) == {"string_output": 'one\ntwo\n{"type":"dance"}'}
    assert task.progress == Progress(percent=50)


def test_stderr_is_no_output(house: House) -> None:
    task = house.run(house.behave("stderr_only"))
    assert (task.state, task.output) == (State.COMPLETED, "null")
    assert [(line.stream, line.text) for line in house.log(task.id)] == [
        (Stream.STDERR, "a remark")
    ]


@pytest.mark.case("P11")
def test_an_error_message_fails_whatever_the_exit_status(house: House) -> None:
    task = house.run(house.behave("error"))
    assert task.state is State.FAILED
    assert task.failure is not None
    assert task.failure.as_json() == {
        "code": "worker",
        "message": "no space",
        "details": {"code": "E_SPACE", "free": 0},
    }
    assert task.attempts[0].exit_code == 0


def test_an_exit_status_fails(house: House) -> None:
    task = house.run(house.behave("exit", 7))
    assert task.failure is not None
    assert task.failure.as_json() == {
        "code": "exit",
        "message": "exit status 7: last word",
        "exit_code": 7,
    }
    assert (task.attempts[0].exit_code, task.attempts[0].failure) == (7, task.failure)
    assert task.output is None


@pytest.mark.case("P11")
def test_a_result_is_kept_although_it_failed(house: House) -> None:
    task = house.run(house.behave("result_and_exit", 3))
    assert (task.state, task.output) == (State.FAILED, '"kept"')


@pytest.mark.case("P13")
def test_a_signal_fails(house: House) -> None:
    task = house.run(house.behave("killed"))
    assert task.failure is not None
    assert (task.failure.code, task.failure.signal) == (FailureCode.SIGNAL, "SIGKILL")
    assert (task.attempts[0].exit_code, task.attempts[0].signal) == (None, "SIGKILL")


@pytest.mark.case("C18")
def test_parameters_arrive_and_the_environment_is_the_allowed_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSED", "yes")
    monkeypatch.setenv("NOT_PASSED", "secret")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/x")
    house.behave("params", parameters=parameters(n={"type": "integer", "default": 5}))
    house.define(
        program("env", "/usr/bin/env", env={"LANG": "C.UTF-8"}, pass_env=("PASSED", "ABSENT"))
    )
    task = house.run("params")
    work = house.store.folders.work(task.id)
    assert output(task) == {
        "type": "task",
        "id": task.id,
        "worker": "params",
        "params": {"n": 5},
        "attempt": 1,
        "workdir": work,
    }
    task = house.run("env")
    text = output(task)
    assert isinstance(text, dict)
    assert dict(line.split("=", 1) for line in text["string_output"].split("\n")) == {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "PASSED": "yes",
        "TASKY_TASK_ID": task.id,
        "TASKY_WORKER": "env",
        "TASKY_ATTEMPT": "1",
        "TASKY_WORKDIR": house.store.folders.work(task.id),
        "TASKY_PROTOCOL": "1",
    }


def test_the_working_directory(house: House, tmp_path: Path) -> None:
    house.define(program("here", "/bin/pwd"), program("there", "/bin/pwd", cwd=str(tmp_path)))
    task = house.run("here")
    assert output(task) == {"string_output": house.store.folders.work(task.id)}
    wait_for(lambda: not Path(house.store.folders.work(task.id)).exists(), "it was the task's own")
    assert output(house.run("there")) == {"string_output": str(tmp_path)}


def test_the_command_line_is_never_a_shell(house: House) -> None:
    house.define(
        program(
            "printf",
            "/usr/bin/printf",
            "%s|",
            args=("--to={to}", "{files}"),
            parameters=parameters(to={"type": "string"}, files={"type": "array"}),
        )
    )
    task = house.run("printf", {"to": "$(id); *", "files": ["a b", ">c"]})
    assert output(task) == {"string_output": "--to=$(id); *|a b|>c|"}


def test_artifacts(house: House) -> None:
    task = house.run(house.behave("artifact"))
    (artifact,) = task.artifacts
    assert (artifact.path, artifact.media_type, artifact.size) == ("out.csv", "text/csv", 4)
    assert (house.folder_of(task.id) / "files/out.csv").read_text() == "1,2\n"
    assert [line.stream for line in house.log(task.id)] == [Stream.TASKY], "the other was refused"


def test_artifacts_without_end_are_bounded(house: House) -> None:
    task = house.run(house.behave("announce", 10_000))
    assert task.state is State.COMPLETED
    texts = [line.text for line in house.log(task.id)]
    assert "an artifact was ignored: too many are announced" in texts
    assert "further remarks of this kind are left out" in texts
    assert len(texts) <= 101


def test_nothing_is_kept_of_an_ended_task(house: House) -> None:
    """Without the garbage collector's help."""
    house.behave("logs")

    def processes() -> int:
        return sum(isinstance(item, Process) for item in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            house.run("logs")
        wait_for(lambda: processes() <= 1, "what has ended is freed")
    finally:
        gc.enable()


def test_counts(houses: Callable[..., House], gate: Gate) -> None:
    house = houses(max_tasks=1)
    house.behave("gate", gate)
    first = house.start("gate")
    second = house.submit("gate")
    assert house.supervisor.counts() == {"gate": Counts(1, 1)}
    assert house.state(second) is State.QUEUED
    gate.open()
    house.ended(first)
    gate.open()
    house.ended(second)
    assert house.supervisor.counts() == {}


def test_a_full_queue(houses: Callable[..., House], gate: Gate) -> None:
    house = houses(max_tasks=1, max_queued=1)
    house.behave("gate", gate)
    first = house.start("gate")
    second = house.submit("gate")
    refused = house.new("gate")
    with pytest.raises(QueueFull):
        house.admit(refused)
    assert house.store.reader.get(refused.id) is None
    gate.open()
    house.ended(first)
    gate.open()
    house.ended(second)


def test_an_idempotency_key_starts_one_task(house: House, gate: Gate) -> None:
    house.behave("gate", gate)
    key = Idempotency(key="k", digest="d")
    first = house.admit(house.new("gate", idempotency=key), watch=True)
    assert first.created
    for watch in (True, False):
        again = house.admit(house.new("gate", idempotency=key), watch=watch)
        assert (again.task_id, again.created, again.watcher) == (first.task_id, False, None)
    assert house.supervisor.counts() == {"gate": Counts(1, 0)}, "slots were given back"
    gate.open()
    assert first.watcher is not None
    ended = first.watcher.wait(30)
    assert ended is not None
    assert (ended.task_id, ended.state) == (first.task_id, State.COMPLETED)


def test_a_watcher_that_gives_up_leaves_a_stored_task(house: House, gate: Gate) -> None:
    submission = house.admit(house.new(house.behave("gate", gate)), watch=True)
    assert submission.watcher is not None
    assert submission.watcher.wait(0) is None
    assert house.state(submission.task_id) is State.RUNNING
    gate.open()
    assert house.ended(submission.task_id).state is State.COMPLETED
    assert house.supervisor.watch(submission.task_id) is None


def test_a_reload_counts_for_the_next_start(house: House, gate: Gate) -> None:
    house.define(behaving("w", "gate", gate, max_tasks=1))
    first = house.start("w")
    second, third = house.submit("w"), house.submit("w")
    house.define(behaving("w", "result", 2, max_tasks=1))
    gate.open("old")
    assert house.ended(first).output == '"old"'
    assert house.ended(second).output == house.ended(third).output == "2"


def test_a_worker_that_was_removed_fails_what_waited(
    houses: Callable[..., House], gate: Gate
) -> None:
    house = houses(max_tasks=1)
    house.behave("gate", gate)
    house.behave("result", 1)
    first, second = house.start("gate"), house.submit("result")
    house.supervisor.reload({})
    gate.open()
    assert house.ended(first).state is State.COMPLETED
    failure = house.ended(second).failure
    assert failure is not None
    assert (failure.code, failure.message) == (
        FailureCode.SPAWN,
        "the worker was removed while the task waited",
    )


def test_parameters_that_no_longer_fit_fail_what_waited(
    houses: Callable[..., House], gate: Gate
) -> None:
    house = houses(max_tasks=1)
    house.behave("gate", gate)
    house.behave("params", parameters=parameters(n={"type": "integer"}))
    first, second = house.start("gate"), house.submit("params", {"n": 1})
    house.behave("params", parameters=parameters(n={"type": "string"}))
    gate.open()
    house.ended(first)
    failure = house.ended(second).failure
    assert failure is not None
    assert failure.code is FailureCode.SPAWN
    assert "n:" in failure.message
