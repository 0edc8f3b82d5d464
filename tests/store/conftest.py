from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasky.model.states import State
from tasky.store import Reader, Scribe, Store, Writer
from tasky.store.database import open_database
from tasky.store.folders import Folders
from tests.disks import disk
from tests.store.parts import MAX_LOG, Database

__all__ = ["disk"]


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
