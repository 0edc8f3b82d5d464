from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import stat
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tasky.errors import StoreError, StoreFull, UnknownTask, WrongState
from tasky.model.states import TERMINAL, State
from tasky.store import LogReader, Query, Store, Stream, tasks
from tasky.store import store as store_module
from tasky.store.folders import PASSABLE, Folders
from tasky.store.leftovers import tidy
from tasky.store.room import BALLAST
from tasky.store.trash import Trash
from tests.disks import Disk, fill_disk, mount
from tests.helpers import wait_for
from tests.store.parts import (
    ATTEMPT,
    IDS,
    MAX_LOG,
    all_of,
    descriptors,
    finish,
    new_task,
    outcome,
    put,
    steps_to,
    stuff,
    threads,
)


def fresh(path: Path) -> Store:
    return Store.open(path, max_log=MAX_LOG)


def with_files(store: Store, task_id: str) -> Path:
    """Gives it a log and an artifact; its folder."""
    store.scribe.append(task_id, Stream.STDOUT, 1, b"hi\n")
    finish(store.scribe, task_id)
    folder = Path(store.folders.name(task_id))
    store.folders.files(task_id).mkdir()
    (store.folders.files(task_id) / "out").write_text("x")
    return folder


# Opening and closing


def test_open_and_close(tmp_path: Path) -> None:
    before = descriptors(), threads()
    store = fresh(tmp_path / "a" / "b" / "state")
    assert threads() - before[1] == {"store-writer", "scribe"}
    task_id = put(store.writer)
    store.close()
    store.close()  # again: nothing
    assert (descriptors(), threads()) == before
    again = fresh(tmp_path / "a" / "b" / "state")
    assert again.reader.state(task_id) is State.COMPLETED
    again.close()


def test_others_cannot_look_in(tmp_path: Path) -> None:
    """Whatever the umask says."""
    state = tmp_path / "state"
    former = os.umask(0)
    try:
        store = fresh(state)
        task_id = put(store.writer, State.RUNNING)
        work = Path(store.folders.create(task_id))
        store.scribe.append(task_id, Stream.STDOUT, 1, b"hi\n")
        store.close()
    finally:
        os.umask(former)
    folder = Path(store.folders.name(task_id))
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (state, *state.iterdir())}
    assert [modes.pop(path) for path in (state, work.parent)] == [PASSABLE] * 2
    assert [modes.pop(state / name) for name in ("tasks", "trash", "uploads")] == [0o700] * 3
    assert modes == {state / name: 0o600 for name in ("lock", "tasky.db", "ballast")}
    inner = [work, folder.parent, folder]
    assert [stat.S_IMODE(path.stat().st_mode) for path in inner] == [0o700] * 3


def test_a_folder_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    fresh(tmp_path).close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


def test_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = fresh(Path("state"))
    monkeypatch.chdir("/")
    try:
        put(store.writer)
        assert Path(store.folders.create(IDS.new())).is_relative_to(tmp_path)
    finally:
        store.close()


@pytest.mark.case("S16")
def test_the_new_ids_are_behind_the_old(tmp_path: Path) -> None:
    """Also where the clock was set back, or another one had been wrong."""
    future = "ffffffff0000" + "7000" + "8000000000000000"
    store = fresh(tmp_path)
    store.writer.call(tasks.insert(new_task(id=future), None))
    assert store.ids.new() < future
    store.close()
    again = fresh(tmp_path)
    assert again.ids.new() > future
    again.close()


@pytest.mark.case("S6")
@pytest.mark.parametrize("name", ["", "lock", "tasky.db", "tasks", "trash", "work"])
@pytest.mark.damages_store
def test_what_is_in_the_way_is_named(tmp_path: Path, name: str) -> None:
    state = tmp_path / "state"
    place = state / name
    place.parent.mkdir(parents=True, exist_ok=True)
    if name in ("lock", "tasky.db"):
        place.mkdir()
    else:
        place.write_text("")
    refused(state, str(place))


def refused(state: Path, named: str) -> str:
    """What is said; and nothing stays open."""
    before = descriptors(), threads()
    with pytest.raises(StoreError) as caught:
        fresh(state)
    assert (descriptors(), threads()) == before
    assert named in caught.value.message
    return caught.value.message


