"""P: a server whose starter has ignored and blocked signals (nohup, a shell's `&`, a careless parent)."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasky.model.containment import Kind
from tests.helpers import Server, write_definition
from tests.hostile.arena import Arena, workers

IGNORED = (signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE)
BLOCKED = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGUSR2}


@pytest.fixture(scope="module")
def server(kind: Kind, folder: Path) -> Iterator[Server]:
    definitions = workers(folder / "workers.d")
    command = ["/bin/grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]
    write_definition(definitions, "signals", command=command, protocol="text")
    before = {number: signal.signal(number, signal.SIG_IGN) for number in IGNORED}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
    try:
        server = Server(definitions, folder / kind, TASKY_CONTAINMENT=kind)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, handler)
    yield server
    server.close()  # by SIGTERM


@pytest.mark.case("P22")
def test_a_worker_has_no_signal_blocked_or_ignored(arena: Arena) -> None:
    output = arena.submit("signals").ended().output["string_output"]
    zero = "0" * 16
    assert output.split() == ["SigBlk:", zero, "SigIgn:", zero]


@pytest.mark.case("P22")
def test_a_worker_ends_by_sigterm(arena: Arena) -> None:
    hostile = arena.unleash("waits", worker="patient")
    hostile.pids()
    assert hostile.cancel().attempt["Signal"] == "SIGTERM"


@pytest.mark.case("P21")
def test_no_exit_status_is_lost(arena: Arena) -> None:
    """With SIGCHLD ignored the kernel would reap them itself, and Popen take that for a success."""
    ended = arena.unleash("exits", status=7).ended()
    assert (ended.status, ended.code, ended.error["exit_code"]) == ("Failed", "exit", 7)
    assert arena.unleash("exits").ended().status == "Completed"


@pytest.mark.case("P8", "P21")
def test_the_status_of_an_orphan_is_not_confused_with_it(arena: Arena) -> None:
    ended = arena.unleash("zombie-grandchildren", leader="exits", status=7).ended()
    assert (ended.status, ended.attempt["ExitCode"]) == ("Completed", 0)
