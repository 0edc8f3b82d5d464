"""Roots to install into: with users, and with a blank in their path, as somebody will have one day."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import REPOSITORY

#: Of each file its mode, and what is in it.
Contents = dict[str, tuple[int, str]]
PREFIX = "/srv/apps/tasky"
needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="takes root: users, and what belongs to them"
)


class Root:
    """A folder in the place of /, and what scripts/install of `source` does to it."""

    def __init__(self, path: Path, source: Path) -> None:
        self.path, self.source = path, source

    def install(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        command = [self.source / "scripts/install", "--root", self.path, "--prefix", PREFIX]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        return done

    def __truediv__(self, name: str) -> Path:
        return self.path / name.lstrip("/")

    def contents(self) -> Contents:
        """Everything in it, by its path."""
        return {
            str(path.relative_to(self.path)): (
                path.lstat().st_mode,
                hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            )
            for path in self.path.rglob("*")
        }

    def python(self) -> list[str]:
        """The command that runs the installed code as the user tasky."""
        uid, gid = self.account()
        as_tasky = ["setpriv", "--reuid", uid, "--regid", gid, "--clear-groups", "env", "-i"]
        return [*as_tasky, "PATH=/usr/bin:/bin", "HOME=/", str(self / f"{PREFIX}/bin/python"), "-I"]

    def account(self) -> tuple[str, str]:
        for line in (self / "etc/passwd").read_text().splitlines():
            name, _, uid, gid, *_ = line.split(":")
            if name == "tasky":
                return uid, gid
        raise LookupError("tasky")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One that every user may pass through: the temporary folder of the tests is their user's only."""
    path = Path(tempfile.mkdtemp(prefix="tasky test ", dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def source(folder: Path) -> Path:
    """A copy of the checkout, to be changed."""
    copy = folder / "source"
    copy.mkdir()
    for name in ("tasky", "scripts", "etc", "workers.d"):
        shutil.copytree(
            REPOSITORY / name, copy / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(REPOSITORY / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def root(folder: Path, source: Path) -> Root:
    path = folder / "root"
    (path / "etc").mkdir(parents=True)
    for name in ("passwd", "group", "shadow"):
        (path / "etc" / name).touch()
    return Root(path, source)
