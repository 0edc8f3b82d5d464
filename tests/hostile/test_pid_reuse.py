"""P: where the number of a process is soon another's, no signal goes astray."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tasky.model.containment import Kind
from tests.crashes.draw import drawn_mode
from tests.helpers import REPOSITORY
from tests.hostile.conftest import usable

#: The kernel gives numbers from 300 on, so there are as many as this less 300: for threads, too.
PID_MAX = "430"
WORLD = (
    *("unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c"),
    'echo "$1" >/proc/sys/kernel/pid_max || exit 77; shift; "$@"; exit $?',
    *("sh", PID_MAX, sys.executable, "-m", "tests.hostile.small_world"),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """In one kind of containment, drawn with the run's seed; with --all in both."""
    metafunc.parametrize("kind", drawn_mode(metafunc.config), indirect=True, scope="module")


@pytest.fixture(scope="module")
def kind(request: pytest.FixtureRequest) -> Kind:
    return usable(Kind(request.param))


def _kernel() -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))


@pytest.mark.long
@pytest.mark.case("P20", "P18")
def test_bystanders_with_the_numbers_of_former_processes(tmp_path: Path, kind: Kind) -> None:
    if os.geteuid() != 0 or _kernel() < (6, 14):
        pytest.skip(
            "THE REUSE OF PIDS IS NOT TESTED: that takes root, and Linux 6.14 for a pid_max of its own"
        )
    done = subprocess.run(
        [*WORLD, str(tmp_path), kind], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(found)
    assert found["reused"] >= 10, "the case is there"
    assert found["signalled"] == []
