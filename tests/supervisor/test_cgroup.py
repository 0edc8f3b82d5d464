"""A cgroup for each attempt: who gets in, who gets out, and what is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasky.logs.fields import fields_of
from tasky.model.containment import Kind
from tasky.model.limits import Limits
from tasky.model.states import State
from tasky.model.task import FailureCode
from tasky.supervisor import choose
from tasky.supervisor.containment import enter, home
from tasky.supervisor.containment.cgroup import Cgroups, CgroupTree
from tests.helpers import PATIENCE, wait_for
from tests.supervisor.chaos import Witness, chaotic, pids
from tests.supervisor.house import House, canceled, cgroup_of, program

pytestmark = pytest.mark.parametrize("kind", [Kind.CGROUP], indirect=True)

ID = "0" * 32


@pytest.fixture
def house(houses: Callable[..., House], kind: Kind) -> House:
    return houses(containment=kind)


@pytest.fixture
def cgroups(tmp_path: Path, kind: Kind) -> Iterator[Cgroups]:
    cgroups = choose(kind, tmp_path)
    assert isinstance(cgroups, Cgroups)
    yield cgroups
    cgroups.close()


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "witness")


def servers_folder(house: House) -> Path:
    return Path(home.find().folder, home.instance(house.folder))


def test_one_for_each_attempt_from_the_first_instruction_on(house: House) -> None:
    task_id = house.start(house.behave("forever_tree"))
    leaf = cgroup_of(house.pid(task_id))
    assert leaf == servers_folder(house) / f"t-{task_id}-1"
    wait_for(lambda: len((leaf / "cgroup.procs").read_text().split()) == 3, "all are in it")
    canceled(house, task_id)
    assert not leaf.exists()


@pytest.mark.case("P3")
@pytest.mark.parametrize("end", ["cancel", "exit"])
def test_who_moves_itself_out_is_killed_all_the_same(
    house: House, witness: Witness, caplog: pytest.LogCaptureFixture, tmp_path: Path, end: str
) -> None:
    """Though another task runs; it is known by its parent, or by its environment when that has gone."""
    house.behave("forever")
    house.start("forever")
    procs = f"{home.find().folder}/cgroup.procs"
    if end == "cancel":
        house.define(chaotic(witness, "leaves-cgroup", "w", procs=procs))
        task_id = house.submit("w")
        assert canceled(house, task_id) if pids(house, task_id) else None
    else:
        script = 'setsid sh -c "echo 0 >$1; : >moved; exec sleep 1000" sh "$1" >&- 2>&- & '
        script += "while ! [ -e moved ]; do sleep 0.01; done"
        house.define(program("w", "/bin/sh", "-c", script, "sh", procs))
        task_id = house.run("w").id
    assert not witness.something_is_left()
    assert [pid for pid in house.processes() if task_id in environ(pid)] == []
    (escaped,) = [one for one in caplog.records if "escaped its cgroup: killed" in one.message]
    assert fields_of(escaped) == {"task": task_id}


def environ(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_text()
    except OSError:
        return ""


def test_what_a_worker_makes_below_it_goes_with_it(house: House) -> None:
    script = """
        leaf=$1$(sed -n s/^0:://p /proc/self/cgroup)
        mkdir $leaf/inner $leaf/inner/most
        (echo 0 >$leaf/inner/most/cgroup.procs && exec sleep 1000) >&- 2>&- &
        until grep -qs . $leaf/inner/most/cgroup.procs; do sleep 0.01; done
    """
    place = home.find()
    root = place.folder.removesuffix(place.name.rstrip("/"))
    house.define(program("w", "/bin/sh", "-c", script, "sh", root))
    assert house.run("w").state is State.COMPLETED
    assert [entry for entry in servers_folder(house).iterdir() if entry.is_dir()] == []


@pytest.mark.usefixtures("way")
def test_who_does_not_get_in_was_never_started(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Cgroups.tree

    def gone(self: Cgroups, task_id: str, attempt: int, limits: Limits) -> CgroupTree:
        tree = make(self, task_id, attempt, limits)
        assert tree.entry is not None
        Path(tree.entry).parent.rmdir()
        return tree

    monkeypatch.setattr(Cgroups, "tree", gone)
    task = house.run(house.behave("result", 1))
    assert task.failure is not None
    assert task.failure.code is FailureCode.SPAWN
    assert task.failure.message == "it cannot be started: it could not enter its cgroup"
    assert task.attempts[0].exit_code is None


@pytest.mark.usefixtures("way")
def test_a_worker_may_use_that_exit_status_too(house: House) -> None:
    failure = house.run(house.behave("exit", 125)).failure
    assert failure is not None
    assert (failure.code, failure.exit_code) == (FailureCode.EXIT, 125)


def test_one_that_is_there_from_an_earlier_try(cgroups: Cgroups) -> None:
    first = cgroups.tree(ID, 1, Limits())
    assert first.entry is not None
    again = cgroups.tree(ID, 1, Limits())
    assert again.entry == first.entry
    assert Path(again.entry).exists()
    again.close()
    first.close()


def enter_it(tree: CgroupTree) -> subprocess.Popen[bytes]:
    """One that is in it, though nothing else says that it is of the task."""
    assert tree.entry is not None
    inside = subprocess.Popen(
        [*enter(tree.entry), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert inside.stdin is not None
    assert inside.stdout is not None
    os.write(inside.stdin.fileno(), b"?")
    inside.stdout.read(1)
    return inside


def end(process: subprocess.Popen[bytes]) -> int:
    process.communicate()
    return process.wait()


@pytest.mark.parametrize("frozen", [False, True])
def test_whatever_is_in_it_is_killed(cgroups: Cgroups, frozen: bool) -> None:
    tree = cgroups.tree(ID, 1, Limits())
    inside = enter_it(tree)
    assert tree.survivors() == [inside.pid]
    if frozen:
        tree.freeze()
    tree.kill()
    assert inside.wait(PATIENCE) == -signal.SIGKILL
    end(inside)
    assert cgroups.emptied([tree]) == [tree]
    tree.close()


def test_one_that_cannot_be_removed_yet(cgroups: Cgroups) -> None:
    tree = cgroups.tree(ID, 1, Limits())
    inside = enter_it(tree)
    assert tree.entry is not None
    tree.close()
    assert Path(tree.entry).exists()
    assert cgroups.tick(), "there is something to do yet"
    assert end(inside) == 0
    assert not cgroups.tick()
    assert not Path(tree.entry).exists()
