from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasky.store.trash import Trash
from tests.disks import Disk
from tests.store.parts import descriptors


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "trash"
    path.mkdir()
    return path


@pytest.fixture
def trash(path: Path) -> Iterator[Trash]:
    before = descriptors()
    trash = Trash(path)
    yield trash
    trash.close()
    assert descriptors() == before


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


def sweep(trash: Trash) -> int:
    """How many slices it takes."""
    slices = 1
    while trash.sweep():
        slices += 1
        assert slices < 10_000
    return slices


def test_it_is_gone_at_once(trash: Trash, path: Path, folder: Path) -> None:
    (folder / "file").write_text("x")
    trash.take(str(folder))
    assert not folder.exists()
    assert len(list(path.iterdir())) == trash.waiting == 1
    sweep(trash)
    assert list(path.iterdir()) == []
    assert trash.waiting == 0


def test_what_is_not_there(trash: Trash, folder: Path) -> None:
    trash.take(f"{folder}/gone")
    assert not trash.sweep()


def test_a_tree(trash: Trash, path: Path, folder: Path) -> None:
    chance = random.Random(3)
    folders = [folder]
    for n in range(300):
        parent = chance.choice(folders)
        if n % 3:
            (parent / f"file{n}").write_text("x")
        else:
            (parent / f"folder{n}").mkdir()
            folders.append(parent / f"folder{n}")
    trash.take(str(folder))
    sweep(trash)
    assert list(path.iterdir()) == []


def test_a_deep_tree(trash: Trash, path: Path, folder: Path) -> None:
    """Deeper than a path can say, and than Python can recurse."""
    fd = os.open(folder, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d" * 50, dir_fd=fd)
        deeper = os.open("d" * 50, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = deeper
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)
    trash.take(str(folder))
    open_before = len(descriptors())
    while trash.sweep():
        assert len(descriptors()) - open_before <= 3
    assert list(path.iterdir()) == []


names = st.binary(min_size=1, max_size=255).filter(
    lambda name: not set(name) & {0, 47} and name not in (b".", b"..")
)


@given(st.sets(names, max_size=20), st.sets(names, max_size=5))
@settings(max_examples=40, deadline=None)
def test_odd_names(
    tmp_path_factory: pytest.TempPathFactory, files: set[bytes], folders: set[bytes]
) -> None:
    base = tmp_path_factory.mktemp("odd")
    (base / "trash").mkdir()
    (base / "folder").mkdir()
    top = os.fsencode(base / "folder")
    files |= {b"a\nb", b"\xff\xfe", b"-rf", b"*", b" "}
    for name in files:
        os.close(os.open(top + b"/" + name, os.O_CREAT | os.O_WRONLY))
    for name in folders - files:
        Path(os.fsdecode(top + b"/" + name + b"/" + name)).mkdir(parents=True)
    trash = Trash(base / "trash")
    trash.take(str(base / "folder"))
    sweep(trash)
    trash.close()
    assert list((base / "trash").iterdir()) == []


def test_links_are_not_followed(trash: Trash, path: Path, folder: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    (precious / "sub").mkdir(parents=True)
    (precious / "sub" / "file").write_text("kept")
    (folder / "to_folder").symlink_to(precious)
    (folder / "to_file").symlink_to(precious / "sub" / "file")
    (folder / "to_nothing").symlink_to("gone")
    (folder / "loop").symlink_to("loop")
    (folder / "up").symlink_to("..")
    (folder / "same").hardlink_to(precious / "sub" / "file")
    trash.take(str(folder))
    (tmp_path / "link").symlink_to(precious)
    trash.take(str(tmp_path / "link"))
    sweep(trash)
    assert list(path.iterdir()) == []
    assert not (tmp_path / "link").is_symlink()
    assert (precious / "sub" / "file").read_text() == "kept"


def test_what_is_no_file(trash: Trash, path: Path, folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
    trash.take(str(folder))
    sweep(trash)
    assert list(path.iterdir()) == []


def test_folders_without_rights(trash: Trash, path: Path, folder: Path) -> None:
    """As root they are no hindrance; the test is for everybody else."""
    (folder / "sub" / "subsub").mkdir(parents=True)
    (folder / "sub" / "subsub" / "file").write_text("x")
    for closed in (folder / "sub" / "subsub", folder / "sub", folder):
        closed.chmod(0)
    trash.take(str(folder))
    sweep(trash)
    assert list(path.iterdir()) == []


def test_it_goes_in_slices(trash: Trash, path: Path, folder: Path) -> None:
    for n in range(2000):
        (folder / str(n)).write_text("")
    trash.take(str(folder))
    assert trash.sweep()
    (place,) = path.iterdir()
    assert 1000 < len(list(place.iterdir())) < 2000
    assert sweep(trash) > 3
    assert list(path.iterdir()) == []


def test_what_a_former_run_left(path: Path, folder: Path) -> None:
    for n in range(400):
        (folder / str(n)).write_text("")
    first = Trash(path)
    first.take(str(folder))
    assert first.sweep()
    first.close()
    (path / "stray").write_text("x")
    second = Trash(path)
    folder.mkdir()
    second.take(str(folder))
    assert second.waiting == 3
    sweep(second)
    second.close()
    assert list(path.iterdir()) == []


def test_what_cannot_be_deleted_is_told_and_left(
    trash: Trash, path: Path, folder: Path, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker (as root) mounted something there."""
    for n in range(300):
        (folder / f"before{n}").write_text("")
    mounted = disk(path=folder / "mounted")
    (mounted / "kept").write_text("kept")
    inner = folder / "inner"
    inner.mkdir()
    (inner / "file").write_text("x")
    trash.take(str(folder))
    sweep(trash)
    assert caplog.text.count("cannot be deleted") == 1
    (place,) = path.iterdir()
    assert [entry.name for entry in place.iterdir()] == ["mounted"]
    assert (place / "mounted" / "kept").read_text() == "kept"
    assert not trash.sweep()
