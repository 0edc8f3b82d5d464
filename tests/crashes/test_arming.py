"""TASKY_CRASH_AT itself: each point is somewhere, each is reached by the harness, and a mistake is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasky.crash import Point, arm
from tests.helpers import PATIENCE, REPOSITORY

from .plans import PLANS

PACKAGE = REPOSITORY / "tasky"


def test_every_point_is_placed() -> None:
    files = [file for file in PACKAGE.rglob("*.py") if file.name != "crash.py"]
    text = "\n".join(file.read_text() for file in files)
    assert [point for point in Point if f"Point.{point.name}" not in text] == []


def test_every_point_has_a_way_to_it() -> None:
    assert set(PLANS) == set(Point)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("start.stord", "did you mean start.stored?"),
        ("nowhere", f"there are {', '.join(Point)}"),
        ("spawned:", "a number from 1 on"),
        ("spawned:0", "a number from 1 on"),
        ("spawned:-1", "a number from 1 on"),
        ("spawned:two", "a number from 1 on"),
        (":3", "there is no point ''"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(setting: str, said: str) -> None:
    with pytest.raises(ValueError, match="TASKY_CRASH_AT") as raised:
        arm(setting)
    assert said in str(raised.value)


def test_a_server_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    (tmp_path / "workers.d").mkdir()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tasky", "serve", "--listen", "127.0.0.1:0"),
            *("--workers-dir", tmp_path / "workers.d", "--state-dir", tmp_path / "state"),
        ],
        env=os.environ | {"TASKY_CRASH_AT": "spwaned"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 1
    assert "tasky: TASKY_CRASH_AT=spwaned: there is no point 'spwaned'; did you mean spawned?" in (
        done.stderr
    )
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "state").exists()
