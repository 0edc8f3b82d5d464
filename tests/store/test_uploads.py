"""The files of submissions on the disk: staged, kept, placed, removed."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import Any

import pytest

from tasky.errors import SpawnError, StoreDamaged, StoreFull
from tasky.model.states import State
from tasky.model.upload import Upload
from tasky.store import Store
from tasky.store.room import BALLAST
from tests.disks import Disk, fill_disk
from tests.helpers import wait_for
from tests.store.parts import MAX_LOG, put


def fresh(state: Path) -> Store:
    return Store.open(state, max_log=MAX_LOG)


def keep(store: Store, task_id: str, *contents: bytes) -> list[Upload]:
    with store.uploads.stage() as staged:
        uploads = [staged.add(io.BytesIO(content), "name") for content in contents]
        staged.keep(task_id)
    return uploads


def left(store: Store) -> list[str]:
    return sorted(path.name for path in store.folders.uploads.iterdir())


def await_left(store: Store, *names: str) -> None:
    wait_for(lambda: left(store) == sorted(names), f"there is {names}")


def task(store: Store, state: State = State.QUEUED) -> str:
    return put(store.writer, state)


def test_each_attempt_gets_the_same_file_without_a_copy(store: Store) -> None:
    task_id = task(store)
    uploads = keep(store, task_id, b"one", b"two")
    for _ in range(3):
        work = Path(store.folders.create(task_id))
        store.uploads.place(task_id, uploads, str(work))
        store.uploads.place(task_id, uploads, str(work))  # a start may be tried twice
        assert [(work / each.file).read_bytes() for each in uploads] == [b"one", b"two"]
        assert (work / "upload-1").stat().st_nlink == 2
        for path in work.iterdir():
            path.unlink()
    store.uploads.release(task_id)
    await_left(store)


def test_a_file_that_an_attempt_has_changed(store: Store) -> None:
    task_id = task(store)
    uploads = keep(store, task_id, b"one")
    work = Path(store.folders.create(task_id))
    store.uploads.place(task_id, uploads, str(work))
    (work / "upload-1").chmod(0o644)
    (work / "upload-1").write_bytes(b"two")
    with pytest.raises(SpawnError, match="was changed by a former attempt"):
        store.uploads.place(task_id, uploads, str(work))


def test_a_file_that_is_gone(store: Store) -> None:
    task_id = task(store)
    (upload,) = keep(store, task_id, b"one")
    work = store.folders.create(task_id)
    other = Upload(file="upload-2", name="", size=1, sha256=upload.sha256)
    with pytest.raises(SpawnError, match="upload-2 is gone"):
        store.uploads.place(task_id, [other], work)
    store.uploads.release(task_id)
    await_left(store)
    with pytest.raises(SpawnError, match="upload-1 is gone"):
        store.uploads.place(task_id, [upload], work)


def test_without_hard_links_there_are_copies(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    task_id = task(store)
    uploads = keep(store, task_id, b"one")
    work = Path(store.folders.create(task_id))
    monkeypatch.setattr(os, "link", no_link)
    store.uploads.place(task_id, uploads, str(work))
    copy = (work / "upload-1").stat()
    assert ((work / "upload-1").read_bytes(), copy.st_nlink, copy.st_mode & 0o777) == (
        b"one", 1, 0o444,
    )  # fmt: skip


def test_what_is_not_kept_is_removed(store: Store) -> None:
    with store.uploads.stage() as staged:
        staged.add(io.BytesIO(b"x"), "name")
        assert len(left(store)) == 1
    await_left(store)
    with store.uploads.stage():
        assert left(store) == []


def test_an_error_on_the_way(store: Store) -> None:
    class Broken(io.BytesIO):
        def read(self, _: int | None = -1) -> bytes:
            raise ConnectionError

    with pytest.raises(ConnectionError), store.uploads.stage() as staged:
        staged.add(Broken(), "name")
    await_left(store)


def test_what_a_crash_left_is_removed_and_what_waits_is_not(tmp_path: Path) -> None:
    store = fresh(tmp_path / "state")
    waits, ended = task(store), task(store, State.COMPLETED)
    for task_id in (waits, ended, "0" * 32):
        keep(store, task_id, b"x")
    with store.uploads.stage() as staged:
        staged.add(io.BytesIO(b"half"), "name")
        store.scribe.close()
    store.close()
    assert len(left(store)) == 4
    store = fresh(tmp_path / "state")
    await_left(store, waits)
    store.uploads.release(waits)
    await_left(store)
    store.close()


def test_files_without_a_database_are_not_removed(tmp_path: Path) -> None:
    store = fresh(tmp_path / "state")
    keep(store, task(store), b"x")
    store.close()
    for path in (tmp_path / "state").glob("tasky.db*"):
        path.unlink()
    with pytest.raises(StoreDamaged, match="files sent to its tasks"):
        fresh(tmp_path / "state")


@pytest.mark.case("S1")
def test_a_disk_without_room(disk: Disk) -> None:
    place = disk(160 << 20)
    store = fresh(place / "state")
    try:
        with pytest.raises(StoreFull):
            store.uploads.admit(160 << 20)
        store.uploads.admit(1 << 20)
        filler = fill_disk(place)
        with pytest.raises(StoreFull), store.uploads.stage() as staged:
            staged.add(io.BytesIO(b"x" * BALLAST), "name")
        await_left(store)
        filler.unlink()
        keep(store, task(store), b"x")
    finally:
        store.close()
