"""Who is an orphan of ours and who is not; and that no number is trusted."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasky.model.limits import Limits
from tasky.supervisor.containment import proc
from tasky.supervisor.containment.group import ProcessGroups
from tasky.supervisor.containment.proc import Process
from tests.helpers import wait_for
from tests.supervisor.house import process_state

ID, BESIDE, FORMER = "0" * 32, "1" * 32, "2" * 32


@pytest.fixture
def groups(tmp_path: Path) -> Iterator[ProcessGroups]:
    groups = ProcessGroups(tmp_path)
    yield groups
    groups.close()


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """The leader of a group that is not of a task."""
    process = subprocess.Popen(["/bin/sleep", "600"], process_group=0)
    yield process
    process.kill()
    process.wait()


def exits_with(status: int, **options: bool) -> subprocess.Popen[bytes]:
    """A child that has ended, and was not waited for."""
    process = subprocess.Popen(["/bin/sh", "-c", f"exit {status}"], **options)
    wait_for(lambda: process_state(process.pid) == "Z", "it has ended")
    return process


@pytest.mark.case("P8", "P21")
def test_a_child_of_another_part_of_the_process_is_not_reaped(groups: ProcessGroups) -> None:
    child = exits_with(7)
    groups.tick()
    assert child.wait() == 7


@pytest.mark.case("P8", "P21")
def test_nor_one_that_was_there_before(tmp_path: Path) -> None:
    child = exits_with(7, start_new_session=True)
    groups = ProcessGroups(tmp_path)
    groups.tick()
    groups.close()
    assert child.wait() == 7


@pytest.mark.case("P8")
def test_a_leader_is_not_reaped_by_the_way(groups: ProcessGroups) -> None:
    tree = groups.tree(ID, 1, Limits())
    leader = exits_with(7, start_new_session=True)
    tree.lead(leader.pid)
    assert groups.tick()
    assert leader.wait() == 7
    tree.leader_is_gone()
    assert groups.emptied([tree]) == [tree]
    tree.close()
    assert not groups.tick()


@pytest.mark.case("P20")
def test_a_number_is_not_signalled_when_it_is_free(
    groups: ProcessGroups, stranger: subprocess.Popen[bytes]
) -> None:
    """As if the stranger had got the number of a leader that was reaped."""
    tree = groups.tree(ID, 1, Limits())
    tree.lead(stranger.pid)
    tree.leader_is_gone()
    for act in (tree.terminate, tree.kill, tree.freeze, tree.thaw):
        act()
    groups.tick()
    assert process_state(stranger.pid) in "RSD"
    tree.close()


@pytest.mark.case("P20")
def test_a_process_is_its_number_and_its_start(stranger: subprocess.Popen[bytes]) -> None:
    seen = proc.stat(stranger.pid)
    assert seen is not None
    assert not proc.send(Process(seen.pid, seen.started - 1), signal.SIGKILL)
    assert process_state(stranger.pid) in "RSD"
    assert proc.send(seen.process, signal.SIGKILL)
    stranger.wait()
    assert not proc.send(seen.process, signal.SIGKILL)


def test_the_server_is_a_subreaper_as_long_as_it_runs(tmp_path: Path) -> None:
    """Then whoever started it is asked again."""
    assert not inherits()
    groups = ProcessGroups(tmp_path)
    assert inherits()
    groups.close()
    assert not inherits()


def inherits() -> bool:
    """Whether an orphan becomes our child."""
    script = "sleep 600 >&- 2>&- & echo $!"
    pid = int(subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True).stdout)
    ours = pid in proc.children(os.getpid())
    os.kill(pid, signal.SIGKILL)
    if ours:
        os.waitpid(pid, 0)
    return ours


@pytest.mark.case("P3")
@pytest.mark.parametrize("trace", ["marker", "session", "folder", "former task"])
def test_an_orphan_is_known_by_each_of_its_traces(
    groups: ProcessGroups, tmp_path: Path, trace: str
) -> None:
    """Though another task runs. One of a task that has ended is nobody's, and ended at once."""
    folder = tmp_path / "work" / ID
    folder.mkdir(parents=True)
    environment = {
        "marker": {"TASKY_TASK_ID": ID, "TASKY_ATTEMPT": "1"},
        "former task": {"TASKY_TASK_ID": FORMER, "TASKY_WORKDIR": f"{tmp_path}/work/{FORMER}"},
    }
    leave = "" if trace == "session" else "setsid"
    leader = subprocess.Popen(
        ["/bin/sh", "-c", f"{leave} sleep 600 >&- & echo $!; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], **environment.get(trace, {})},
        cwd=folder if trace == "folder" else "/",
        start_new_session=True,
    )
    tree, beside = groups.tree(ID, 1, Limits()), groups.tree(BESIDE, 1, Limits())
    tree.lead(leader.pid)
    assert leader.stdin is not None
    assert leader.stdout is not None
    orphan = int(leader.stdout.readline())
    comm = Path(f"/proc/{orphan}/comm")
    wait_for(
        lambda: comm.read_text() == "sleep\n", "it has a session and an environment of its own"
    )
    leader.communicate()
    tree.leader_is_gone()
    if trace != "former task":
        groups.tick()
        assert process_state(orphan) in "RSD", "its task may go on"
        tree.kill()
    wait_for(lambda: groups.emptied([tree]), "nothing is left")
    wait_for(lambda: groups.tick() and process_state(orphan) == "X", "it was killed, and reaped")
    for each in (tree, beside):
        each.close()


@pytest.mark.case("P3", "P8")
def test_one_that_was_just_reaped_may_have_left_children(groups: ProcessGroups) -> None:
    """They became ours after the children were listed: so the tree is not empty before another look."""
    leader = subprocess.Popen(
        ["/bin/sh", "-c", "setsid sleep 600 >&- & echo $!; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "TASKY_TASK_ID": ID, "TASKY_ATTEMPT": "1"},
        start_new_session=True,
    )
    tree = groups.tree(ID, 1, Limits())
    tree.lead(leader.pid)
    assert leader.stdout is not None
    orphan = int(leader.stdout.readline())
    wait_for(lambda: os.getsid(orphan) == orphan, "it has left the session")
    leader.communicate()
    tree.leader_is_gone()
    groups.tick()
    tree.kill()
    wait_for(lambda: process_state(orphan) == "Z", "it has ended")
    assert groups.emptied([tree]) == []
    assert process_state(orphan) == "X"
    wait_for(lambda: groups.emptied([tree]), "nothing is left")
    tree.close()
