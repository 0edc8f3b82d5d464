"""What a worker may try: each case leaves the file where it is, and says why."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasky.model.task import Artifact
from tasky.store.artifacts import collect
from tests.store.parts import descriptors


@dataclass(frozen=True)
class Announced:
    path: str
    name: str | None = None
    media_type: str | None = None


@dataclass(frozen=True)
class Place:
    work: Path
    files: Path

    def collect(self, *announced: Announced | str) -> tuple[list[Artifact], list[str]]:
        before = descriptors()
        items = [Announced(item) if isinstance(item, str) else item for item in announced]
        found = collect(str(self.work), str(self.files), items)
        assert descriptors() == before
        return found

    def refused(self, path: str) -> str:
        """Why it is; nothing is kept."""
        kept, notes = self.collect(path)
        assert kept == []
        assert [entry for entry in self.files.rglob("*") if not entry.is_dir()] == []
        (note,) = notes
        return note

    def put(self, path: str, text: str = "inside") -> Path:
        file = self.work / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "work").mkdir()
    (tmp_path / "secret").write_text("secret")
    return Place(tmp_path / "work", tmp_path / "files")


def test_a_file_is_moved(place: Place) -> None:
    place.put("out.csv")
    kept, notes = place.collect("out.csv")
    assert notes == []
    assert kept == [Artifact(path="out.csv", name="out.csv", media_type="text/csv", size=6)]
    assert (place.files / "out.csv").read_text() == "inside"
    assert not (place.work / "out.csv").exists()


def test_files_in_folders(place: Place) -> None:
    for path in ("a/b/c.txt", "a/d.txt", "e"):
        place.put(path)
    kept, notes = place.collect("a/b/c.txt", "./a//d.txt", f"{place.work}/e")
    assert notes == []
    assert [item.path for item in kept] == ["a/b/c.txt", "a/d.txt", "e"]
    assert all((place.files / item.path).read_text() == "inside" for item in kept)


def test_what_the_worker_says_of_it(place: Place) -> None:
    place.put("x")
    (kept,), _ = place.collect(Announced("x", "Report", "application/pdf"))
    assert (kept.name, kept.media_type) == ("Report", "application/pdf")
    place.put("y")
    (kept,), _ = place.collect(Announced("y"))
    assert (kept.name, kept.media_type) == ("y", "application/octet-stream")


def test_of_two_announcements_the_last_holds(place: Place) -> None:
    place.put("x")
    kept, notes = place.collect(Announced("x", "first"), Announced("./x", "second"))
    assert notes == []
    assert [item.name for item in kept] == ["second"]


def test_one_that_is_refused_does_not_spoil_the_others(place: Place) -> None:
    place.put("a")
    place.put("b")
    kept, notes = place.collect("a", "../secret", "gone", "b")
    assert [item.path for item in kept] == ["a", "b"]
    assert len(notes) == 2


@pytest.mark.parametrize("name", ["\n", "\u202e", "ä" * 100, "x" * 255, "-rf", "\udcff", "a b"])
def test_odd_names(place: Place, name: str) -> None:
    place.put(name)
    kept, notes = place.collect(name)
    assert notes == []
    assert [item.path for item in kept] == [name]
    assert (place.files / name).read_text() == "inside"


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "a/../../secret",
        "a/..",
        "..",
        "/etc/passwd",
        "/",
        "//etc/passwd",
        "{work}/../secret",
        "{work}x",
    ],
)
def test_a_path_that_leads_out(place: Place, path: str) -> None:
    place.put("a/x")
    place.put("secret", "not this")
    note = place.refused(path.replace("{work}", str(place.work)))
    assert "outside" in note
    assert (place.work.parent / "secret").read_text() == "secret"


@pytest.mark.parametrize("path", ["", ".", "./", "{work}/"])
def test_a_path_that_names_no_file(place: Place, path: str) -> None:
    assert "names no file" in place.refused(path.replace("{work}", str(place.work)))


@pytest.mark.parametrize("path", ["a\0b", "\ud800", "x\0"])
def test_a_path_that_no_file_can_have(place: Place, path: str) -> None:
    note = place.refused(path)
    assert "no file can have this name" in note
    note.encode()  # fit for a log


def test_a_path_that_is_too_long(place: Place) -> None:
    note = place.refused("x" * 100_000)
    assert "too long" in note
    assert len(note) < 400
    assert "could not be kept" in place.refused("/".join(["d"] * 5000))


def test_a_symbolic_link(place: Place) -> None:
    for target in ("../secret", str(place.work.parent / "secret"), "gone", "."):
        (place.work / "link").unlink(missing_ok=True)
        (place.work / "link").symlink_to(target)
        assert "symbolic link" in place.refused("link")


@pytest.mark.parametrize("target", ["..", ".", "other"])
def test_a_folder_that_is_a_symbolic_link(place: Place, target: str) -> None:
    place.put("other/secret")
    (place.work / "link").symlink_to(target)
    (place.work / "secret").write_text("x")
    assert "a link, or no folder" in place.refused("link/secret")


def test_a_file_in_the_place_of_a_folder(place: Place) -> None:
    place.put("file")
    assert "a link, or no folder" in place.refused("file/x")


def test_what_is_no_file(place: Place) -> None:
    (place.work / "folder").mkdir()
    os.mkfifo(place.work / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place.work / "socket"))
        for name in ("folder", "fifo", "socket"):
            assert "not a regular file" in place.refused(name)


def test_a_device(place: Place) -> None:
    try:
        os.mknod(place.work / "null", 0o20666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("needs the right to make a device")
    assert "not a regular file" in place.refused("null")


def test_a_hard_link_to_a_file_of_another_user(place: Place) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to have another user's files")
    os.chown(place.work, 65534, 65534)
    (place.work / "link").hardlink_to(place.work.parent / "secret")
    assert "belongs to another user" in place.refused("link")
    os.chown(place.put("own"), 65534, 65534)
    (place.work / "second").hardlink_to(place.work / "own")
    kept, notes = place.collect("own")
    assert (len(kept), notes) == (1, [])


def test_another_users_file_that_was_moved_here(place: Place) -> None:
    """In a folder of that user's, which makes it no better."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to have another user's files")
    place.put("folder/shadow", "secret")
    os.chown(place.work, 65534, 65534)
    assert "belongs to another user" in place.refused("folder/shadow")


