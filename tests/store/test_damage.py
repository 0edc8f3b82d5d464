"""S4, S5, S7: a database that is not what it was. It is refused with what to do, and left as it is."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tasky.cli.exits import Exit, of_error
from tasky.errors import StoreDamaged
from tasky.store import Store
from tests.store.parts import MAX_LOG

pytestmark = pytest.mark.damages_store

TASKS = 100
_PAGE = 4096

_DIES = """
import os, signal, sys
from pathlib import Path
from tasky.store import Store
from tests.store.parts import all_of, put, steps_to, new_task
from tasky.model.states import State

store = Store.open(Path(sys.argv[1]), max_log=1 << 20)
for _ in range(int(sys.argv[2])):
    put(store.writer, params={"text": "x" * 600})
if sys.argv[3] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
store.close()
"""


def leave(state: Path, tasks: int, end: str) -> None:
    """A state directory with so many tasks, as of a server that was `closed` or `killed`."""
    subprocess.run([sys.executable, "-c", _DIES, state, str(tasks), end], check=False)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """State directories with TASKS tasks: of a server that was `closed`, or `killed`."""
    made: dict[str, Path] = {}

    def make(end: str) -> Path:
        if end not in made:
            made[end] = tmp_path_factory.mktemp(end) / "state"
            leave(made[end], TASKS, end)
        return made[end]

    return make


@pytest.fixture
def closed(kept: Callable[[str], Path], tmp_path: Path) -> Path:
    """A database whose server was stopped in order."""
    return Path(shutil.copytree(kept("closed"), tmp_path / "closed")) / "tasky.db"


@pytest.fixture
def killed(kept: Callable[[str], Path], tmp_path: Path) -> Path:
    """... was killed: all that is in its database is in the write-ahead log."""
    return Path(shutil.copytree(kept("killed"), tmp_path / "killed")) / "tasky.db"


def contents(state: Path) -> dict[str, bytes]:
    """But for what is nobody's data: the lock, the ballast, and the index that SQLite makes of the log."""
    files = (path for path in state.rglob("*") if path.is_file())
    return {
        str(path): path.read_bytes()
        for path in files
        if path.name not in ("lock", "ballast", "tasky.db-shm")
    }


def refusal(database: Path) -> str:
    """What is said; twice, for what was seen must not be covered up."""
    before = contents(database.parent)
    for _ in range(2):
        with pytest.raises(StoreDamaged) as caught:
            Store.open(database.parent, max_log=MAX_LOG)
        assert of_error(caught.value) is Exit.CONFIG
    assert contents(database.parent) == before
    first, *advice = caught.value.message.splitlines()
    assert first.startswith(f"{database}: ")
    assert f"tasky db check --state-dir {database.parent}" in advice[0]
    assert "docs/operations.md" in advice[1]
    return first


def count(database: Path) -> int:
    """How many tasks are there when it is opened."""
    store = Store.open(database.parent, max_log=MAX_LOG)
    try:
        return int(
            store.writer.call(lambda c: c.execute("SELECT count(*) FROM tasks").fetchone()[0])
        )
    finally:
        store.close()


