"""S1, S2: how much room there must be for what, on real file systems; and what logs do without it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasky.errors import StoreFull
from tasky.model.states import State
from tasky.store import LogReader, Scribe, Stream
from tasky.store.folders import Folders
from tasky.store.room import BALLAST, FOR_LOGS, FOR_TASKS, Room
from tests.disks import Disk, fill_disk, mount
from tests.helpers import wait_for
from tests.store.parts import IDS, MAX_LOG, finish

MIB = 1 << 20
#: What a file system of the tests has for us, about: the rest of the room for tasks is spare.
SIZE = BALLAST + FOR_TASKS + 16 * MIB


def leave(place: Path, size: int) -> None:
    """So many bytes are free."""
    (place / "filler").unlink(missing_ok=True)
    fill_disk(place, but=size)


def takes_tasks(room: Room) -> bool:
    try:
        room.admit()
    except StoreFull:
        return False
    return True


@pytest.mark.case("S1")
def test_what_stops_first(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    place = disk(SIZE)
    room = Room(place)
    assert (place / "ballast").stat().st_size == BALLAST
    expected = [
        (FOR_TASKS + MIB, True, True),
        (FOR_TASKS - MIB, False, True),
        (FOR_LOGS + MIB, False, True),
        (FOR_LOGS - MIB, False, False),
        (0, False, False),
        (FOR_TASKS + MIB, True, True),
    ]
    for free, tasks, logs in expected:
        leave(place, free)
        assert (takes_tasks(room), room.takes_logs()) == (tasks, logs), free
        assert (room.trouble() is None) is tasks
    assert caplog.text.count("no new tasks are taken") == 1
    assert caplog.text.count("there is room on the disk again") == 1


@pytest.mark.case("S2")
def test_what_the_ballast_gives_is_for_neither(disk: Disk) -> None:
    place = disk(SIZE)
    room = Room(place)
    leave(place, 0)
    assert room.drop()
    assert not room.drop(), "it is gone"
    assert not takes_tasks(room)
    assert not room.takes_logs()
    leave(place, 2 * BALLAST - MIB)
    assert not takes_tasks(room)
    assert (place / "ballast").stat().st_size == 0
    leave(place, 2 * BALLAST + MIB)
    assert not takes_tasks(room), "it comes first"
    assert (place / "ballast").stat().st_size == BALLAST
    assert "new tasks need 32.0 MiB" in (room.trouble() or "")


@pytest.mark.case("S1")
def test_a_file_system_without_files(tmp_path: Path, disk: Disk) -> None:
    place = disk(SIZE)
    mount("-o", "remount,nr_inodes=200", place)
    room = Room(place)
    with pytest.raises(StoreFull, match=r"there can be \d+ more files only"):
        room.admit()


def test_a_ballast_that_cannot_be_made(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    """Then there is none; and it is not tried for each task."""
    place = disk(SIZE)
    (place / "ballast").mkdir()
    room = Room(place)
    assert takes_tasks(room)
    assert not room.drop()
    leave(place, BALLAST + FOR_TASKS - MIB)
    assert not takes_tasks(room)


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    """Whoever writes is told."""
    (tmp_path / "state").mkdir()
    room = Room(tmp_path / "state")
    (tmp_path / "state/ballast").unlink()
    (tmp_path / "state").rmdir()
    assert takes_tasks(room)
    assert room.takes_logs()


# Logs without room


class Switch:
    on = True

    def __call__(self) -> bool:
        return self.on


@pytest.fixture
def room() -> Switch:
    return Switch()


@pytest.fixture
def tight(folders: Folders, room: Switch) -> Iterator[Scribe]:
    scribe = Scribe(folders, MAX_LOG, lambda _: State.RUNNING, room)
    scribe.start()
    yield scribe
    scribe.close()


def text(folders: Folders, task_id: str) -> list[str]:
    return [line.text for line in LogReader(folders.name(task_id)).lines()]


@pytest.mark.case("S1")
def test_lines_are_lost_and_the_log_says_so(tight: Scribe, folders: Folders, room: Switch) -> None:
    task_id, other = IDS.new(), IDS.new()
    tight.append(task_id, Stream.STDOUT, 1, b"one\n")
    finish(tight, other)  # so that it is written
    room.on = False
    tight.append(task_id, Stream.STDOUT, 2, b"two\nthree\n")
    finish(tight, other)
    room.on = True
    tight.append(task_id, Stream.STDOUT, 3, b"four\n")
    remains = finish(tight, task_id, want_output=True)
    assert (remains.output, remains.truncated) == ("one\nfour", True)
    first, note, last = text(folders, task_id)
    assert (first, last) == ("one", "four")
    assert "lost: 2" in note


@pytest.mark.case("S1")
def test_a_log_that_has_no_room_at_all(tight: Scribe, folders: Folders, room: Switch) -> None:
    """Even so it says what it lacks: a note is small. Its output is empty, and said to be cut off."""
    room.on = False
    task_id = IDS.new()
    tight.append(task_id, Stream.STDOUT, 1, b"one\n" * 1000)
    remains = finish(tight, task_id, want_output=True)
    assert (remains.output, remains.truncated) == ("", True)
    (note,) = text(folders, task_id)
    assert "lost: 1000" in note


@pytest.mark.case("S1")
def test_what_a_full_disk_kept_a_log_from_saying_is_said_later(disk: Disk) -> None:
    """Without any other work for the scribe. Not in the log of a task that was deleted meanwhile."""
    folders = Folders(disk(1 << 20))
    scribe = Scribe(folders, MAX_LOG, lambda _: State.RUNNING)
    scribe.start()
    try:
        kept, deleted = IDS.new(), IDS.new()
        filler = fill_disk(folders.trash.parent)
        for task_id in (kept, deleted):
            scribe.append(task_id, Stream.STDOUT, 1, b"one\n" * 5000)
            finish(scribe, task_id)
        assert text(folders, kept) == []
        scribe.discard([deleted])
        filler.unlink()
        (note,) = wait_for(lambda: text(folders, kept), "the note")
        assert "lost: 5000" in note
        assert not Path(folders.name(deleted)).exists()
    finally:
        scribe.close()
