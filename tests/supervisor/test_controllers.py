"""What a server does in a cgroup that is delegated to it, so that its tasks' cgroups have controllers.

On a machine with cgroup v1 beside v2, memory, pids and cpu belong to v1. The one controller that v2 has then stands in
for them: hugetlb. So what is not tested there is what the kernel makes of memory.max, pids.max and cpu.max.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasky.model.containment import Kind
from tasky.model.limits import Limits
from tasky.supervisor import Found
from tasky.supervisor.containment import enter, home
from tasky.supervisor.containment.settings import settings
from tests.helpers import REPOSITORY

STAND_IN = "hugetlb"

#: Says, in JSON lines, what a server in this process would do with its cgroup.
SERVER = f"""
import json, logging, os, sys
from pathlib import Path
from tasky.model.containment import Kind
from tasky.model.limits import Limits
from tasky.supervisor.containment import home, proc
home.CONTROLLERS = frozenset({{"{STAND_IN}"}})
from tasky.supervisor import choose, probe

def say(**members):
    print(json.dumps(members), flush=True)

def where():
    return proc.cgroup(os.getpid()).partition("/tasky-test-")[2].partition("/")[2]

say(would_have=sorted(probe().controllers), where=where())
containment = choose(Kind.CGROUP, Path(sys.argv[1]))
tree = containment.tree("0" * 32, 1, Limits())
leaf = Path(tree.entry).parent
say(has=sorted(containment.controllers), where=where(), leaf=sorted(os.listdir(leaf)))
tree.close()
containment.close()
say(where=where())
"""


class Delegated:
    """A cgroup of the test's, with the stand-in."""

    def __init__(self, root: Path) -> None:
        self.folder = root / f"tasky-test-{os.getpid()}"
        self.folder.mkdir()

    def serve(self, state: Path, inside: str = "") -> list[dict[str, Any]]:
        entry = self.folder / inside / "cgroup.procs"
        server = subprocess.run(
            [*enter(str(entry)), sys.executable, "-c", SERVER, str(state)],
            capture_output=True,
            text=True,
            check=False,
            cwd=REPOSITORY,
        )
        assert server.returncode == 0, server.stderr
        return [json.loads(line) for line in server.stdout.splitlines()]

    def read(self, name: str) -> str:
        return (self.folder / name).read_text().strip()


@pytest.fixture
def delegated(found: Found) -> Iterator[Delegated]:
    if found.kind is not Kind.CGROUP:
        pytest.skip(f"CONTROLLERS ARE NOT TESTED: no cgroups: {found.reason}")
    root = Path(home.find().folder)
    with (root / "cgroup.procs").open() as lock:  # one such test at a time
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            (root / "cgroup.subtree_control").write_text(f"+{STAND_IN}")
        except OSError as error:
            pytest.skip(f"CONTROLLERS ARE NOT TESTED: {STAND_IN} cannot be had: {error}")
        delegated = Delegated(root)
        yield delegated
        delegated.folder.rmdir()
        with contextlib.suppress(OSError):  # somebody else has it by now
            (root / "cgroup.subtree_control").write_text(f"-{STAND_IN}")


def test_one_that_is_alone_moves_aside_for_them(delegated: Delegated, tmp_path: Path) -> None:
    before, running, after = delegated.serve(tmp_path)
    assert before == {"would_have": [STAND_IN], "where": ""}, "a look moves nobody"
    assert (running["has"], running["where"]) == ([STAND_IN], "supervisor")
    assert any(name.startswith(f"{STAND_IN}.") for name in running["leaf"])
    assert after == {"where": ""}
    assert [entry for entry in delegated.folder.iterdir() if entry.is_dir()] == []
    assert delegated.read("cgroup.subtree_control") == ""


def test_one_that_is_not_alone_goes_without(delegated: Delegated, tmp_path: Path) -> None:
    """The others are not ours to move."""
    entry = str(delegated.folder / "cgroup.procs")
    other = subprocess.Popen([*enter(entry), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdin is not None
    assert other.stdout is not None
    try:
        other.stdin.write(b"?")
        other.stdin.flush()
        other.stdout.read(1)
        before, running, after = delegated.serve(tmp_path)
        assert delegated.read("cgroup.procs") == str(other.pid)
    finally:
        other.stdin.close()
        other.wait()
        other.stdout.close()
    assert before["would_have"] == []
    assert (running["has"], running["where"]) == ([], "")
    assert after == {"where": ""}


def test_one_that_was_put_aside_stays_there(delegated: Delegated, tmp_path: Path) -> None:
    """As systemd does it with DelegateSubgroup=supervisor."""
    aside = delegated.folder / "supervisor"
    aside.mkdir()
    try:
        before, running, after = delegated.serve(tmp_path, "supervisor")
    finally:
        aside.rmdir()
    assert before["would_have"] == [STAND_IN]
    assert (running["has"], running["where"]) == ([STAND_IN], "supervisor")
    assert after == {"where": "supervisor"}


def test_the_root_has_both(found: Found) -> None:
    """There, controllers and processes may be together; others use it, so only what is there already is asked for."""
    place = home.find()
    if not place.is_root:
        pytest.skip("THE ROOT CGROUP IS NOT TESTED: this process is in another")
    with Path(place.folder, "cgroup.controllers").open() as file:
        assert found.controllers == home.CONTROLLERS & set(file.read().split())


def test_limits_become_settings() -> None:
    everything = frozenset({"memory", "pids", "cpu"})
    limits = Limits(memory=512 << 20, cpu=1.5, processes=64, open_files=7)
    assert settings(limits, everything) == [
        ("memory.max", "536870912"),
        ("memory.swap.max", "0"),
        ("memory.oom.group", "1"),
        ("pids.max", "64"),
        ("cpu.max", "150000 100000"),
    ]
    assert settings(limits, frozenset({"pids"})) == [("pids.max", "64")]
    assert settings(Limits(cpu=0.001), everything) == [("cpu.max", "1000 100000")]
    assert settings(Limits(), everything) == []
