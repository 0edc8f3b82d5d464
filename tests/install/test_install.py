"""scripts/install: one root's life, from the first install to the purge, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from tests.helpers import REPOSITORY

from .conftest import PREFIX, Contents, Root, needs_root

EDITED = "etc/tasky/workers.d/sleeper.yaml"
REMOVED = "etc/tasky/workers.d/diskfree.yaml"


@pytest.mark.long
@needs_root
def test_its_life(root: Root, source: Path, pytestconfig: pytest.Config) -> None:
    """In one test: each step is about what the ones before have left, and an install takes its time. Only with --all an
    upgrade fails, too, after a third environment was made for it."""
    before = root.contents()
    root.install("--dry-run")
    assert root.contents() == before, "a dry run changed something"
    printed = root.install().stdout
    assert len(re.findall(r"^tsk_\S+$", printed, re.MULTILINE)) == 1, printed

    check_what_is_there(root)
    check_who_owns_what(root)
    check_that_nothing_names_its_making(root)
    check_that_it_serves(root, token=printed.splitlines()[0])
    check_that_nothing_changes_again(root)
    check_an_upgrade(root, source)
    if pytestconfig.getoption("--all"):
        check_code_that_does_not_start(root, source)
    check_uninstall(root, before)
    check_purge(root, before)


def check_what_is_there(root: Root) -> None:
    for name in (
        "etc/tasky/tasky.yaml",
        "usr/local/lib/systemd/system/tasky.service",
        "usr/local/share/man/man1/tasky.1",
        "usr/local/share/man/man7/tasky-protocol.7",
        "usr/local/share/zsh/site-functions/_tasky",
    ):
        assert (root / name).is_file(), name
    unit = (root / "usr/local/lib/systemd/system/tasky.service").read_text()
    assert f"ExecStart={PREFIX}/bin/tasky serve" in unit
    assert (
        root / "usr/local/bin/tasky"
    ).read_text() == f'#!/bin/sh\nexec {PREFIX}/bin/tasky "$@"\n'
    assert (root / f"{PREFIX}/bin/tasky").read_text().startswith(f"#!{PREFIX}/bin/python -I\n")
    assert "auth: true\n" in (root / "etc/tasky/tasky.yaml").read_text()
    built = list(
        (root / PREFIX.lstrip("/")).glob("lib/python3*/site-packages/tasky/supervisor/_start.*.so")
    )
    assert len(built) == (shutil.which("gcc") is not None), "starting processes is built in C"
    bash = root / "usr/local/share/bash-completion/completions/tasky"
    assert "complete " in bash.read_text()
    subprocess.run(["bash", "-n", bash], check=True)


def check_who_owns_what(root: Root) -> None:
    """The state is the user's only; nothing else is, nor may others write to it."""
    state = (root / "var/lib/tasky").stat()
    assert stat.S_IMODE(state.st_mode) == 0o700
    assert (str(state.st_uid), str(state.st_gid)) == root.account()
    for path in root.path.rglob("*"):
        if path.is_relative_to(root / "var/lib/tasky"):
            assert path.stat().st_uid == state.st_uid, path
        elif not path.is_symlink():
            assert path.stat().st_uid == 0, path
            assert not path.stat().st_mode & 0o022, path


def check_that_nothing_names_its_making(root: Root) -> None:
    place = str(root.path).encode()
    found = [
        path for path in (root / PREFIX).rglob("*") if path.is_file() and place in path.read_bytes()
    ]
    assert found == []


