"""P: nothing of a task outlives it, whatever its processes do to get away. In both kinds of containment."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tasky.model.containment import Kind
from tests import remains
from tests.helpers import wait_for
from tests.hostile.arena import Arena
from tests.supervisor.chaos import is_gone


def tried(case: str, mode: str, **options: Any) -> Any:
    name = "-".join([mode, *map(str, options.values())])
    return pytest.param(mode, options, id=name, marks=pytest.mark.case(*case.split()))


STAYS = [
    tried("P3", "double-daemon"),
    tried("P3", "stubborn-daemon"),
    tried("P3", "scrubbed-daemon"),
    tried("P3 P6", "flooding-daemon", leader="waits"),
    tried("P3", "daemons", count=10, depth=3),
    tried("P3", "hopping-daemon"),
    tried("P4", "setsid-bomb", count=100),
    tried("P5", "fork-bomb", count=100),
    tried("P8", "zombie-grandchildren"),
    tried("P8", "zombie-children"),
]


@pytest.mark.parametrize(("mode", "options"), STAYS)
def test_canceled(arena: Arena, mode: str, options: dict[str, Any]) -> None:
    hostile = arena.unleash(mode, **options)
    hostile.pids()
    assert hostile.witness.something_is_left()
    if "bomb" in mode:
        arena.others_are_served()
    assert hostile.cancel("50ms").status == "Canceled"


@pytest.mark.case("P3")
def test_one_that_moved_to_another_cgroup(arena: Arena, kind: Kind) -> None:
    """Which root can, and without a trace of where it comes from in its session or environment."""
    procs = f"{remains.cgroup_home()}/cgroup.procs"
    if not os.access(procs, os.W_OK):
        pytest.skip(f"LEAVING A CGROUP IS NOT TESTED: {procs} cannot be written to")
    hostile = arena.unleash("leaves-cgroup", procs=procs)
    _, escaped = hostile.pids()
    assert hostile.cancel("50ms").status == "Canceled"
    if kind is Kind.CGROUP:
        said = f"process {escaped} escaped its cgroup: killed"
        wait_for(lambda: said in arena.server.logged, "it is told")


@pytest.mark.parametrize(("mode", "options"), STAYS[2:7:4])
def test_out_of_time(arena: Arena, mode: str, options: dict[str, Any]) -> None:
    ended = arena.unleash(mode, query="?timeout=500ms", **options).ended()
    assert (ended.status, ended.code) == ("Failed", "timeout")


HELD = "a process that it left behind held its output open: not waited for"

LEAVES = [
    tried("P3", "double-daemon", leader="exits"),
    tried("P3", "scrubbed-daemon", leader="exits"),
    tried("P3 P6", "daemon-on-stdout"),
    tried("P3 L14", "flooding-daemon"),
    tried("P6", "grandchild-on-stdout"),
    tried("P7", "background-child", count=3),
    tried("P7 P14", "stopped-child"),
]


@pytest.mark.parametrize(("mode", "options"), LEAVES)
def test_left_behind(arena: Arena, mode: str, options: dict[str, Any]) -> None:
    """Its task is what the worker made of it; what is left does not hold it, and ends with it."""
    ended = arena.unleash(mode, **options).ended()
    assert (ended.status, ended.output) == ("Completed", "done")
    assert ended.noted(f"leftover processes: {options.get('count', 1)}")
    if mode in ("daemon-on-stdout", "grandchild-on-stdout"):
        assert HELD in ended.notes


@pytest.mark.case("P8")
def test_what_has_ended_is_nothing_left_behind(arena: Arena) -> None:
    ended = arena.unleash("zombie-grandchildren", leader="exits").ended()
    assert (ended.status, ended.output, ended.notes) == ("Completed", "done", [])
    assert ended.attempt["ExitCode"] == 0, "its own status, not one of theirs, which was 7"


@pytest.mark.case("P8")
def test_orphans_that_have_ended_are_reaped_while_their_task_runs(arena: Arena) -> None:
    hostile = arena.unleash("zombie-grandchildren", count=20)
    leader, *orphans = hostile.pids()
    assert len(orphans) == 20
    wait_for(lambda: all(map(is_gone, orphans)), "they are reaped")
    assert not is_gone(leader)
