"""The units as systemd reads them: no mistake in them, and as tight a sandbox as was promised."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers import REPOSITORY

UNITS = REPOSITORY / "etc/systemd"
SERVICE_EXAMPLES = sorted((UNITS / "examples/tasky.service.d").iterdir())
SOCKET_EXAMPLES = sorted((UNITS / "examples/tasky.socket.d").iterdir())
SHIPPED, RELAXED = 2.0, 3.0

_LEVEL = re.compile(r"Overall exposure level for tasky\.service: ([0-9.]+)")


@pytest.fixture
def analyze() -> str:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("THE UNITS ARE NOT TESTED: no systemd-analyze (scripts/test --system)")
    return program


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with a program that is there."""
    for name in ("tasky.service", "tasky.socket"):
        text = (UNITS / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/tasky/bin/tasky", "/bin/true"))
    return tmp_path


def add(units: Path, example: Path) -> None:
    folder = units / example.parent.name
    folder.mkdir()
    shutil.copy(example, folder)


def verify(analyze: str, units: Path) -> None:
    done = subprocess.run(
        [analyze, "verify", "--man=no", units / "tasky.service", units / "tasky.socket"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "tasky" in line or str(units) in line]
    assert (done.returncode, ours) == (0, [])


def exposure(analyze: str, units: Path) -> float:
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", units / "tasky.service"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    match = _LEVEL.search(done.stdout)
    assert match, done.stdout
    return float(match[1])


def test_shipped(analyze: str, units: Path) -> None:
    verify(analyze, units)
    assert exposure(analyze, units) <= SHIPPED


@pytest.mark.parametrize("example", SERVICE_EXAMPLES, ids=lambda path: path.stem)
def test_an_example_for_the_service(analyze: str, units: Path, example: Path) -> None:
    add(units, example)
    verify(analyze, units)
    assert exposure(analyze, units) <= RELAXED


@pytest.mark.parametrize("example", SOCKET_EXAMPLES, ids=lambda path: path.stem)
def test_an_example_for_the_socket(analyze: str, units: Path, example: Path) -> None:
    add(units, example)
    verify(analyze, units)


def test_what_the_design_depends_on() -> None:
    """Each of these would be missed in the worst moment only."""
    lines = (UNITS / "tasky.service").read_text().splitlines()
    for needed in (
        "Type=notify",
        "NotifyAccess=main",
        "KillMode=mixed",
        "Restart=on-failure",
        "LimitCORE=0",
    ):
        assert needed in lines
    keys = {line.partition("=")[0] for line in lines if "=" in line and not line.startswith("#")}
    assert not keys & {
        "ExecStopPost",
        "MemoryDenyWriteExecute",
        "ProcSubset",
        "ProtectControlGroups",
    }


def test_the_docs_have_each_example() -> None:
    page = (REPOSITORY / "docs/systemd.md").read_text()
    for example in SERVICE_EXAMPLES + SOCKET_EXAMPLES:
        assert f"`{example.parent.name}/{example.name}`" in page
