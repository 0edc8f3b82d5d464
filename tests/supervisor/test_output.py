"""What workers say, end to end: messages, text, and what no program should write."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasky.model.states import State
from tasky.model.task import Progress
from tasky.model.worker import WorkerDefinition
from tasky.store import Stream
from tests.helpers import wait_for
from tests.supervisor.house import Gate, House, canceled, parameters, program, speaker

MIB = 1 << 20


def memory(name: str) -> int:
    """A field of /proc/self/status in bytes."""
    match = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert match is not None
    return int(match[1]) * 1024


class Growth:
    """How far the process grew at its peak since this was made."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # forgets the former peak
        self._before = memory("VmRSS")

    def peak(self) -> int:
        return memory("VmHWM") - self._before


def lines(house: House, task_id: str) -> list[tuple[Stream, str]]:
    return [(line.stream, line.text) for line in house.log(task_id)]


def test_progress_is_in_memory_at_once_and_stored_at_the_end(house: House) -> None:
    task = house.run(house.behave("progress", 40))
    assert task.progress == Progress(percent=40)
    assert house.supervisor.progress(task.id) is None, "nothing is kept of an ended task"


def test_progress_is_stored_while_it_runs(house: House) -> None:
    task_id = house.start(house.behave("forever"))
    wait_for(lambda: house.task(task_id).progress, "a crash would not lose it")
    canceled(house, task_id)


def test_log_messages_and_text_keep_their_order(house: House) -> None:
    task = house.run(house.behave("logs"))
    first, second, third = house.log(task.id)
    assert (first.stream, first.level, first.text) == (Stream.LOG, "warning", "careful")
    assert first.fields == {"disk": "sda"}
    assert (second.stream, second.text) == (Stream.STDOUT, "between")
    assert (third.level, third.text) == ("info", "and again")


@pytest.mark.case("L1")
def test_the_last_line_may_lack_its_newline(house: House) -> None:
    task = house.run(house.behave("partial"))
    assert task.output == '"no newline"'
    assert lines(house, task.id) == [(Stream.STDOUT, "whole")]


@pytest.mark.case("L2", "L16")
def test_bytes_that_are_no_utf_8(house: House) -> None:
    task = house.run(house.behave("rubbish"))
    assert task.output == '"after rubbish"'
    assert lines(house, task.id) == [(Stream.STDOUT, "\\xff\\xfe \\xc3(")]


@pytest.mark.case("L7")
def test_half_a_surrogate_pair(house: House) -> None:
    """JSON can say it, UTF-8 cannot."""
    message = '{"type":"%s","output":"\\ud800","message":"\\udfff","\\udead":1}'
    house.define(
        speaker("w", "/usr/bin/printf", "%s\n", message % "log", message % "result", "end")
    )
    task = house.run("w")
    assert task.state is State.COMPLETED
    assert task.output is not None
    json.loads(task.output).encode()
    assert lines(house, task.id)[-1] == (Stream.STDOUT, "end")
    assert len(lines(house, task.id)) == 2


def test_secrets_are_masked_in_all_that_it_says(house: House) -> None:
    script = """
        read -r task
        echo hunter22 >&2
        echo "plain hunter22"
        echo '{"type":"progress","percent":1,"message":"at hunter22"}'
        echo '{"type":"log","message":"it is hunter22","password":"hunter22"}'
        echo '{"type":"result","output":{"was":["hunter22"]}}'
        echo '{"type":"error","message":"bad hunter22","code":"hunter22","details":"hunter22"}'
    """
    house.define(
        speaker(
            "w",
            "/bin/sh",
            "-c",
            script,
            parameters=parameters(password={"type": "string", "secret": True}),
        )
    )
    task = house.run("w", {"password": "hunter22"})
    assert task.output == '{"was":["******"]}'
    assert task.progress == Progress(percent=1, message="at ******")
    assert task.failure is not None
    assert "hunter22" not in json.dumps(task.failure.as_json())
    assert "bad ******" in task.failure.message
    log = b"".join(file.read_bytes() for file in house.folder_of(task.id).glob("log*"))
    assert b"******" in log
    assert b"hunter22" not in log


