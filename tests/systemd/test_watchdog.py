"""D6: the watchdog is fed by the supervisor's loop and the store's writer, not by a thread that knows nothing of them.

One thread alone is stopped, by ptrace(2), in the system call that it waits in; all others go on.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import Server, wait_for
from tests.systemd.told import Told

#: ptrace.h, wait.h
_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000
_ESRCH = 3

#: tasky with the names of its threads where the kernel shows them.
_NAMED = """
import runpy, sys, threading
begin = threading.Thread._bootstrap_inner
def named(thread):
    with open(f"/proc/self/task/{threading.get_native_id()}/comm", "w") as comm:
        comm.write(thread.name[:15])
    begin(thread)
threading.Thread._bootstrap_inner = named
sys.argv = sys.argv[3:]
sys.path.insert(0, "")
runpy.run_module("tasky", run_name="__main__", alter_sys=True)
"""


class Named(Server):
    prefix = (sys.executable, "-c", _NAMED)


@contextlib.contextmanager
def stuck(server: Server, thread: str) -> Iterator[None]:
    (task,) = [
        int(entry.name)
        for entry in Path(f"/proc/{server.process.pid}/task").iterdir()
        if (entry / "comm").read_text().strip() == thread
    ]
    _ptrace(_SEIZE, task)
    try:
        _ptrace(_INTERRUPT, task)
        os.waitpid(task, _WALL)
        yield
    finally:
        _ptrace(_DETACH, task)


def _ptrace(request: int, task: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(request, task, None, None) == -1:
        error = ctypes.get_errno()
        if error == 1:
            pytest.skip("THE WATCHDOG IS NOT TESTED: ptrace is forbidden here")
        raise OSError(error, os.strerror(error))


@pytest.mark.case("D6")
@pytest.mark.parametrize(
    ("thread", "name"), [("supervisor", "the supervisor"), ("store-writer", "the store's writer")]
)
def test_a_stuck_thread_is_not_covered_up(
    workers: Path, tmp_path: Path, told: Told, thread: str, name: str
) -> None:
    server = Named(
        workers, tmp_path / "state", NOTIFY_SOCKET=f"{tmp_path}/notify", WATCHDOG_USEC="400000"
    )
    try:
        fed = told.count("WATCHDOG")
        wait_for(lambda: told.count("WATCHDOG") > fed + 2, "it is fed, though nothing is to do")
        with stuck(server, thread):
            told.await_status(lambda status: f"no answer from {name}" in status)
            fed = told.count("WATCHDOG")
            assert server.request("GET", "//healthz").status == 200, "the others go on"
            assert told.count("WATCHDOG") == fed
        wait_for(lambda: told.count("WATCHDOG") > fed, "it is fed again")
        told.await_status(lambda status: status.startswith("0 running"))
    finally:
        server.close()
    assert "answered at last" in server.logged
