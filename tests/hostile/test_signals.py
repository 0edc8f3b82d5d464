"""P: signals that workers ignore, get from elsewhere, or send themselves. In both kinds of containment."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

from tests.helpers import Server, wait_for
from tests.hostile.arena import Arena
from tests.supervisor.chaos import is_gone

GRACE = 0.5
SIGKILL = ("Canceled", "SIGKILL")


def killed(arena: Arena, mode: str, **options: Any) -> tuple[str, str | None]:
    """How one ended that was canceled with the worker's own grace, which it had to its end."""
    hostile = arena.unleash(mode, **options)
    pids = hostile.pids()
    ended = hostile.cancel()
    assert ended.document["Seconds"] >= GRACE, "it had its time"
    wait_for(lambda: all(map(is_gone, pids)), "all are reaped")
    return ended.status, ended.attempt.get("Signal")


@pytest.mark.case("P1")
def test_sigterm_ignored(arena: Arena) -> None:
    assert killed(arena, "ignores-term") == SIGKILL


@pytest.mark.case("P1")
def test_everything_ignored_that_can_be(arena: Arena) -> None:
    assert killed(arena, "ignores-term", everything=True) == SIGKILL


@pytest.mark.case("P2")
def test_sigterm_ignored_by_the_leader_only(arena: Arena) -> None:
    assert killed(arena, "ignores-term-child-honours") == SIGKILL


@pytest.mark.case("P2")
def test_sigterm_ignored_by_a_child_only(arena: Arena) -> None:
    hostile = arena.unleash("child-ignores-term")
    pids = hostile.pids()
    ended = hostile.cancel("60s")
    assert (ended.status, ended.attempt["Signal"]) == ("Canceled", "SIGTERM")
    wait_for(lambda: all(map(is_gone, pids)), "all are reaped")


@pytest.mark.case("P14")
@pytest.mark.parametrize("group", [False, True], ids=["leader", "group"])
def test_one_that_is_stopped_gets_sigterm(arena: Arena, group: bool) -> None:
    hostile = arena.unleash("stops-itself", group=group)
    pid, *_ = hostile.pids()
    wait_for(lambda: stopped(pid), "it is stopped")
    ended = hostile.cancel("60s")
    assert (ended.status, ended.attempt["Signal"]) == ("Canceled", "SIGTERM")


def stopped(pid: int) -> bool:
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
        return file.read().rpartition(")")[2].split()[0] == "T"


@pytest.mark.case("P14")
def test_one_that_is_stopped_and_ignores_sigterm_is_killed(arena: Arena) -> None:
    hostile = arena.unleash("ignores-term")
    (pid,) = hostile.pids()
    os.kill(pid, signal.SIGSTOP)
    ended = hostile.cancel("50ms")
    assert (ended.status, ended.attempt["Signal"]) == SIGKILL


@pytest.mark.case("P16")
def test_canceled_many_times_at_once(arena: Arena) -> None:
    """One SIGTERM, and the grace of the first."""
    hostile = arena.unleash("counts-term")
    hostile.pids()
    answers: list[int] = []

    def cancel() -> None:
        answer = arena.server.request("POST", f"/tasks/{hostile.task_id}/cancel")
        answers.append(answer.status)

    threads = [threading.Thread(target=cancel) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [202] * 30
    ended = hostile.ended()
    assert (ended.status, ended.attempt["Signal"]) == SIGKILL
    assert ended.output == {"terms": 1}


@pytest.mark.case("P16")
def test_a_second_cancel_shortens_the_grace(arena: Arena) -> None:
    hostile = arena.unleash("ignores-term", worker="patient")
    hostile.pids()
    assert arena.server.request("POST", f"/tasks/{hostile.task_id}/cancel").status == 202
    assert hostile.cancel("0s").status == "Canceled"


@pytest.mark.case("P12")
def test_a_result_and_no_end(arena: Arena) -> None:
    """A later result would count, so this one is no end. What ends it is, and it is kept."""
    hostile = arena.unleash("result-then-hangs", ignores_term=True)
    hostile.pids()
    ended = hostile.cancel()
    assert (ended.status, ended.attempt["Signal"], ended.output) == (*SIGKILL, "kept")


@pytest.mark.case("P13")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, 40])
def test_killed_from_outside(arena: Arena, number: int) -> None:
    """By the kernel, an operator or anybody: that is not what we ask for."""
    hostile = arena.unleash("waits")
    (pid,) = hostile.pids()
    os.kill(pid, number)
    ended = hostile.ended()
    name = "SIG40" if number == 40 else signal.Signals(number).name
    assert (ended.status, ended.code, ended.error["signal"]) == ("Failed", "signal", name)


@pytest.mark.case("P31")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
def test_kill_0_reaches_its_own_group_only(arena: Arena, server: Server, number: int) -> None:
    other = arena.unleash("waits")
    (bystander,) = other.pids()
    hostile = arena.unleash("kills-its-group", number=number)
    if number == signal.SIGSTOP:
        pid, *_ = hostile.pids()
        wait_for(lambda: stopped(pid), "it is stopped")
        assert hostile.cancel("60s").attempt["Signal"] == "SIGTERM"
    else:
        ended = hostile.ended()
        assert (ended.code, ended.error["signal"]) == ("signal", signal.Signals(number).name)
    assert not stopped(bystander)
    assert server.process.poll() is None
    assert other.cancel().attempt["Signal"] == "SIGTERM", "it was there still"
