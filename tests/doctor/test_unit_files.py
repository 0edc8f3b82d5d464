"""Units as systemd would read them, from real files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasky.doctor.unit_files import find, parse, shipped
from tests.helpers import REPOSITORY


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, ...]:
    """etc wins over run, and that over usr."""
    found = tuple(tmp_path / name for name in ("etc", "run", "usr"))
    for folder in found:
        folder.mkdir()
    return found


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_what_is_shipped_is_what_is_in_etc() -> None:
    for name in ("tasky.service", "tasky.socket"):
        assert shipped(name) == parse([(REPOSITORY / "etc/systemd" / name).read_text()])
    assert shipped("tasky.service")["Service", "KillMode"] == ("mixed",)
    assert shipped("tasky.service")["Service", "SystemCallFilter"] == (
        "@system-service",
        "~@privileged",
    )


def test_none(folders: tuple[Path, ...]) -> None:
    assert find("a.service", folders) is None


def test_the_first_folder_wins(folders: tuple[Path, ...]) -> None:
    etc, _, usr = folders
    put(usr / "a.service", "[Service]\nRestart=no\n")
    found = find("a.service", folders)
    assert found is not None
    assert (found.file, found.last("Service", "Restart")) == (usr / "a.service", "no")
    put(etc / "a.service", "[Service]\nRestart=always\n")
    found = find("a.service", folders)
    assert found is not None
    assert (found.file, found.last("Service", "Restart")) == (etc / "a.service", "always")
    assert found.hidden == (usr / "a.service",)


def test_a_folder_by_two_names_hides_nothing(folders: tuple[Path, ...], tmp_path: Path) -> None:
    put(folders[2] / "a.service", "[Service]\n")
    (tmp_path / "lib").symlink_to("usr")
    found = find("a.service", (*folders, tmp_path / "lib"))
    assert found is not None
    assert found.hidden == ()


def test_drop_ins(folders: tuple[Path, ...]) -> None:
    """By their names, whichever folder they are in; each name once; those of the unit before those of its type."""
    etc, run, usr = folders
    put(usr / "a.service", "[Service]\nUser=a\nNice=1\n")
    put(usr / "a.service.d/50-x.conf", "[Service]\nUser=usr\n")
    etc_x = put(etc / "a.service.d/50-x.conf", "[Service]\nUser=etc\n")
    of_type = put(run / "service.d/10-all.conf", "[Service]\nUser=type\nNice=2\n")
    put(run / "service.d/50-x.conf", "[Service]\nUser=never\n")
    put(run / "a.service.d/notes.txt", "[Service]\nUser=never\n")
    put(usr / "a.service.d/60-off.conf", "[Service]\nUser=never\n")
    (etc / "a.service.d/60-off.conf").symlink_to("/dev/null")
    found = find("a.service", folders)
    assert found is not None
    assert found.drop_ins == (of_type, etc_x)
    assert found.last("Service", "User") == "etc"
    assert found.last("Service", "Nice") == "2"
    assert found.own["Service", "User"] == ("a",)
    assert found.last("Service", "Group", "none") == "none"


@pytest.mark.parametrize("target", ["/dev/null", "/nowhere/at/all"])
def test_masked(folders: tuple[Path, ...], target: str) -> None:
    put(folders[2] / "a.service", "[Service]\n")
    (folders[0] / "a.service").symlink_to(target)
    found = find("a.service", folders)
    assert found is not None
    assert found.file is None


def test_syntax() -> None:
    values = parse(
        [
            "# a comment\n[Unit]\nAfter=one\nAfter=two\n; another\nDescription=a \\\n# in between\n  b\n",
            "[Unit]\nAfter=\nAfter = three\n[Service]\nExecStart=",
        ]
    )
    assert values["Unit", "After"] == ("three",)
    assert values["Unit", "Description"][0].split() == ["a", "b"]
    assert values["Service", "ExecStart"] == ()
