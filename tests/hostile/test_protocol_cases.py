"""Every protocol case against a real server: what becomes of the task, its log, and the server's memory."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from tasky.model.containment import Kind
from tests.cli.conftest import Terminal, command, environment
from tests.helpers import Server, wait_for
from tests.hostile.arena import Arena, Ended

MIB: Final = 1 << 20
#: By how much the server may grow, whatever a worker sends.
GROWTH: Final = 64 * MIB


@pytest.fixture(scope="module")
def kind() -> Kind:
    """What workers say has nothing to do with how they are held."""
    return Kind.AUTO


def completed(arena: Arena, mode: str, **options: Any) -> Ended:
    ended = arena.unleash(mode, **options).ended()
    assert ended.status == "Completed", ended.document
    return ended


def of(stream: str, ended: Ended) -> list[str]:
    return [text for name, text in ended.log if name == stream]


class Memory:
    """How far the server grew at its peak since this was made."""

    def __init__(self, server: Server) -> None:
        self._process = Path(f"/proc/{server.process.pid}")
        (self._process / "clear_refs").write_text("5")  # forgets the former peak
        self._before = self._field("VmRSS")

    def peak(self) -> int:
        return self._field("VmHWM") - self._before

    def _field(self, name: str) -> int:
        status = (self._process / "status").read_text()
        found = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024


# ---------------------------------------------------------------------- lines that are none, or no messages


def text(*lines: str) -> list[tuple[str, str]]:
    return [("stdout", line) for line in lines]


def notes(*lines: str) -> list[tuple[str, str]]:
    return [("tasky", line) for line in lines]


def case(ids: str, mode: str, output: Any, log: list[tuple[str, str]], **options: Any) -> Any:
    name = "-".join([mode, *map(str, options.values())])
    return pytest.param(mode, options, output, log, id=name, marks=pytest.mark.case(*ids.split()))


@pytest.mark.parametrize(
    ("mode", "options", "output", "log"),
    [
        case("L1", "partial-line", "partial", text("whole")),
        case(
            "L1", "partial-line", {"string_output": 'whole\n{"type":"result","outp'},
            text("whole", '{"type":"result","outp'), json_text=False,
        ),
        case(
            "L4", "deep-nesting", "after",
            text(f'{{"type":"result","output":{"[" * 100_000}{"]" * 100_000}}}'),
        ),
        case("L5", "long-int", "after", text(f'{{"type":"result","output":{"7" * 5000}}}')),
        case("L6", "nan", "after", text('{"type":"result","output":NaN}')),
        case("L6", "infinity", "after", text('{"type":"result","output":[Infinity]}')),
        case("L6", "too-big-float", "after", text('{"type":"result","output":1e999}')),
        case("L7", "lone-surrogate", {"\ufffd": "\ufffd"}, [("log", "\ufffd")], after=False),
        case(
            "L8", "nul", "a\0b",
            [("log", "a\0b"), *notes('an artifact message was ignored: path is "a\\u0000b", not the path of a file')],
            after=False,
        ),
        case("L9", "wide-int", [1 << 64, -(1 << 127)], [], after=False),
        case(
            "L10", "duplicate-keys", "after",
            text('{"type":"result","output":1,"output":2}', '{"type":"result","type":"progress","output":3}'),
        ),
        case("L11", "two-results", "second", [], after=False),
        case(
            "L12", "after-result", "first",
            [("log", "afterwards"), ("stdout", "plain afterwards")], after=False,
        ),
        case("L17", "plain-between", "after", text("here", 'and {"type":"result","output":1} there')),
        case("L18", "bom-crlf-blank", "after", [*text("\r", "", "  \t "), ("log", "spaced")]),
        case("L19", "one-byte-writes", "byte by byte", []),
        case(
            "L22", "unknown-types", "after",
            text(
                '{"type":"dance","steps":3}', '{"type":null}', '{"type":["result"]}',
                '{"kind":"result"}', '{"type":"RESULT","output":1}', '{"type":"task","id":"x"}', '{"type":"cancel"}',
            ),
        ),
        case(
            "L23", "scalars", "after",
            text("1", '"result"', "null", "true", "[]", '[{"type":"result","output":1}]', "{}"),
        ),
        case("L25", "reopens-stdout", "reopened", text("first", "second")),
    ],
)  # fmt: skip
def test_what_is_no_message_is_text_and_the_rest_counts(
    arena: Arena, mode: str, options: dict[str, Any], output: Any, log: list[tuple[str, str]]
) -> None:
    ended = completed(arena, mode, **options)
    assert ended.output == output
    assert ended.log == log


@pytest.mark.case("L2", "L16")
def test_bytes_that_are_no_text(arena: Arena) -> None:
    """Everything that is UTF-8 stands as it is, also control characters; the rest is escaped."""
    ended = completed(arena, "binary")
    every = bytes(range(256)).decode("utf-8", "backslashreplace")
    assert ended.output == "after"
    assert "\n".join(of("stdout", ended)) == every * 4 + "\n\\xff\\xfe\\xc3("


@pytest.mark.case("L21")
def test_members_of_the_wrong_type(arena: Arena) -> None:
    ended = completed(arena, "wrong-types")
    assert ended.output == "after"
    assert ended.document["Progress"] == {"Percent": 0}
    assert of("log", ended) == ["[1]", "x", ""]
    assert of("tasky", ended) == [
        'a progress message was ignored: percent is "abc", not a number',
        "progress: percent is 150, taken as 100",
        "a progress message was ignored: percent is null, not a number",
        "a progress message was ignored: percent is true, not a number",
        "progress: percent is -1, taken as 0",
        "a progress message was ignored: message is 7, not a string",
        "a progress message was ignored: it has neither percent nor message",
        "a result message was ignored: it has no output",
        "an artifact message was ignored: path is null, not the path of a file",
        "an artifact message was ignored: path is 7, not the path of a file",
    ]


@pytest.mark.case("L27")
def test_a_message_is_of_whoever_sent_it(arena: Arena) -> None:
    other = completed(arena, "good", value="mine").document["TaskId"]
    assert completed(arena, "forged-id", other=other).output == "forged"
    assert arena.server.get(f"/tasks/{other}/result")["Output"] == "mine"


# ---------------------------------------------------------------------- too much


@pytest.mark.case("L3")
def test_a_line_of_100_mib(arena: Arena) -> None:
    memory = Memory(arena.server)
    ended = completed(arena, "long-line", mib=100)
    assert memory.peak() < GROWTH
    assert ended.output == "short"
    assert "a line of more than 1MiB was cut" in of("tasky", ended)
    assert max(map(len, of("stdout", ended))) <= MIB
    arena.others_are_served()


@pytest.mark.case("L20")
def test_no_line_end_ever(arena: Arena) -> None:
    memory = Memory(arena.server)
    ended = completed(arena, "no-newline", mib=32)
    assert memory.peak() < GROWTH
    assert ended.output["truncated"] is True
    assert set(ended.output["string_output"]) <= {"n", "\n"}


@pytest.mark.case("L14", "L15", "L18")
@pytest.mark.parametrize(
    ("mode", "mib"),
    [("stdout-flood", 64), ("stderr-flood", 64), ("progress-flood", 8), ("blank-flood", 4)],
)
def test_a_flood(arena: Arena, mode: str, mib: int) -> None:
    """All of it is read, and the result behind it counts; of the log the beginning and the end are kept."""
    memory = Memory(arena.server)
    ended = completed(arena, mode, mib=mib)
    assert ended.output == "flooded"
    assert memory.peak() < GROWTH
    folder = arena.server.state / "tasks" / ended.document["TaskId"]
    assert sum(file.stat().st_size for file in folder.rglob("log*")) < 16 * MIB


@pytest.mark.case("L14", "L15")
@pytest.mark.parametrize("mode", ["stdout-flood", "stderr-flood", "progress-flood", "blank-flood"])
def test_a_flood_without_end_holds_up_nobody(arena: Arena, mode: str) -> None:
    memory = Memory(arena.server)
    flood = arena.unleash(mode, mib=0)
    arena.server.await_status(flood.task_id, "Running")
    for _ in range(3):
        arena.others_are_served()
    assert arena.server.status(flood.task_id) == "Running"
    assert flood.cancel("0s").status == "Canceled"
    assert memory.peak() < GROWTH


# ---------------------------------------------------------------------- stdout and the end


@pytest.mark.case("L13")
def test_a_result_does_not_end_the_task(arena: Arena) -> None:
    hostile = arena.unleash("result-then-hangs")
    hostile.pids()
    answer = arena.server.request("GET", f"/tasks/{hostile.task_id}/result")
    assert (answer.status, answer.json["Status"]) == (409, "Running")
    ended = hostile.cancel()
    assert (ended.status, ended.output) == ("Canceled", "kept")


@pytest.mark.case("L24")
@pytest.mark.parametrize(("status", "end"), [(0, "Completed"), (3, "Failed")])
def test_closing_its_output_does_not_end_the_task(
    arena: Arena, tmp_path: Path, status: int, end: str
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    hostile = arena.unleash("closes-stdout", status=status, gate=str(gate))
    (pid,) = hostile.pids()
    for fd in (1, 2):
        link = Path(f"/proc/{pid}/fd/{fd}")
        wait_for(lambda link=link: str(link.readlink()) == os.devnull, "it has closed its output")
    assert arena.server.status(hostile.task_id) == "Running"
    gate.open("w").close()  # waits for it to be there
    ended = hostile.ended()
    assert (ended.status, ended.output) == (end, "kept")
    assert ended.error.get("exit_code") == (status or None)


# ---------------------------------------------------------------------- sequences for terminals


@pytest.mark.case("L26")
def test_a_terminal_is_spared_what_a_file_gets(arena: Arena) -> None:
    ended = completed(arena, "ansi")
    assert ended.log == [
        ("stdout", "\x1b[2J\x1b]0;title\x07\x1b[31mred\x1b[0m"),
        ("log", "\x1b[2J\x9b31m"),
    ]
    assert ended.document["Progress"] == {"Message": "\x1b]0;title\x07"}
    server, task_id = arena.server, ended.document["TaskId"]
    assert b"\x1b[2J\x1b]0;title\x07\x1b[31mred\x1b[0m\n" in to_a_pipe(server, "log", task_id)
    assert "red" in to_a_terminal(server, "log", task_id)
    for what in (("log", task_id), ("show", task_id), ("ps", "--all")):
        assert not set(to_a_terminal(server, *what)) & set("\x1b\x9b\x07"), what


def to_a_pipe(server: Server, *arguments: str) -> bytes:
    done = subprocess.run(command(*arguments), capture_output=True, env=environment(server))
    assert done.returncode == 0, done
    return done.stdout


def to_a_terminal(server: Server, *arguments: str) -> str:
    terminal = Terminal(server, *arguments, NO_COLOR="1")
    assert terminal.end() == 0, terminal.text
    return terminal.text
