"""Definitions and programs that a stranger could change are refused: whoever can runs anything as the server's user."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from tasky.config import Catalogue, check, load_workers, owners
from tasky.errors import Problem

US = os.getuid()
NOBODY = pwd.getpwnam("nobody").pw_uid


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A worker with its program in a folder of its own."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "run").write_text("#!/bin/sh\n")
    (programs / "run").chmod(0o755)
    folder = tmp_path / "workers.d"
    folder.mkdir()
    (folder / "w.yaml").write_text("description: x\ncommand: [../bin/run]\n")
    (folder / "w.yaml").chmod(0o644)
    return folder


def problems(folder: Path) -> list[Problem]:
    definitions, found = load_workers(folder, kill_grace=0)
    assert bool(found) != bool(definitions)
    return found


def test_nothing_is_wrong(folder: Path) -> None:
    assert problems(folder) == []


@pytest.mark.case("C11")
@pytest.mark.parametrize(
    ("path", "mode", "key"),
    [
        ("workers.d/w.yaml", 0o666, ""),
        ("bin/run", 0o777, "command[0]"),
        ("bin/run", 0o757, "command[0]"),
        ("bin", 0o777, "command[0]"),
    ],
)
def test_what_everybody_can_change(folder: Path, path: str, mode: int, key: str) -> None:
    place = folder.parent / path
    place.chmod(mode)
    (problem,) = problems(folder)
    assert (problem.file, problem.key) == (folder / "w.yaml", key)
    assert str(place) in problem.message
    assert f"can be changed by everybody: chmod o-w {place}" in problem.message
    assert problem.line == (2 if key else 0)


@pytest.mark.case("C11")
def test_a_folder_on_the_way_to_both(folder: Path) -> None:
    folder.parent.chmod(0o777)
    keys = [problem.key for problem in problems(folder)]
    assert keys == ["", "command[0]"]
    assert "on the way to it" in problems(folder)[0].message
    folder.parent.chmod(0o1777)  # as /tmp: only who owns a thing in it can replace it
    assert problems(folder) == []
    folder.parent.chmod(0o700)


@pytest.mark.case("C11", "C12")
def test_a_link_is_followed_and_looked_at_from_both_ends(folder: Path, tmp_path: Path) -> None:
    """Who can replace the link, and who can change what it leads to."""
    real, links = tmp_path / "real", tmp_path / "links"
    for one in (real, links):
        one.mkdir()
    (folder.parent / "bin/run").rename(real / "run")
    (links / "run").symlink_to(real / "run")
    (folder / "w.yaml").write_text(f"command: [{links}/run]\n")
    assert problems(folder) == []
    for one in (real, links):
        one.chmod(0o777)
        (problem,) = problems(folder)
        assert str(one) in problem.message
        one.chmod(0o755)


@pytest.mark.case("C11")
def test_a_strangers_file(folder: Path) -> None:
    stranger = frozenset({US + 12345})
    with pytest.raises(ValueError, match=rf"belongs to {pwd.getpwuid(US).pw_name}: chown it"):
        owners.check(folder / "w.yaml", stranger)
    owners.check(folder / "w.yaml", owners.trusted())


def group_of(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    group = SimpleNamespace(gr_name="friends", gr_mem=list(names))
    monkeypatch.setattr(grp, "getgrgid", lambda _: group)
    monkeypatch.setattr(pwd, "getpwall", list)


@pytest.mark.case("C11")
def test_what_a_group_can_change(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "w.yaml").chmod(0o664)
    group_of(monkeypatch, "daemon")
    (problem,) = problems(folder)
    assert "can be changed by the group friends: chmod g-w " in problem.message


def test_a_group_without_strangers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's own, as where the umask is 002; one of administrators that has no members."""
    (folder / "w.yaml").chmod(0o664)
    folder.chmod(0o775)
    group_of(monkeypatch, "root", pwd.getpwuid(US).pw_name, "no-such-user")
    assert problems(folder) == []
    group_of(monkeypatch)
    assert problems(folder) == []


def test_who_has_a_group_as_their_own(folder: Path) -> None:
    """The group of a file that we have made is ours, and nobody else's; or it has others, and those are named."""
    gid = (folder / "w.yaml").stat().st_gid
    others = {user.pw_uid for user in pwd.getpwall() if user.pw_gid == gid} - {0, US}
    (folder / "w.yaml").chmod(0o664)
    assert bool(problems(folder)) == bool(others)


def test_the_program_of_another_user(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """May be that user's: it could do no more than that user can."""
    if US != 0:
        pytest.skip("A PROGRAM OF ANOTHER USER IS NOT TESTED: only root can make one")
    run = folder.parent / "bin/run"
    os.chown(run, NOBODY, -1)
    (problem,) = problems(folder)
    assert problem.key == "command[0]"
    assert "belongs to nobody" in problem.message
    (folder / "w.yaml").write_text("command: [../bin/run]\nuser: nobody\n")
    assert problems(folder) == []
    os.chown(folder / "w.yaml", NOBODY, -1)
    assert [problem.key for problem in problems(folder)] == [""], "the definition may not"
    monkeypatch.setattr(owners, "_strangers_of_the_namespace", lambda: frozenset({NOBODY}))
    assert problems(folder) == [], "nobody is who cannot be told in a container"


def test_it_can_be_asked_for(folder: Path) -> None:
    (folder / "w.yaml").chmod(0o666)
    assert load_workers(folder, kill_grace=0, check_owners=False)[1] == []
    assert check(folder, {}).problems != ()
    assert check(folder, {}, insecure_perms=True).problems == ()
    assert check(folder / "w.yaml", {}, insecure_perms=True).problems == ()
    settings = folder.parent / "tasky.yaml"
    settings.write_text("workers_dir: workers.d\ninsecure_perms: true\n")
    assert check(settings, {}).problems == ()
    settings.write_text("workers_dir: workers.d\n")
    assert check(settings, {}).problems != ()
    assert check(settings, {"TASKY_INSECURE_PERMS": "true"}).problems == ()
    assert check(settings, {}, insecure_perms=True).problems == ()


@pytest.mark.case("C11")
def test_at_a_reload_the_former_definition_stays(folder: Path) -> None:
    catalogue = Catalogue(folder, 0)
    catalogue.load()
    (folder / "w.yaml").chmod(0o666)
    catalogue.reload()
    assert list(catalogue.definitions) == ["w"]
    assert [problem.key for problem in catalogue.problems] == [""]
