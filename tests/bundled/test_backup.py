from __future__ import annotations

import os
import signal
import tarfile
from pathlib import Path

import pytest

from tasky.model.messages import ArtifactMessage, ProgressMessage, ResultMessage
from tests.helpers import wait_for

from .support import Finished, quiet, run, start


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / 'Größe "1" \\ 😀'
    (folder / "deeper").mkdir(parents=True)
    (folder / "deeper" / "two\nlines").write_text("content")
    (folder / "-rf").write_bytes(os.urandom(10_000))
    os.mkfifo(folder / "fifo")
    return folder


def backup(folder: Path | str, tmp_path: Path) -> Finished:
    finished = run("backup", tmp_path / "work", folder=str(folder))
    assert quiet(finished)
    return finished


def test_packs_everything(folder: Path, tmp_path: Path) -> None:
    finished = backup(folder, tmp_path)
    archive = tmp_path / "work" / "backup.tar.gz"
    assert finished.output == {"files": 5, "bytes": archive.stat().st_size}
    with tarfile.open(archive) as tar:
        assert set(tar.getnames()) == {".", "./-rf", "./deeper", "./deeper/two\nlines", "./fifo"}
        member = tar.extractfile("./deeper/two\nlines")
        assert member is not None
        assert member.read() == b"content"


def test_keeps_the_archive_under_the_name_of_the_folder(folder: Path, tmp_path: Path) -> None:
    (artifact,) = backup(f"{folder}//", tmp_path).all(ArtifactMessage)
    assert artifact.path == "backup.tar.gz"
    assert artifact.media_type == "application/gzip"
    assert artifact.name is not None
    assert artifact.name.startswith(f"{folder.name}-20")
    assert artifact.name.endswith(".tar.gz")


def test_a_folder_named_by_control_characters(tmp_path: Path) -> None:
    folder = tmp_path / "a\nb\x01\\u0041\x7f"
    folder.mkdir()
    (artifact,) = backup(folder, tmp_path).all(ArtifactMessage)
    assert (artifact.name or "").startswith("a_b_\\u0041_-20")


def test_progress(folder: Path, tmp_path: Path) -> None:
    finished = backup(folder, tmp_path)
    assert finished.percents == [20, 40, 60, 80, 100]
    assert finished.all(ProgressMessage)[0].progress.message == "1 of 5 files"


def test_a_link_to_a_folder_is_followed(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert backup(link, tmp_path).output["files"] == 5


@pytest.mark.parametrize("kind", ["missing", "file", "fifo"])
def test_what_is_no_folder(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "path"
    if kind == "file":
        path.touch()
    elif kind == "fifo":
        os.mkfifo(path)
    assert backup(path, tmp_path).error == f"not a folder: {path}"


def test_an_archive_that_cannot_be_written(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "work" / "backup.tar.gz").mkdir(parents=True)
    finished = run("backup", tmp_path / "work", folder=str(folder))
    assert finished.error == "tar could not pack all files: its messages are in the log"
    assert "Is a directory" in finished.stderr


def test_cancel_ends_all_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with (folder / "big").open("wb") as file:
        file.truncate(64 << 30)
    worker = start("backup", tmp_path / "work", folder=str(folder))
    worker.wait_for(ProgressMessage)
    worker.terminate()
    finished = worker.finish()
    assert finished.status == -signal.SIGTERM
    assert not finished.all(ResultMessage)
    wait_for(lambda: not members(worker.process.pid), "tar and gzip have ended too")


def members(group: int) -> list[str]:
    """The processes of a group, but for zombies: whoever inherits those may leave them."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = status.read_text().rpartition(")")
        except OSError:  # it has ended meanwhile
            continue
        state, _parent, its_group = rest.split()[:3]
        if int(its_group) == group and state != "Z":
            found.append(name)
    return found
