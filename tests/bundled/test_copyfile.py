from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasky.model.messages import ProgressMessage

from .support import Finished, names, quiet, run, start

OLDER_ANSWER = "File copied successfully."


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(os.urandom(100_000))
    path.chmod(0o640)
    return path


@pytest.fixture
def other_device(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system, where no hard link leads to."""
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("THE COPY TO ANOTHER DEVICE IS NOT TESTED: /dev/shm is no other file system")
    folder = shm / f"tasky-test-{os.getpid()}-{os.urandom(4).hex()}"
    folder.mkdir()
    yield folder
    for entry in folder.iterdir():
        entry.unlink()
    folder.rmdir()


def copy(source: Path | str, destination: Path | str, tmp_path: Path) -> Finished:
    finished = run("copyfile", tmp_path / "work", source=str(source), destination=str(destination))
    assert quiet(finished)
    return finished


def test_links_where_it_can(source: Path, tmp_path: Path) -> None:
    destination = tmp_path / "destination"
    output = copy(source, destination, tmp_path).output
    assert output == {"string_output": OLDER_ANSWER, "method": "link", "bytes": 100_000}
    assert destination.samefile(source)


def test_copies_to_another_file_system(source: Path, other_device: Path, tmp_path: Path) -> None:
    destination = other_device / "destination"
    output = copy(source, destination, tmp_path).output
    assert output == {"string_output": OLDER_ANSWER, "method": "copy", "bytes": 100_000}
    assert destination.read_bytes() == source.read_bytes()
    assert stat.S_IMODE(destination.stat().st_mode) == 0o640
    assert names(other_device) == ["destination"]


def test_copies_over_a_file_that_is_there(source: Path, tmp_path: Path) -> None:
    destination = tmp_path / "destination"
    destination.write_text("older and longer " * 10_000)
    destination.chmod(0o604)
    other_name = tmp_path / "other"
    other_name.hardlink_to(destination)
    assert copy(source, destination, tmp_path).output["method"] == "copy"
    assert destination.read_bytes() == source.read_bytes()
    assert not destination.samefile(source)
    assert stat.S_IMODE(destination.stat().st_mode) == 0o604
    assert other_name.read_text().startswith("older"), "only this name is replaced"
    assert names(tmp_path) == ["destination", "other", "source", "work"]


@pytest.mark.parametrize("how", ["itself", "hard link", "symbolic link"])
def test_the_same_file_is_a_success(how: str, source: Path, tmp_path: Path) -> None:
    destination = tmp_path / "destination"
    match how:
        case "itself":
            destination = source
        case "hard link":
            destination.hardlink_to(source)
        case _:
            destination.symlink_to(source)
    before = source.read_bytes()
    assert copy(source, destination, tmp_path).output["method"] == "same"
    assert source.read_bytes() == before


def test_follows_links_at_both_ends(source: Path, tmp_path: Path) -> None:
    link, target, destination = tmp_path / "link", tmp_path / "target", tmp_path / "destination"
    link.symlink_to("source")
    target.write_text("older")
    destination.symlink_to("target")
    copy(link, destination, tmp_path)
    assert destination.is_symlink()
    assert target.read_bytes() == source.read_bytes()


def test_a_link_to_a_file_is_not_linked_itself(source: Path, tmp_path: Path) -> None:
    link, destination = tmp_path / "link", tmp_path / "destination"
    link.symlink_to("source")
    assert copy(link, destination, tmp_path).output["method"] == "link"
    assert not destination.is_symlink()
    assert destination.samefile(source)


def test_creates_what_a_dangling_link_names(source: Path, tmp_path: Path) -> None:
    destination = tmp_path / "destination"
    destination.symlink_to("not there yet")
    copy(source, destination, tmp_path)
    assert (tmp_path / "not there yet").read_bytes() == source.read_bytes()


def test_an_empty_file(tmp_path: Path) -> None:
    source, destination = tmp_path / "source", tmp_path / "destination"
    source.touch()
    destination.write_text("older")
    assert copy(source, destination, tmp_path).output["bytes"] == 0
    assert destination.read_bytes() == b""


def test_a_file_whose_size_the_kernel_does_not_tell(tmp_path: Path) -> None:
    destination = tmp_path / "destination"
    copy("/proc/version", destination, tmp_path)
    assert destination.read_bytes() == Path("/proc/version").read_bytes()


@pytest.mark.parametrize(
    "name",
    ["two\nlines", "\"quotes\" and 'quotes'", "back\\slash", "Größe 😀", "-rf", "%s {x} $(y)", " "],
)
def test_odd_names(name: str, source: Path, tmp_path: Path) -> None:
    odd = tmp_path / name
    source.rename(odd)
    destination = tmp_path / f"{name} copied"
    destination.touch()
    copy(odd, destination, tmp_path)
    assert destination.read_bytes() == odd.read_bytes()


# ---------------------------------------------------------------------- what it refuses


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert copy(missing, tmp_path / "x", tmp_path).error == f"No such file or directory: {missing}"


@pytest.mark.parametrize("end", ["source", "destination"])
@pytest.mark.parametrize("kind", ["folder", "fifo", "device"])
def test_only_regular_files(end: str, kind: str, source: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    match kind:
        case "folder":
            other.mkdir()
        case "fifo":
            os.mkfifo(other)
        case _:
            other = Path("/dev/null")
    pair = (other, tmp_path / "destination") if end == "source" else (source, other)
    before = os.lstat(other)
    assert copy(*pair, tmp_path).error == f"not a regular file: {other}"
    assert os.lstat(other).st_ino == before.st_ino
    assert not (tmp_path / "destination").exists()


def test_a_destination_in_no_folder(source: Path, tmp_path: Path) -> None:
    message = copy(source, tmp_path / "nowhere" / "x", tmp_path).error
    assert message.startswith("No such file or directory: ")


def test_a_path_with_a_nul(source: Path, tmp_path: Path) -> None:
    assert "null" in copy(source, f"{tmp_path}/a\0b", tmp_path).error


# ---------------------------------------------------------------------- big files


def sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.write(b"begin")
        file.seek(size - 3)
        file.write(b"end")


def test_progress_of_a_big_file_whose_holes_are_kept(tmp_path: Path) -> None:
    source, destination = tmp_path / "source", tmp_path / "destination"
    size = 300 << 20
    sparse(source, size)
    destination.touch()
    finished = copy(source, destination, tmp_path)
    assert finished.output["bytes"] == size
    assert finished.percents == sorted(set(finished.percents))
    assert len(finished.percents) > 50
    assert finished.percents[-1] == 100
    assert destination.stat().st_size == size
    assert destination.stat().st_blocks * 512 < 8 << 20
    with destination.open("rb") as file:
        assert file.read(6) == b"begin\0"
        file.seek(size - 4)
        assert file.read() == b"\0end"


def test_a_hole_at_the_end_is_not_lost(tmp_path: Path) -> None:
    source, destination = tmp_path / "source", tmp_path / "destination"
    source.touch()
    os.truncate(source, 3_500_000)
    destination.touch()
    copy(source, destination, tmp_path)
    assert destination.read_bytes() == bytes(3_500_000)


def test_cancel_leaves_no_half_file(tmp_path: Path) -> None:
    source, destination = tmp_path / "source", tmp_path / "destination"
    sparse(source, 16 << 30)
    destination.write_text("older")
    worker = start("copyfile", tmp_path / "work", source=str(source), destination=str(destination))
    worker.wait_for(ProgressMessage)
    worker.terminate()
    finished = worker.finish()
    assert finished.status == 128 + 15
    assert quiet(finished)
    assert destination.read_text() == "older"
    assert names(tmp_path) == ["destination", "source", "work"]


def test_a_full_disk_fails_the_task(other_device: Path, tmp_path: Path) -> None:
    """A limit of the file size stands for it: the write fails in the same place."""
    source, destination = tmp_path / "source", other_device / "destination"
    source.write_bytes(os.urandom(1 << 20))
    limited = ("sh", "-c", 'ulimit -f 512 && exec "$@"', "sh")
    pair = {"source": str(source), "destination": str(destination)}
    finished = start("copyfile", tmp_path / "work", limited, **pair).finish()
    assert finished.error == f"File too large: {source} to {destination}"
    assert names(other_device) == []