def test_a_parent_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for state in (tmp_path / "file" / "state", tmp_path / "file" / "deeper" / "state"):
        refused(state, str(tmp_path / "file"))


def test_a_link_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "state").symlink_to("gone")
    refused(tmp_path / "state", str(tmp_path / "state"))


@pytest.mark.case("S6")
def test_a_folder_that_cannot_be_written(disk: Disk) -> None:
    place = disk()
    (place / "empty").mkdir()
    fresh(place / "used").close()
    mount("-o", "remount,ro", place)
    for name in ("new", "empty", "used"):
        assert "Read-only" in refused(place / name, str(place / name))


@pytest.mark.case("S15")
def test_a_database_of_a_newer_tasky(tmp_path: Path) -> None:
    fresh(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "tasky.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    message = refused(tmp_path, str(tmp_path / "tasky.db"))
    assert "newer Tasky" in message


@pytest.mark.case("S4")
@pytest.mark.damages_store
def test_a_damaged_database(tmp_path: Path) -> None:
    fresh(tmp_path).close()
    with (tmp_path / "tasky.db").open("r+b") as file:
        file.write(b"\0" * 100)
    refused(tmp_path, str(tmp_path / "tasky.db"))


@pytest.mark.case("S1")
def test_a_full_disk(disk: Disk) -> None:
    state = disk() / "state"
    fill_disk(state.parent)
    before = descriptors(), threads()
    with pytest.raises(StoreFull):
        fresh(state)
    assert (descriptors(), threads()) == before


@pytest.mark.case("S14")
def test_it_warns_of_a_bug_of_sqlite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for has in (False, True):
        monkeypatch.setattr(store_module, "has_reset_bug", lambda has=has: has)
        fresh(tmp_path).close()
        assert ("has a bug" in caplog.text) is has


# Deleting


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_delete(store: Store, state: State) -> None:
    task_id = put(store.writer, state)
    folder = with_files(store, task_id)
    assert [line.text for line in store.log(task_id).lines()] == ["hi"]
    store.delete(task_id)
    assert store.reader.get(task_id) is None
    wait_for(lambda: not folder.exists(), "its files are removed")
    with pytest.raises(UnknownTask):
        store.delete(task_id)


@pytest.mark.parametrize("state", sorted(set(State) - TERMINAL))
def test_a_task_that_has_not_ended_is_not_deleted(store: Store, state: State) -> None:
    task_id = put(store.writer, state)
    folder = with_files(store, task_id)
    with pytest.raises(WrongState):
        store.delete(task_id)
    finish(store.scribe, IDS.new())
    assert (folder / "log").exists()
    assert store.reader.state(task_id) is state


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc", "0" * 31, "0" * 33, "A" * 32, "\u0660" * 32, "0" * 31 + "\n"]
)
def test_no_path_is_made_of_what_is_no_id(store: Store, name: str) -> None:
    folders = store.folders
    for call in (store.delete, store.log, folders.create, folders.work, folders.files):
        with pytest.raises(UnknownTask):
            call(name)


def test_the_log_of_a_task_without_one(store: Store) -> None:
    reader = store.log(IDS.new())
    assert isinstance(reader, LogReader)
    assert list(reader.lines()) == []


@pytest.mark.case("S12")
@pytest.mark.parametrize(("max_log", "whole"), [(1 << 20, True), (64 << 10, False)])
def test_a_log_that_goes_while_it_is_read(tmp_path: Path, max_log: int, whole: bool) -> None:
    """The part that is open is read to its end. Where there are more, the reader has less, and no error."""
    store = Store.open(tmp_path, max_log=max_log)
    task_id = put(store.writer)
    for n in range(20):
        store.scribe.append(
            task_id, Stream.STDOUT, n, b"".join(b"%d\n" % (n * 2000 + i) for i in range(2000))
        )
    finish(store.scribe, task_id)
    folder = Path(store.folders.name(task_id))
    assert (len(list(folder.glob("log*.index"))) == 1) is whole
    before = [line.text for line in store.log(task_id).lines()]
    lines = store.log(task_id).lines()
    read = [next(lines).text]
    store.delete(task_id)
    wait_for(lambda: not folder.exists(), "it is removed")
    read += [line.text for line in lines]
    assert read == (before if whole else before[: len(read)])
    assert list(store.log(task_id).lines()) == []
    store.close()


