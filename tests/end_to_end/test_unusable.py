"""S4, S6, S7: a state directory that the server cannot use. It says so at its start, with the exit status 78, and names
the file."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.disks import Disk, disk, mount
from tests.end_to_end.test_start import start
from tests.helpers import serving, write_definition

__all__ = ["disk"]

NOBODY = pwd.getpwnam("nobody")

#: Runs `tasky serve` on one state directory after the other, which must all be refused: one Python for all of them.
#: It may lie where only root can read it, so it is all read before.
_AS_NOBODY = f"""
import contextlib, io, json, os, signal, sys
import encodings.ascii, encodings.idna, tasky.daemon, tasky.cli.serve
from tasky.cli import main
os.setgroups([])
os.setresgid({NOBODY.pw_gid}, {NOBODY.pw_gid}, {NOBODY.pw_gid})
os.setresuid({NOBODY.pw_uid}, {NOBODY.pw_uid}, {NOBODY.pw_uid})
workers, *states = sys.argv[1:]
for state in states:
    said = io.BytesIO()
    with contextlib.redirect_stderr(io.TextIOWrapper(said, write_through=True)):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        status = main(["serve", "--listen", "127.0.0.1:0", "--workers-dir", workers, "--state-dir", state])
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    print(json.dumps([status, said.getvalue().decode()]))
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that every user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="tasky-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def state_of(open_folder: Path) -> Callable[[str], Path]:
    """Makes state directories of a server that was killed, all of nobody's."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to have files of several users")
    workers, state = open_folder / "workers.d", open_folder / "state"
    write_definition(workers, "true", command=["/bin/true"], protocol="text")
    workers.chmod(0o755)
    with serving(workers, state, TASKY_CONTAINMENT="process-group") as server:
        server.run("true")
        server.kill()
    for path in (state, *state.rglob("*")):
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)

    def copy(name: str) -> Path:
        subprocess.run(["cp", "-a", state, open_folder / name], check=True)
        return open_folder / name

    return copy


def as_nobody(*states: Path) -> list[tuple[int, str]]:
    """How `tasky serve` ends on each of them, and what it says."""
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, states[0].parent / "workers.d", *states],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        (status, said.splitlines()[-1]) for status, said in answers
    ]  # before it may be log lines


@pytest.mark.case("S6", "S7")
def test_what_belongs_to_another(state_of: Callable[[str], Path]) -> None:
    """Each file and folder in turn; and a database that is one's own, but may not be written to."""
    states = {
        name: state_of(f"foreign-{number}")
        for number, name in enumerate(
            ("", "lock", "tasky.db", "tasky.db-wal", "tasky.db-shm", "tasks", "work", "trash")
        )
    }
    for name, state in states.items():
        place = state / name
        os.chown(place, 0, 0)
        place.chmod(0o711 if place.is_dir() else 0o600)
    locked = state_of("locked")
    (locked / "tasky.db").chmod(0o400)
    *answers, (status, said) = as_nobody(*states.values(), locked)
    assert (status, said) == (
        78,
        f"tasky: {locked}/tasky.db: it belongs to nobody (mode 400), and this is nobody, who may not write to it",
    )
    for (name, state), (status, said) in zip(states.items(), answers, strict=True):
        assert status == 78, name
        assert said.startswith(f"tasky: {state / name}: "), said
        assert "belongs to root" in said
        assert "this is nobody" in said


@pytest.mark.case("S6")
def test_a_read_only_file_system(disk: Disk, workers: Path) -> None:
    place = disk(64 << 20)
    with serving(workers, place / "state") as server:
        assert server.stop() == 0
    mount("-o", "remount,ro", place)
    status, said = start(workers, place / "state", "--listen", "127.0.0.1:0")
    assert status == 78
    assert f"tasky: {place}/state/lock: Read-only file system" in said


@pytest.mark.case("S4", "S5")
@pytest.mark.damages_store
def test_a_damaged_database(workers: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with serving(workers, state) as server:
        server.run("true")
        assert server.stop() == 0
    os.truncate(state / "tasky.db", 9000)
    status, said = start(workers, state, "--listen", "127.0.0.1:0")
    assert status == 78
    assert f"tasky: {state}/tasky.db: " in said
    assert f"tasky db check --state-dir {state}" in said