@pytest.mark.parametrize("now", [{"type": "string"}, {"type": "string", "maxLength": 3}])
def test_what_was_secret_when_it_was_submitted_is_masked(
    houses: Callable[..., House], gate: Gate, now: dict[str, Any]
) -> None:
    """Though the worker's definition has changed while the task waited; also where it does not fit any more."""
    script = """read -r task; echo hunter22 >&2; exit 1"""

    def worker(schema: dict[str, Any]) -> WorkerDefinition:
        return speaker("w", "/bin/sh", "-c", script, parameters=parameters(password=schema))

    house = houses(worker({"type": "string", "secret": True}), max_tasks=1)
    house.behave("gate", gate)
    first = house.start("gate")
    task_id = house.submit("w", {"password": "hunter22"})
    house.define(worker(now))
    gate.open()
    house.ended(first)
    task = house.ended(task_id)
    assert task.failure is not None
    assert "hunter22" not in task.failure.message
    assert "hunter22" not in str(house.log(task_id))


@pytest.mark.case("L14")
def test_a_flood_of_text(house: House) -> None:
    """128 MiB of lines: the log is bounded, memory too, and others have their turn meanwhile."""
    house.define(
        program("flood", "/bin/sh", "-c", "yes 0123456789abcdef | head -c 134217728"),
        program("true", "/bin/true"),
    )
    house.run("true")
    growth = Growth()
    task_id = house.submit("flood")
    assert house.run("true").state is State.COMPLETED
    task = house.ended(task_id)
    assert task.state is State.COMPLETED
    assert growth.peak() < 32 * MIB
    size = sum(file.stat().st_size for file in house.folder_of(task_id).glob("log*"))
    assert size <= (4 << 20) + 4096
    assert task.output is not None
    assert json.loads(task.output)["truncated"] is True


@pytest.mark.case("L14")
@pytest.mark.parametrize(
    "line",
    ['{"type":"progress","percent":5,"message":"x"}', '{"type":"log","message":"a line","n":1}'],
    ids=["progress", "log"],
)
def test_a_flood_of_messages(house: House, line: str) -> None:
    house.define(
        speaker("flood", "/bin/sh", "-c", f"yes '{line}' | head -n 100000"),
        program("true", "/bin/true"),
    )
    house.run("true")
    growth = Growth()
    task_id = house.submit("flood")
    assert house.run("true").state is State.COMPLETED
    assert house.ended(task_id).state is State.COMPLETED
    assert growth.peak() < 32 * MIB


@pytest.mark.case("L3")
def test_a_line_of_100_mb(house: House) -> None:
    house.define(
        speaker("long", "/bin/sh", "-c", "head -c 100000000 /dev/zero | tr '\\0' x"),
    )
    growth = Growth()
    task = house.run("long")
    assert task.state is State.COMPLETED
    assert growth.peak() < 32 * MIB
    assert "a line of more than 1MiB was cut" in [text for _, text in lines(house, task.id)]


@pytest.mark.case("P10")
def test_a_worker_that_never_reads(house: House) -> None:
    """10 MB of input for a pipe of 64 KiB: it can be canceled, and nothing of it is left."""
    house.behave("never_reads", parameters=parameters(padding={"type": "string"}))
    task_id = house.start("never_reads", {"padding": "x" * 10_000_000})
    assert canceled(house, task_id).state is State.CANCELED


@pytest.mark.case("P9")
def test_a_worker_that_ends_without_reading(house: House) -> None:
    house.behave("exits_at_once", parameters=parameters(padding={"type": "string"}))
    assert house.run("exits_at_once", {"padding": "x" * 10_000_000}).state is State.COMPLETED


def test_a_long_task_line_arrives_whole(house: House) -> None:
    house.define(
        speaker("count", "/usr/bin/wc", "-c", parameters=parameters(padding={"type": "string"}))
    )
    task = house.run("count", {"padding": "x" * 3_000_000})
    assert task.output is not None
    assert int(json.loads(task.output)["string_output"]) > 3_000_000


@pytest.mark.case("L24")
def test_a_worker_may_close_its_pipes_and_go_on(house: House, gate: Gate) -> None:
    task_id = house.submit(house.behave("closes_its_pipes", gate))
    gate.open()
    task = house.ended(task_id)
    assert task.failure is not None
    assert task.failure.exit_code == 3


@pytest.mark.case("L25")
def test_a_worker_may_open_its_stdout_again(house: House) -> None:
    house.define(program("w", "/bin/sh", "-c", "echo again >/dev/stdout"))
    task = house.run("w")
    assert task.output is not None
    assert json.loads(task.output) == {"string_output": "again"}


def test_an_ordinary_program_reads_nothing(house: House) -> None:
    house.define(program("cat", "/bin/cat"))
    assert house.run("cat").output == "null"