# Pruning


def ended(store: Store, count: int, finished: int = 100) -> list[str]:
    news = [new_task() for _ in range(count)]
    steps: list[Any] = []
    for new in news:
        steps += [tasks.insert(new, 1), tasks.finish(new.id, outcome(finished=finished), ATTEMPT)]
    store.writer.call(all_of(steps))
    return [new.id for new in news]


def left(store: Store) -> int:
    count = "SELECT count(*) FROM tasks"
    return int(store.writer.call(lambda c: c.execute(count).fetchone()[0]))


def test_prune_by_age(store: Store) -> None:
    old = ended(store, 3)
    folder = with_files(store, old[1])
    young = put(store.writer, State.FAILED, finished=1 << 62)
    store.prune(1, 1000)
    wait_for(lambda: not folder.exists(), "the files of an old task are removed")
    assert [store.reader.state(id_) for id_ in old] == [None] * 3
    assert store.reader.state(young) is State.FAILED


def test_prune_by_count_goes_on_until_nothing_is_left(store: Store) -> None:
    ended(store, 1000)
    live = put(store.writer, State.RUNNING)
    store.prune(1 << 62, 5)
    wait_for(lambda: left(store) <= 6, "all slices")
    assert left(store) == 6
    assert store.reader.state(live) is State.RUNNING


def test_nothing_to_prune(store: Store) -> None:
    task_id = put(store.writer)
    commits = store.writer.commits
    store.prune(1 << 62, 10)
    store.writer.sync()
    assert store.writer.commits == commits
    assert store.reader.state(task_id) is State.COMPLETED


