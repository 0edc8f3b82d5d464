from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasky.model.states import State
from tasky.store import Reader, Scribe, Store, Writer
from tasky.store.database import open_database
from tasky.store.folders import Folders
from tests.store.parts import MAX_LOG, Database


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "state", max_log=MAX_LOG)
    yield store
    store.close()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where a database may be made."""
    return tmp_path / "tasky.db"


@pytest.fixture
def writer(database: Path) -> Iterator[Writer]:
    writer = Writer(open_database(database), database)
    writer.start()
    yield writer
    writer.close()


@pytest.fixture
def bare(writer: Writer, database: Path) -> Iterator[Database]:
    reader = Reader(database)
    yield Database(writer, reader)
    reader.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One for all tests of a module that look at tasks of their own only."""
    path = tmp_path_factory.mktemp("shared") / "tasky.db"
    writer, reader = Writer(open_database(path), path), Reader(path)
    writer.start()
    yield Database(writer, reader)
    reader.close()
    writer.close()


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


@pytest.fixture
def scribe(folders: Folders) -> Iterator[Scribe]:
    scribe = Scribe(folders, MAX_LOG, lambda _: State.RUNNING)
    scribe.start()
    yield scribe
    scribe.close()


Disk = Callable[..., Path]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Makes a filesystem of its own: `disk(size)` bytes of it, `disk(path=...)` where it is to be."""

    def make(size: int = 1 << 20, path: Path = tmp_path / "disk") -> Path:
        path.mkdir(exist_ok=True)
        mount("-t", "tmpfs", "-o", f"size={size},mode=700", "tasky-test", path)
        return path

    yield make
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place = Path(line.split()[4])  # which may have moved
        if place.is_relative_to(tmp_path):
            subprocess.run(["umount", "--lazy", place], check=True)


def mount(*arguments: str | Path) -> None:
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs the program mount")
    if done.returncode:
        pytest.skip(f"needs the right to mount a tmpfs: {done.stderr.splitlines()[0]}")
