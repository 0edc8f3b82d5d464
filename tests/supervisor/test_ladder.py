"""Which containment a server gets: tried on the machine, also on one without cgroups."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasky.errors import TaskyError
from tasky.model.containment import Kind
from tasky.supervisor import Found, choose, probe
from tasky.supervisor.containment import home
from tests.helpers import REPOSITORY

#: Says what a process finds that has been through `$1`, in a mount namespace of its own.
ELSEWHERE = """
import logging, sys
from pathlib import Path
from tasky.errors import TaskyError
from tasky.model.containment import Kind
from tasky.supervisor import choose, probe
logging.basicConfig(stream=sys.stdout, format="log: %(message)s")
found = probe()
print(found.kind, found.reason, sep=": ")
containment = choose(Kind.AUTO, Path(sys.argv[1]))
print(containment.kind)
containment.close()
try:
    choose(Kind.CGROUP, Path(sys.argv[1])).close()
except TaskyError as error:
    print(error)
"""


def elsewhere(state: Path, change: str) -> list[str]:
    """What a server says on a machine with that change."""
    mount = home.find().folder
    script = f'mount --make-rprivate / && {change.format(mount=mount)} && exec "$@"'
    result = subprocess.run(
        [
            *("unshare", "--mount", "/bin/sh", "-c", script, "sh"),
            *(sys.executable, "-c", ELSEWHERE, str(state)),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
    )
    if "unshare failed" in result.stderr:
        pytest.skip(f"MACHINES WITHOUT CGROUPS ARE NOT TESTED: {result.stderr}")
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@pytest.mark.case("D15")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("umount -l {mount}", "its own cgroup is not mounted here"),
        ("mount -o remount,bind,ro {mount}", "Read-only file system"),
        ("mount --bind {mount}/{other} {mount}", "its own cgroup is not mounted here"),
    ],
    ids=["not mounted", "read-only", "another's"],
)
def test_a_machine_without_cgroups_for_us(tmp_path: Path, change: str, reason: str) -> None:
    other = Path(home.find().folder, f"tasky-test-{os.getpid()}-other")
    other.mkdir()
    try:
        said = elsewhere(tmp_path, change.replace("{other}", other.name))
    finally:
        other.rmdir()
    first, logged, kind, refused = said
    assert first.startswith("process-group: ")
    assert first.endswith(reason)
    assert logged.startswith("log: containment by process groups, for cgroups cannot be had: ")
    assert logged.endswith(reason)
    assert kind == "process-group"
    assert refused.startswith("containment: cgroup cannot be had: ")


def test_a_look_leaves_nothing(found: Found) -> None:
    assert probe() == found
    assert not Path(home.find().folder, f"tasky-probe-{os.getpid()}").exists()


def test_the_wanted_kind(tmp_path: Path, kind: Kind) -> None:
    containment = choose(kind, tmp_path)
    try:
        assert containment.describe()["containment"] == str(kind)
    finally:
        containment.close()
    assert not Path(home.find().folder, home.instance(tmp_path)).exists()
    assert list(tmp_path.iterdir()) == []


def test_the_strongest(tmp_path: Path, found: Found) -> None:
    containment = choose(Kind.AUTO, tmp_path)
    assert containment.kind is found.kind
    containment.close()


def test_two_servers_in_one_cgroup(tmp_path: Path) -> None:
    """Each has a folder of its own, named for its state directory, by whatever path that is given."""
    first, second, link = (tmp_path / name for name in ("first", "second", "link"))
    link.symlink_to(first)
    assert home.instance(first) != home.instance(second)
    assert home.instance(link) == home.instance(first)


def test_a_state_directory_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(TaskyError, match="cannot be had"):
        choose(Kind.CGROUP, tmp_path / "missing")
    assert not Path(home.find().folder, home.instance(tmp_path / "missing")).exists()