def check_that_it_serves(root: Root, token: str) -> None:
    tasky = [*root.python(), "-m", "tasky"]
    server = subprocess.Popen(
        [
            *tasky,
            "serve",
            "--config",
            root / "etc/tasky/tasky.yaml",
            "--listen",
            "127.0.0.1:0",
            "--workers-dir",
            root / "etc/tasky/workers.d",
            "--state-dir",
            root / "var/lib/tasky",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        said = ""
        for line in server.stderr:
            said += line
            if match := re.search(r"listening on (http://\S+)", line):
                break
        else:
            pytest.fail(said)

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            client = ["env", f"TASKY_TOKEN={token}", *tasky[-4:], "--url", match[1], *arguments]
            return subprocess.run(client, capture_output=True, text=True, check=False)

        assert "admin" in run("whoami").stdout
        names = {json.loads(line)["name"] for line in run("workers", "--json").stdout.splitlines()}
        assert names == {"copyfile", "diskfree", "ifconfig", "sleeper"}
        for worker in (["diskfree"], ["ifconfig"], ["sleeper", "seconds=0"]):
            done = run("run", *worker, "--wait")
            assert done.returncode == 0, done.stdout + done.stderr
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate()
    assert server.returncode == 0


def check_that_nothing_changes_again(root: Root) -> None:
    was = root.contents()
    assert root.install().stdout == ""
    assert root.contents() == was


def check_an_upgrade(root: Root, source: Path) -> None:
    with (root / EDITED).open("a") as file:
        file.write("# mine\n")
    (root / REMOVED).unlink()
    for name in ("sleeper", "diskfree", "ifconfig"):
        shipped = source / f"workers.d/{name}.yaml"
        shipped.write_text(shipped.read_text() + "# of the new version\n")
    with (source / "tasky/__init__.py").open("a") as file:
        file.write("NEW = True\n")
    (source / "etc/man/tasky-protocol.7").unlink()

    assert "--upgrade" in root.install(status=1).stderr
    done = root.install("--upgrade")

    assert f"/{EDITED} is edited, and stays" in done.stderr
    assert (root / EDITED).read_text().endswith("# mine\n")
    assert (root / f"{EDITED}.new").read_text().endswith("# of the new version\n")
    assert not (root / REMOVED).exists(), "somebody had removed it"
    changed = root / "etc/tasky/workers.d/ifconfig.yaml"
    assert changed.read_text().endswith("# of the new version\n")
    assert not (root / "usr/local/share/man/man7/tasky-protocol.7").exists(), (
        "this version has none"
    )
    subprocess.run([*root.python(), "-c", "from tasky import NEW"], check=True)
    assert not list((root / PREFIX).parent.glob("*.old")), "the old code is left"
    assert done.stdout == "", "there was a token"
    was = root.contents()
    assert "edited" not in root.install().stderr, "it was told already"
    assert root.contents() == was


def check_code_that_does_not_start(root: Root, source: Path) -> None:
    main = source / "tasky/__main__.py"
    text = main.read_text()
    main.write_text("raise SystemExit('broken')\n")
    try:
        assert "nothing is changed" in root.install("--upgrade", status=1).stderr
    finally:
        main.write_text(text)
    subprocess.run([*root.python(), "-m", "tasky", "version"], check=True, capture_output=True)
    assert not (root / f"{PREFIX}.new").exists()


def check_uninstall(root: Root, before: Contents) -> None:
    was = root.contents()
    root.install("--uninstall", "--dry-run")
    assert root.contents() == was
    said = root.install("--uninstall").stderr
    assert f"/{EDITED} is edited, and stays" in said
    assert "/var/lib/tasky and the user tasky stay" in said
    left = root.contents().keys() - before.keys()
    # useradd keeps copies of what it changed.
    kept = {name for name in left if not name.startswith("var/lib/tasky/") and name[-1] != "-"}
    assert kept == {"etc/tasky", "etc/tasky/workers.d", EDITED, "var", "var/lib", "var/lib/tasky"}
    root.account()


def check_purge(root: Root, before: Contents) -> None:
    root.install("--uninstall", "--purge")
    left = root.contents().keys() - before.keys()
    assert {name for name in left if name[-1] != "-"} <= {"var", "var/lib"}
    with pytest.raises(LookupError):
        root.account()


@pytest.mark.parametrize(
    "prefix", ["opt/tasky", "/", "/opt", "/opt/../etc", "/opt/a b", "/opt/tasky/", "/opt/$(id)", ""]
)
def test_a_prefix_that_cannot_be(prefix: str, tmp_path: Path) -> None:
    command = [REPOSITORY / "scripts/install", "--root", tmp_path, "--prefix", prefix]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "opt/tasky/theirs"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    for action in ((), ("--upgrade",), ("--uninstall", "--purge")):
        command = [REPOSITORY / "scripts/install", "--root", tmp_path, *action]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, "was not made by this" in done.stderr) == (1, True)
    assert theirs.exists()
