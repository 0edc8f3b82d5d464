"""Starting a process by start.c; what it has in common with the other ways is in test_spawn.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasky.supervisor import direct
from tests.helpers import REPOSITORY

pytestmark = pytest.mark.skipif(
    not direct.is_there(),
    reason="DIRECT STARTS ARE NOT TESTED: there was no compiler (scripts/test --system)",
)

_START = """
import os, sys
from tasky.supervisor import direct
direct._beside = sys.argv[1] == "vfork"
for fd in range(3):
    os.close(fd)
started = direct.start(
    ["sh", "-c", "echo error >&2; cat"], {"PATH": "/usr/bin:/bin"}, folder="/", entry=None,
    with_stdin=True, umask=None, lower_open_files=False,
)
for fd in started.stdout, started.stderr:
    os.set_blocking(fd, True)
os.write(started.stdin, b"word")
os.close(started.stdin)
said = os.read(started.stdout, 100), os.read(started.stderr, 100)
os.waitid(os.P_PIDFD, started.pidfd, os.WEXITED)
with open("said", "w") as file:
    file.write(repr(said))
"""


@pytest.mark.parametrize("way", ["clone3", "vfork"])
def test_a_server_without_the_three_descriptors(tmp_path: Path, way: str) -> None:
    """Its ends of the pipes get their numbers."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", _START, way]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "said").read_text() == "(b'word', b'error\\n')"


@pytest.mark.parametrize(("name", "value"), [("A=B", "x"), ("A\0", "x"), ("A", "x\0y")])
def test_a_variable_that_no_program_can_have(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"illegal|null"):
        direct.start(
            ["/bin/true"],
            {name: value},
            folder=str(tmp_path),
            entry=None,
            with_stdin=False,
            umask=None,
            lower_open_files=False,
        )