def test_a_file_that_is_not_there(place: Place) -> None:
    assert "No such file" in place.refused("gone")
    assert "No such file" in place.refused("gone/too")
    place.work.rmdir()
    assert "No such file" in place.refused("x")


def test_rights_that_the_worker_took_from_itself(place: Place) -> None:
    file = place.put("folder/x")
    file.chmod(0)
    file.parent.chmod(0o500)
    kept, notes = place.collect("folder/x")
    assert notes == []
    assert (place.files / kept[0].path).read_text() == "inside"
    assert (place.files / kept[0].path).stat().st_mode & 0o400


def test_a_file_where_another_needs_a_folder(place: Place) -> None:
    place.put("a")
    kept, notes = place.collect("a")
    (place.work / "a").mkdir()
    place.put("a/b")
    again, notes = place.collect("a/b")
    assert (len(kept), again) == (1, [])
    assert "a link, or no folder" in notes[0]


def test_folders_that_are_swapped_meanwhile(place: Place) -> None:
    """A process that survived swaps a folder for a link to the outside, again and again."""
    outside = place.work.parent / "outside"
    outside.mkdir()
    (place.work / "real").mkdir()
    (place.work / "link").symlink_to(outside)
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            for name in ("real", "link"):
                (place.work / name).rename(place.work / "sub")
                (place.work / "sub").rename(place.work / name)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        total = 0
        for n in range(300):
            (outside / str(n)).write_text("secret")
            for folder in ("real", "sub"):
                try:
                    (place.work / folder / str(n)).write_text("inside")
                except FileNotFoundError:
                    continue
            (outside / str(n)).write_text("secret")
            kept, _ = collect(str(place.work), str(place.files), [Announced(f"sub/{n}")])
            total += len(kept)
            assert (outside / str(n)).read_text() == "secret"
    finally:
        over.set()
        thread.join()
    found = [file.read_text() for file in place.files.rglob("*") if file.is_file()]
    assert set(found) <= {"inside"}
    assert len(found) == total