def test_pruning_ends_with_the_store(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In the middle of it, and without a complaint; the next start goes on."""
    store = fresh(tmp_path)
    ended(store, 2000)
    store.prune(1, 0)
    store.close()
    store.prune(1, 0)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    again = fresh(tmp_path)
    again.prune(1, 0)
    wait_for(lambda: left(again) == 0, "all are gone")
    again.close()


def test_why_nothing_can_be_pruned(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    ended(store, 1)
    broken = (
        "CREATE TEMP TRIGGER broken BEFORE DELETE ON tasks BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    store.writer.call(lambda c: c.execute(broken).close())
    store.prune(1, 0)
    wait_for(lambda: "old tasks cannot be removed" in caplog.text, "it is told")
    assert left(store) == 1


# A full disk


@pytest.fixture
def full(disk: Disk) -> Any:
    store = fresh(disk(6 * BALLAST))
    task_id = put(store.writer)
    yield store, task_id
    store.close()


@pytest.mark.case("S2")
def test_a_task_can_be_deleted_on_a_full_disk(full: tuple[Store, str], tmp_path: Path) -> None:
    store, task_id = full
    ballast = tmp_path / "disk" / "ballast"
    assert ballast.stat().st_size == BALLAST
    filler = fill_disk(tmp_path / "disk")
    stuff(store.writer)
    assert ballast.stat().st_size == BALLAST
    all_deleted(store, [task_id, *(task.id for task in _big_ones(store))])
    assert ballast.stat().st_size == 0
    put(store.writer)  # there is room again
    filler.unlink()
    store.prune(1 << 62, 1000)
    assert ballast.stat().st_size == BALLAST


def all_deleted(store: Store, ids: list[str]) -> None:
    for task_id in ids:
        store.delete(task_id)


def _big_ones(store: Store) -> list[Any]:
    return store.reader.page(Query(limit=1000, state=TERMINAL))[0][:-1]


@pytest.mark.case("S2")
def test_old_tasks_are_pruned_on_a_full_disk(full: tuple[Store, str], tmp_path: Path) -> None:
    store, task_id = full
    fill_disk(tmp_path / "disk")
    stuff(store.writer)
    store.prune(1, 0)
    wait_for(lambda: store.reader.state(task_id) is None, "it is gone")


@pytest.mark.case("S2")
def test_without_ballast_nothing_can_be_deleted(full: tuple[Store, str], tmp_path: Path) -> None:
    """The reason for it; and that the refusal is one."""
    store, task_id = full
    fill_disk(tmp_path / "disk")
    (tmp_path / "disk" / "ballast").unlink()
    fill_disk(tmp_path / "disk")
    stuff(store.writer)
    doomed = [*_big_ones(store), store.reader.get(task_id)]
    with pytest.raises(StoreFull):
        all_deleted(store, [task.id for task in doomed])
    assert store.reader.state(task_id) is State.COMPLETED


# What a crash left


def test_leftovers_of_a_crash_are_removed(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    places = {}
    for state in State:
        new = new_task()
        store.writer.call(all_of(steps_to(state, new)))
        places[state] = left_by_a_crash(store, new.id)
    orphan = left_by_a_crash(store, IDS.new())
    strangers = [path.with_name("readme") for path in orphan]
    for stranger in strangers:
        stranger.write_text("not a task's")
    store.close()

    again = fresh(tmp_path)
    gone = [*orphan, *(work for state, (work, _) in places.items() if state in TERMINAL)]
    wait_for(lambda: not any(path.exists() for path in gone), "what is left over is removed")
    wait_for(lambda: not any((tmp_path / "trash").iterdir()), "the trash is swept")
    again.close()
    for state, (work, kept) in places.items():
        assert (kept / "log").exists()
        assert (work / "file").exists() is (state not in TERMINAL)
    assert all(stranger.exists() for stranger in strangers)


def left_by_a_crash(store: Store, task_id: str) -> tuple[Path, Path]:
    """A work folder with a file in it, and a log; gives the folders of both."""
    work, kept = Path(store.folders.create(task_id)), Path(store.folders.name(task_id))
    (work / "file").write_text("x")
    kept.mkdir(parents=True)
    (kept / "log").write_text("x")
    return work, kept


def test_leftovers_are_looked_for_in_slices(tmp_path: Path) -> None:
    """Others come in between: a store with many tasks answers at once."""
    folders = Folders(tmp_path)
    works = [Path(folders.create(IDS.new())) for _ in range(200)]
    kept = [Path(folders.name(IDS.new())) for _ in range(200)]
    for folder in kept:
        folder.mkdir(parents=True)
    trash = Trash(folders.trash)
    taken = [0]
    for _ in tidy(folders, lambda _: None, trash):
        taken.append(trash.waiting)
    trash.close()
    assert max(now - before for before, now in pairwise(taken)) <= 64
    assert taken[-1] == len([*works, *kept])
    assert not any(path.exists() for path in (*works, *kept))


def test_what_is_kept_stays(tmp_path: Path) -> None:
    """Of ended tasks, however many there are."""
    store = fresh(tmp_path)
    ids = ended(store, 1000)
    for task_id in ids:
        Path(store.folders.name(task_id)).mkdir(parents=True)
    store.close()
    again = fresh(tmp_path)
    finish(again.scribe, IDS.new())
    again.close()
    assert all(Path(again.folders.name(task_id)).exists() for task_id in ids)


def test_the_row_is_there_before_the_folder_may_be_swept(tmp_path: Path) -> None:
    """Tasks that are submitted while the folders are looked through keep theirs."""
    store = fresh(tmp_path)
    for task_id in ended(store, 300):
        store.folders.create(task_id)
        Path(store.folders.name(task_id)).mkdir(parents=True)
    store.close()
    again = fresh(tmp_path)
    works: list[str] = []
    came = threading.Semaphore(0)

    def stored(task_id: str | None, error: object) -> None:
        assert task_id is not None
        works.append(again.folders.create(task_id))
        came.release()

    for _ in range(300):
        again.writer.post(tasks.insert(new_task(), 1), durable=False, done=stored)
        assert came.acquire(timeout=30)
    again.close()
    assert all(Path(work).exists() for work in works)


def test_the_log_level_of_a_normal_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing to worry about but SQLite's version."""
    fresh(tmp_path).close()
    caplog.clear()
    fresh(tmp_path).close()
    worries = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert all("has a bug" in record.getMessage() for record in worries)


def test_the_state_directory_may_be_moved(tmp_path: Path) -> None:
    store = fresh(tmp_path / "old")
    task_id = put(store.writer)
    with_files(store, task_id)
    store.close()
    shutil.move(tmp_path / "old", tmp_path / "new")
    again = fresh(tmp_path / "new")
    assert [line.text for line in again.log(task_id).lines()] == ["hi"]
    again.close()
