"""P: how a task ends when its worker, its client and its clock do not agree."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasky.model.containment import Kind
from tests.helpers import Server, serving, wait_for
from tests.hostile.arena import Arena, define, define_unread, workers
from tests.supervisor.house import Gate, process_state


@pytest.fixture(scope="module")
def kind() -> Kind:
    """Nothing here has to do with it."""
    return Kind.AUTO


@pytest.fixture(scope="module")
def server(kind: Kind, folder: Path) -> Iterator[Server]:
    definitions = workers(folder / "workers.d")
    define(definitions, "one_by_one", max_tasks=1)
    for mode in ("exits", "result-and-exit", "never-reads"):
        define_unread(definitions, mode)
    with serving(definitions, folder / "state", TASKY_MAX_BODY="16MiB") as server:
        yield server


# ---------------------------------------------------------------------- what the worker does

#: More than a pipe holds.
LONG = {"data": "x" * 500_000}


@pytest.mark.case("P9")
def test_it_exits_before_it_has_read(arena: Arena) -> None:
    ended = arena.submit("exits", LONG).ended()
    assert (ended.status, ended.output, ended.notes) == ("Completed", None, [])
    ended = arena.submit("result-and-exit", LONG).ended()
    assert (ended.code, ended.error["exit_code"], ended.output) == ("exit", 3, "kept")


@pytest.mark.case("P10")
def test_it_never_reads(arena: Arena) -> None:
    """Nobody waits for it meanwhile, and its time is up like any other's."""
    hostile = arena.submit("never-reads", {"data": "x" * 10_000_000}, "?timeout=1s")
    hostile.pids()
    arena.others_are_served()
    ended = hostile.ended()
    assert (ended.status, ended.code) == ("Failed", "timeout")


ENDS: list[tuple[str, dict[str, Any], tuple[Any, ...]]] = [
    ("exits", {"status": 0}, ("Completed", None, None, None)),
    ("exits", {"status": 3}, ("Failed", "exit", 3, None)),
    ("result-and-exit", {"status": 0}, ("Completed", None, None, "kept")),
    ("result-and-exit", {"status": 3}, ("Failed", "exit", 3, "kept")),
    ("error-and-exit", {"status": 0}, ("Failed", "worker", None, "kept")),
    ("error-and-exit", {"status": 3}, ("Failed", "worker", 3, "kept")),
    ("says", {"text": "plain\n"}, ("Completed", None, None, {"string_output": "plain"})),
    ("says", {"text": "plain", "status": 3}, ("Failed", "exit", 3, None)),
]


@pytest.mark.case("P11")
@pytest.mark.parametrize(("mode", "options", "expected"), ENDS)
def test_result_error_and_status(
    arena: Arena, mode: str, options: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    ended = arena.unleash(mode, **options).ended()
    assert (ended.status, ended.code, ended.error.get("exit_code"), ended.output) == expected


@pytest.mark.case("P12")
def test_a_result_and_no_end(arena: Arena) -> None:
    """The contract says that the last result counts, so the server waits for another; `timeout` ends that."""
    ended = arena.unleash("result-then-hangs", query="?timeout=2s").ended()
    assert (ended.status, ended.code, ended.output) == ("Failed", "timeout", "kept")


# ---------------------------------------------------------------------- what its client does


@pytest.mark.case("P15")
def test_cancel_races_with_the_end(arena: Arena, server: Server) -> None:
    """One of them wins, and is what was answered."""
    outcomes = set()
    for turn in range(30):
        racer = arena.submit("true")
        time.sleep(turn / 10_000)  # from too early to too late
        answer = server.request("POST", f"/tasks/{racer.task_id}/cancel")
        assert answer.status in (202, 409), answer
        status = racer.ended().status
        assert status == ("Canceled" if answer.status == 202 else "Completed")
        assert racer.ended().status == status, "it stays so"
        outcomes.add(status)
    print(outcomes)


@pytest.mark.case("P17")
def test_a_queued_one_that_is_canceled_never_starts(arena: Arena, server: Server) -> None:
    first = arena.unleash("waits", worker="one_by_one")
    first.pids()
    queued = arena.unleash("good", worker="one_by_one")
    assert server.status(queued.task_id) == "Queued"
    ended = queued.cancel()
    assert (ended.status, ended.document["Attempts"]) == ("Canceled", [])
    first.cancel()
    assert arena.unleash("good", worker="one_by_one").ended().status == "Completed"
    assert server.get(f"/tasks/{queued.task_id}") == ended.document


@pytest.mark.case("P18")
@pytest.mark.parametrize("status", [0, 3])
def test_an_ended_one_is_not_canceled(arena: Arena, server: Server, status: int) -> None:
    ended = arena.unleash("exits", status=status).ended()
    path = f"/tasks/{ended.document['TaskId']}"
    answer = server.request("POST", f"{path}/cancel?grace=0s")
    assert answer.status == 409
    assert ended.status in answer.json["detail"]
    assert server.get(path) == ended.document


# ---------------------------------------------------------------------- all at once


class Stopped:
    """A server that is stopped, so that what happens meanwhile happens to it all at once."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __enter__(self) -> None:
        self._server.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: process_state(self._server.process.pid) == "T", "it is stopped")

    def __exit__(self, *_: object) -> None:
        self._server.process.send_signal(signal.SIGCONT)


@pytest.mark.case("P33")
def test_exit_and_timeout_in_one_turn(arena: Arena, server: Server, gate: Gate) -> None:
    """It exited, so the timeout that was seen together with that is not the reason."""
    started = time.monotonic()
    hostile = arena.unleash("closes-stdout", query="?timeout=5s", gate=str(gate))
    (pid,) = hostile.pids()
    with Stopped(server):
        gate.open()
        wait_for(lambda: process_state(pid) == "Z", "it has exited")
        wait_for(lambda: time.monotonic() > started + 5.5, "its time is over")
    ended = hostile.ended()
    assert (ended.status, ended.output) == ("Completed", "kept")


@pytest.mark.case("P33")
def test_cancel_and_timeout_before_the_exit(arena: Arena, server: Server) -> None:
    """A cancel that was accepted first is the reason, though the time is over, too, before the process is."""
    hostile = arena.unleash("ignores-term", query="?timeout=2s", worker="patient")
    hostile.pids()
    assert server.request("POST", f"/tasks/{hostile.task_id}/cancel?grace=2s").status == 202
    assert hostile.ended().status == "Canceled"
