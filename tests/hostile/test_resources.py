"""P: workers that take more than they should, by themselves or beyond their limits."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasky.model.containment import Kind
from tasky.supervisor import probe
from tests.helpers import Server, serving, wait_for
from tests.hostile.arena import Arena, define, workers
from tests.supervisor.house import Gate

MEMORY = Path("/sys/fs/cgroup/memory")


@pytest.fixture(scope="module")
def kind() -> Kind:
    return Kind.AUTO


@pytest.fixture(scope="module")
def server(kind: Kind, folder: Path) -> Iterator[Server]:
    definitions = workers(folder / "workers.d")
    limits = {"memory": "64MiB", "file_size": "4MiB", "open_files": 50}
    define(definitions, "limited", limits=limits)
    with serving(definitions, folder / "state") as server:
        yield server


# ---------------------------------------------------------------------- memory


@pytest.mark.case("P13")
@pytest.mark.parametrize("step", [0, 8], ids=["at-once", "in-steps"])
def test_more_memory_than_its_limit(arena: Arena, step: int) -> None:
    """The kernel kills it where a cgroup counts, and refuses it more where an rlimit does."""
    ended = arena.unleash("memory-hog", worker="limited", mib=200, step=step).ended()
    if "memory" in probe().controllers:
        assert (ended.status, ended.code) == ("Failed", "memory")
    else:
        assert (ended.status, ended.output) == ("Completed", {"refused": "MemoryError"})


@pytest.mark.case("P13")
def test_as_much_memory_as_its_limit_allows(arena: Arena) -> None:
    assert arena.unleash("memory-hog", worker="limited", mib=24).ended().output == {"mib": 24}


@pytest.fixture
def small_memory(tmp_path: Path) -> Iterator[Path]:
    """A cgroup of version 1 in which the kernel runs out of memory soon."""
    small = MEMORY / f"tasky-test-{os.getpid()}"
    try:
        small.mkdir()
        (small / "memory.limit_in_bytes").write_text(str(32 << 20))
    except OSError as error:
        pytest.skip(
            f"THE KERNEL'S OOM KILLER IS NOT TESTED: no memory cgroup of version 1: {error}"
        )
    yield small
    wait_for(lambda: not (small / "cgroup.procs").read_text(), "it is empty")
    small.rmdir()


@pytest.mark.case("P13")
def test_killed_by_the_kernel_which_has_no_memory_left(
    arena: Arena, gate: Gate, small_memory: Path
) -> None:
    """Which is no limit of the worker's: a signal from outside, as far as the server can tell."""
    hostile = arena.unleash("memory-hog", mib=128, gate=str(gate))
    (pid,) = hostile.pids()
    (small_memory / "cgroup.procs").write_text(str(pid))
    gate.open()
    ended = hostile.ended()
    assert (ended.status, ended.code, ended.error["signal"]) == ("Failed", "signal", "SIGKILL")
    arena.others_are_served()


# ---------------------------------------------------------------------- files


@pytest.mark.case("P35")
def test_a_file_beyond_its_limit(arena: Arena) -> None:
    ended = arena.unleash("huge-file", worker="limited", mib=16).ended()
    assert (ended.status, ended.code, ended.error["signal"]) == ("Failed", "signal", "SIGXFSZ")


@pytest.mark.case("P35")
def test_a_file_beyond_its_limit_with_the_signal_ignored(arena: Arena) -> None:
    ended = arena.unleash("huge-file", worker="limited", mib=16, dies=False).ended()
    assert ended.output == {"mib": 4, "refused": "EFBIG"}


@pytest.mark.case("P35")
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGQUIT])
def test_a_core_dump_that_it_allows_itself(arena: Arena, server: Server, number: int) -> None:
    """Root can, though it is started without: the core goes with its folder."""
    ended = arena.unleash("dumps-core", number=number).ended()
    assert (ended.code, ended.error["signal"]) == ("signal", signal.Signals(number).name)
    work = server.state / "work" / str(ended.document["TaskId"])
    wait_for(lambda: not work.exists(), "nothing is left on disk")


def test_more_files_than_its_limit(arena: Arena) -> None:
    ended = arena.unleash("opens-files", worker="limited").ended()
    assert ended.output["refused"] == "EMFILE"
    assert ended.output["opened"] < 50


def test_its_folder_is_removed_and_replaced(arena: Arena) -> None:
    """By a link to another, from which an artifact is announced: not one of another's files is taken, or lost."""
    before = sorted(os.listdir("/etc"))  # noqa: PTH208
    ended = arena.unleash("removes-its-folder").ended()
    assert (ended.output, ended.document.get("Artifacts", [])) == ("done", [])
    assert sorted(os.listdir("/etc")) == before  # noqa: PTH208
    arena.others_are_served()


# ---------------------------------------------------------------------- its own limits


@pytest.mark.case("P31")
def test_its_own_limits_and_priority_raised(arena: Arena, server: Server) -> None:
    """As root it can: for itself, not for the server or for others."""
    before = limits_of(server)
    ended = arena.unleash("raises-limits", worker="limited").ended()
    assert ended.status == "Completed"
    assert limits_of(server) == before
    found = arena.submit("chaos", {"mode": "looks-around", "witness": ""}).ended().output
    assert (found["nice"], found["core"]) == (before[0], 0)


def limits_of(server: Server) -> tuple[object, ...]:
    pid = server.process.pid
    kinds = (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_CORE)
    return (os.getpriority(os.PRIO_PROCESS, pid), *(resource.prlimit(pid, kind) for kind in kinds))
