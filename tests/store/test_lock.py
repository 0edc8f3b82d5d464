from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tasky.config import Settings
from tasky.daemon.parts import Parts
from tasky.edition import edition
from tasky.errors import StoreLocked
from tasky.store import Store
from tasky.store.lock import Holder, StateLock
from tasky.systemd import Given, ServiceManager
from tests.store.parts import MAX_LOG, descriptors

_HOLDS = """
import sys
from pathlib import Path
from tasky.store import Store
store = Store.open(Path(sys.argv[1]), max_log=1 << 20)
print("open", flush=True)
sys.stdin.read()
store.close()
"""


@contextmanager
def other_server(state_dir: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS, state_dir],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.case("S10")
def test_a_second_server_is_refused(tmp_path: Path) -> None:
    before = descriptors()
    with other_server(tmp_path) as other:
        with pytest.raises(StoreLocked) as caught:
            Store.open(tmp_path, max_log=MAX_LOG)
        assert caught.value.message == (
            f"another server (process {other.pid}) uses the state directory {tmp_path}"
        )
        other.communicate()
        assert other.returncode == 0  # the one that holds it was not disturbed
    Store.open(tmp_path, max_log=MAX_LOG).close()
    assert descriptors() == before


@pytest.mark.case("S10")
def test_nothing_is_touched_before_the_lock_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the database, no folder, no cgroup."""
    workers = tmp_path / "workers.d"
    workers.mkdir()
    state = tmp_path / "state"
    Store.open(state, max_log=MAX_LOG).close()
    touched: list[str] = []
    for place in ("opening.open_database", "opening.Room", "opening.Folders"):
        monkeypatch.setattr(f"tasky.store.{place}", lambda *_, **__: touched.append("the state"))
    monkeypatch.setattr("tasky.daemon.parts.choose", lambda *_: touched.append("a cgroup"))
    lock = StateLock(state / "lock")
    settings = Settings(workers_dir=workers, state_dir=state)
    signals: Any = SimpleNamespace(send=lambda _: None)
    try:
        with pytest.raises(StoreLocked):
            Parts(settings, signals, ServiceManager(None), Given())
    finally:
        lock.release()
    assert touched == []


@pytest.mark.case("S10")
def test_a_server_that_was_killed_holds_no_lock(tmp_path: Path) -> None:
    with other_server(tmp_path) as other:
        other.kill()
        other.wait()
        Store.open(tmp_path, max_log=MAX_LOG).close()


LEAVES_A_CHILD = """
import os, sys, time
from pathlib import Path
from tasky.store.lock import Holder, StateLock
from tasky.systemd import Given, ServiceManager
lock = StateLock(Path(sys.argv[1]))
child = os.fork()
if child:
    print(child, flush=True)
    os._exit(1)
time.sleep(600)
"""


@pytest.fixture
def heir(tmp_path: Path) -> Iterator[int]:
    """It has the lock of a server that is dead by now, as one that is about to run a program has it for a moment."""
    command = [sys.executable, "-c", LEAVES_A_CHILD, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as died:
        assert died.stdout is not None
        child = int(died.stdout.readline())
        died.stdout.close()
    yield child
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)


@pytest.mark.case("S10")
def test_a_child_of_a_dead_server_is_waited_for(
    tmp_path: Path, heir: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        os.kill(heir, signal.SIGKILL)
        select.select([], [], [], seconds)

    monkeypatch.setattr("tasky.store.lock.time.sleep", wait)
    StateLock(tmp_path / "lock").release()
    assert waited


@pytest.mark.case("S10")
def test_but_not_for_ever(tmp_path: Path, heir: int, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = (tmp_path / "lock").read_text().split()[0]
    monkeypatch.setattr("tasky.store.lock._PATIENCE", 0.02)
    with pytest.raises(StoreLocked) as caught:
        StateLock(tmp_path / "lock")
    assert caught.value.message == (
        f"what process {holder} has left still holds the lock of the state directory {tmp_path}:"
        f" see fuser {tmp_path}/lock"
    )


def test_a_second_store_in_the_same_process_is_refused(tmp_path: Path) -> None:
    store = Store.open(tmp_path, max_log=MAX_LOG)
    with pytest.raises(StoreLocked, match=f"process {os.getpid()}"):
        Store.open(tmp_path, max_log=MAX_LOG)
    store.close()


def test_the_lock_can_be_taken_again(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    for _ in range(2):
        lock = StateLock(path)
        assert path.read_text() == f"{os.getpid()}\n\n{edition()}\n"
        lock.release()
        assert path.read_text() == ""


def test_a_child_does_not_inherit_the_lock(tmp_path: Path) -> None:
    lock = StateLock(tmp_path / "lock")
    with subprocess.Popen(["sleep", "60"]) as child:
        lock.release()
        StateLock(tmp_path / "lock").release()
        child.kill()


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "precious")
    (tmp_path / "precious").write_text("kept")
    with pytest.raises(OSError, match="symbolic links"):
        StateLock(tmp_path / "lock")
    assert (tmp_path / "precious").read_text() == "kept"


def test_it_is_at_no_moment_empty(tmp_path: Path) -> None:
    """Who looks while it is written anew would take the server for ended."""
    lock = StateLock(tmp_path / "lock")
    lock.opened()
    seen: list[bool] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            seen.append(Holder.of(tmp_path / "lock").lives)

    watching = threading.Thread(target=look)
    watching.start()
    for _ in range(1000):
        lock.opened()
    over.set()
    watching.join()
    lock.release()
    assert all(seen), f"{seen.count(False)} of {len(seen)}"
