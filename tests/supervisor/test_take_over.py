"""The folder of a process that has waited becomes that of its task."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasky.supervisor import standby
from tasky.supervisor.exchange import exchange


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Of a process, which has made a file; of its task, with which one came."""
    process, task = tmp_path / "process", tmp_path / "task"
    process.mkdir()
    (process / "made").touch()
    task.mkdir()
    (task / "came").touch()
    return process, task


@pytest.mark.parametrize("can_exchange", [True, False])
def test_both_names_lead_to_the_folder_of_the_process(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(standby, "exchange", lambda one, other: False)
    process, task = folders
    inode = process.stat().st_ino
    standby.take_over(str(process), str(task))
    assert (task.stat().st_ino, process.stat().st_ino) == (inode, inode)
    assert not task.is_symlink()
    assert {path.name for path in process.iterdir()} == {"came", "made"}


def test_what_fails_leaves_the_task_a_folder(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(one: str, other: str) -> bool:
        raise OSError(5, "as a disk says")

    monkeypatch.setattr(standby, "exchange", fail)
    process, task = folders
    with pytest.raises(OSError, match="as a disk says"):
        standby.take_over(str(process), str(task))
    assert not task.is_symlink()
    assert list(task.iterdir()) == []


def test_two_names_change_places(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.symlink_to("other")
    assert exchange(str(one), str(other))
    assert (one.readlink(), other.is_dir()) == (Path("other"), True)
    with pytest.raises(FileNotFoundError):
        exchange(str(one), str(tmp_path / "missing"))