def damage(file: Path, place: int, data: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(place)
        opened.write(data)


def log_of(database: Path) -> Path:
    return database.with_name("tasky.db-wal")


# The database


def test_what_is_sound_is_opened(closed: Path) -> None:
    assert count(closed) == TASKS


@pytest.mark.case("S4")
def test_what_is_no_database(closed: Path) -> None:
    closed.write_bytes(b"Dear diary, " * 1000)
    assert "not a database" in refusal(closed)


@pytest.mark.case("S4")
@pytest.mark.parametrize("header", [b"\0" * 16, b"\0" * 100, b"SQLite format 4\0"], ids=len)
def test_a_damaged_header(closed: Path, header: bytes) -> None:
    damage(closed, 0, header)
    assert "not a database, or its header is damaged" in refusal(closed)


@pytest.mark.case("S4")
def test_an_empty_file(closed: Path) -> None:
    """SQLite would make a new database of it."""
    closed.write_bytes(b"")
    assert "the file is empty" in refusal(closed)


@pytest.mark.case("S4")
def test_no_file_where_there_are_files_of_tasks(closed: Path) -> None:
    """What belongs to no task is removed: that would be everything."""
    folder = closed.parent / "tasks/00" / ("0" * 32)
    folder.mkdir(parents=True)
    (folder / "log").write_text("precious")
    closed.unlink()
    assert "the database is missing" in refusal(closed)


@pytest.mark.case("S4", "S7")
def test_no_file_where_there_is_its_log(killed: Path) -> None:
    """It would be written into a new one."""
    killed.unlink()
    assert "the database is missing, and there is its write-ahead log" in refusal(killed)


@pytest.mark.case("S4", "S5")
@pytest.mark.parametrize("pages", [1, 2, 7.5, 12])
def test_a_file_that_was_cut_off(closed: Path, pages: float) -> None:
    closed.write_bytes(closed.read_bytes()[: int(pages * _PAGE)])
    assert "the database is damaged" in refusal(closed)


@pytest.mark.case("S5")
def test_any_page_overwritten(closed: Path) -> None:
    """All pages are of trees and indices here, so none is filled with data alone."""
    sound = closed.read_bytes()
    chance = random.Random(7)
    pages = list(range(1, len(sound) // _PAGE))
    for page in chance.sample(pages, 12):
        closed.write_bytes(sound)
        damage(closed, page * _PAGE, chance.randbytes(_PAGE))
        assert "the database is damaged" in refusal(closed), page


@pytest.mark.case("S5")
def test_a_log_is_not_written_into_a_damaged_database(killed: Path) -> None:
    """As the last connection to be closed would. Pages that the log does not have are damaged."""
    damage(killed, _PAGE, b"\xff" * (killed.stat().st_size - _PAGE))
    refusal(killed)


# Its write-ahead log


def test_what_a_killed_server_left_is_opened(killed: Path) -> None:
    assert log_of(killed).stat().st_size > 100_000
    assert count(killed) == TASKS


@pytest.mark.case("S5")
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_damaged_log(killed: Path, share: float) -> None:
    log = log_of(killed)
    damage(log, 40 + int(share * (log.stat().st_size - 100)), b"\xa5\x5a\xa5")
    assert "tasky.db-wal is damaged: behind page " in refusal(killed)


@pytest.mark.case("S5")
def test_a_log_with_a_damaged_header(killed: Path) -> None:
    damage(log_of(killed), 3, b"\0\0\0")
    assert "the header of tasky.db-wal is damaged" in refusal(killed)
    (killed.parent / "lock").unlink()  # so nothing is known of when it died
    refusal(killed)


@pytest.mark.case("S5")
def test_a_log_that_was_cut_off(killed: Path) -> None:
    log = log_of(killed)
    log.write_bytes(log.read_bytes()[:50_000])
    assert "tasky.db-wal is damaged: behind page 12 of " in refusal(killed)


@pytest.mark.case("S7")
@pytest.mark.parametrize(
    "remove", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["no", "empty"]
)
def test_a_log_that_is_missing(killed: Path, remove: Callable[[Path], None]) -> None:
    remove(log_of(killed))
    assert "tasky.db-wal is missing, or empty" in refusal(killed)


@pytest.mark.case("S7")
def test_the_log_of_another_database(killed: Path, closed: Path) -> None:
    with closing(sqlite3.connect(closed, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("UPDATE pulse SET beat = 1")
        shutil.copy(log_of(closed), log_of(killed))
    assert "not the one that was written last" in refusal(killed)


@pytest.mark.case("S7")
def test_the_index_is_not_needed(killed: Path) -> None:
    killed.with_name("tasky.db-shm").unlink()
    assert count(killed) == TASKS


@pytest.mark.case("S9")
def test_after_a_power_loss_the_end_of_the_log_is_not_missed(killed: Path) -> None:
    """What was not synced was not answered; the machine was started again since."""
    log = log_of(killed)
    log.write_bytes(log.read_bytes()[:-5000])
    lock = killed.parent / "lock"
    lock.write_text(lock.read_text().replace("-", "0"))
    assert TASKS > count(killed) >= TASKS - 3


def test_what_lies_behind_the_log_does_not_matter(killed: Path) -> None:
    """Of a commit that did not come to its end, or older than its beginning."""
    with log_of(killed).open("ab") as log:
        log.write(random.Random(1).randbytes(10_000))
    assert count(killed) == TASKS
