"""scripts/deb: what is in the package, and its life below a root of its own, from the install to the purge."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers import REPOSITORY

from .conftest import Root

pytestmark = pytest.mark.skipif(
    shutil.which("dpkg-deb") is None, reason="there is no dpkg-deb: this is not Debian"
)


@pytest.mark.long
def test_the_package(folder: Path) -> None:
    """In one test, since building it takes its time."""
    package, unpacked = build(folder), folder / "unpacked"
    subprocess.run(["dpkg-deb", "--raw-extract", package, unpacked], check=True)
    check_conffiles(unpacked)
    check_its_python(unpacked)
    check_its_scripts(unpacked)
    check_that_nothing_names_its_making(unpacked)
    check_what_lintian_says(package)
    check_that_it_does_not_fight(unpacked, folder / "other")
    if os.geteuid() != 0:
        pytest.skip("all but its life is looked at: that takes root")
    check_its_life(package, folder)


def build(folder: Path) -> Path:
    """Hardly compressed: to do that well takes longer than all the rest."""
    built = subprocess.run(
        [REPOSITORY / "scripts/deb", folder],
        env=os.environ | {"DPKG_DEB_COMPRESSOR_LEVEL": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return Path(built.stdout.rstrip("\n"))


def check_what_lintian_says(package: Path) -> None:
    """Where it is installed; what it may find is in the package's overrides, with a reason each."""
    if (lintian := shutil.which("lintian")) is None:
        return
    strict = ["--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0"]
    done = subprocess.run([lintian, *strict, package], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def check_conffiles(unpacked: Path) -> None:
    named = (unpacked / "DEBIAN/conffiles").read_text().splitlines()
    there = ["/" + str(path.relative_to(unpacked)) for path in (unpacked / "etc").rglob("*.*")]
    assert sorted(named) == sorted(path for path in there if not path.endswith(".d"))


def check_its_python(unpacked: Path) -> None:
    (packages,) = (unpacked / "opt/tasky/lib").glob("python3.*")
    minor = int(packages.name.removeprefix("python3."))
    control = (unpacked / "DEBIAN/control").read_text()
    assert f"python3 (>= 3.{minor}), python3 (<< 3.{minor + 1})" in control
    built = list(packages.glob("site-packages/tasky/supervisor/_start.*.so"))
    assert len(built) == (shutil.which("gcc") is not None), "starting processes is built in C"


def check_its_scripts(unpacked: Path) -> None:
    for name in ("preinst", "postinst", "prerm", "postrm"):
        subprocess.run(["sh", "-n", unpacked / "DEBIAN" / name], check=True)


def check_that_nothing_names_its_making(unpacked: Path) -> None:
    place = re.compile(rb"/tree/(opt|usr)|" + str(REPOSITORY).encode())
    files = [path for path in unpacked.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if place.search(path.read_bytes())] == []


def check_its_life(package: Path, folder: Path) -> None:
    """The maintainer's scripts run outside of the root (dpkg's way to install into one with nothing in it)."""
    root = Root(folder / "system", REPOSITORY)
    for name in ("etc", "var/lib/dpkg/info", "var/lib/dpkg/updates"):
        (root / name).mkdir(parents=True)
    for name in ("passwd", "group", "shadow"):
        (root / "etc" / name).touch()
    (root / "var/lib/dpkg/status").touch()

    def dpkg(*arguments: str | Path) -> str:
        command = ["dpkg", f"--root={root.path}", "--force-script-chrootless", "--force-depends"]
        done = subprocess.run(
            [*command, "--force-confdef", "--force-confold", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    before = root.contents().keys()
    assert len(re.findall(r"^tsk_\S+$", dpkg("--install", package), re.MULTILINE)) == 1
    as_tasky = root.python()
    as_tasky[-2] = str(root / "opt/tasky/bin/python")
    subprocess.run([*as_tasky, "-m", "tasky", "version"], check=True, capture_output=True)

    edited = root / "etc/tasky/workers.d/sleeper.yaml"
    edited.write_text(edited.read_text() + "# mine\n")
    assert "tsk_" not in dpkg("--install", package), "there is a token"
    assert edited.read_text().endswith("# mine\n")

    dpkg("--remove", "tasky")
    assert edited.exists()
    assert (root / "var/lib/tasky").is_dir()
    assert not (root / "opt/tasky").exists()
    root.account()

    dpkg("--purge", "tasky")
    left = {
        name
        for name in root.contents().keys() - before
        if not name.startswith("var/lib/dpkg/") and name[-1] != "-"
    }
    assert left <= {"usr", "opt", "var/log", "var/log/dpkg.log"}, left
    with pytest.raises(LookupError):
        root.account()


def check_that_it_does_not_fight(unpacked: Path, other: Path) -> None:
    """With an install from a checkout."""
    marker = other / "opt/tasky/share/tasky/installed"
    marker.parent.mkdir(parents=True)
    marker.touch()
    done = subprocess.run(
        [unpacked / "DEBIAN/preinst", "install"],
        env={"DPKG_ROOT": str(other), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "scripts/install --uninstall first" in done.stderr
