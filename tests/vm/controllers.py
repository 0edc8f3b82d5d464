"""Limits that a cgroup's controllers keep: for a machine that has all of cgroup v2 (see boot.py). By hand, as root."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasky.model.containment import Kind
from tasky.model.limits import Limits
from tasky.model.retry import Retry
from tasky.model.states import State
from tasky.model.task import FailureCode, Task
from tasky.supervisor import probe
from tests.helpers import Server, write_definition, write_worker
from tests.supervisor.conftest import houses  # noqa: F401
from tests.supervisor.house import House, program

MIB = 1 << 20
ROOT = Path("/sys/fs/cgroup")
ALL = {"memory", "pids", "cpu"}
HOG = "len([bytearray(1 << 20) for _ in range(400)])"


@pytest.fixture
def house(houses: Callable[..., House]) -> House:  # noqa: F811
    house = houses(containment=Kind.CGROUP)
    assert set(house.containment.controllers) == ALL
    return house


def python(house: House, script: str, **limits: float) -> Task:
    house.define(program("w", sys.executable, "-c", script, limits=Limits(**limits)))
    return house.run("w")


def said(house: House, task: Task) -> str:
    return "\n".join(line.text for line in house.log(task.id))


def test_what_is_found() -> None:
    found = probe()
    assert (found.kind, set(found.controllers), found.reason) == (Kind.CGROUP, ALL, None)


@pytest.mark.case("P13")
def test_memory(house: House) -> None:
    task = python(house, HOG, memory=64 * MIB)
    assert task.failure is not None
    assert task.failure.code is FailureCode.MEMORY
    assert task.failure.message == "it used more than 64MiB of memory"
    assert task.failure.signal == "SIGKILL"
    assert python(house, HOG, memory=600 * MIB).state is State.COMPLETED


@pytest.mark.case("P13")
def test_memory_of_a_whole_tree(house: House) -> None:
    """No process of it takes much; all together do. None survives."""
    children = """
import os, time
for _ in range(8):
    if not os.fork():
        block = b"x" * (16 << 20)
        time.sleep(100)
time.sleep(100)
"""
    task = python(house, children, memory=64 * MIB)
    assert task.failure is not None
    assert task.failure.code is FailureCode.MEMORY
    assert house.processes() == []


def test_it_can_be_tried_again(house: House) -> None:
    hog = f"import os\nif os.environ['TASKY_ATTEMPT'] == '1': {HOG}"
    retry = Retry(attempts=2, on=frozenset({FailureCode.MEMORY}))
    limits = Limits(memory=64 * MIB)
    house.define(program("w", sys.executable, "-c", hog, limits=limits, retry=retry))
    task = house.run("w")
    assert task.state is State.COMPLETED
    first, second = task.attempts
    assert first.failure is not None
    assert first.failure.code is FailureCode.MEMORY
    assert second.failure is None


def test_files_in_memory_count(house: House) -> None:
    task = python(house, "open('/dev/shm/hog', 'wb').write(bytes(200 << 20))", memory=64 * MIB)
    Path("/dev/shm/hog").unlink()
    assert task.failure is not None
    assert task.failure.code is FailureCode.MEMORY


@pytest.mark.case("P5")
def test_processes_even_of_root(house: House) -> None:
    house.define(
        program(
            *("w", "/bin/sh", "-c", "while :; do sleep 100 >/dev/null 2>&1 & done"),
            limits=Limits(processes=20),
        )
    )
    task = house.run("w")
    assert task.failure is not None
    assert task.failure.code is FailureCode.EXIT
    assert "fork" in said(house, task)
    assert house.processes() == []


def test_cpu(house: House) -> None:
    """It is held back: the kernel counts how often."""
    burn = f"""
import time
end = time.monotonic() + 1
while time.monotonic() < end: pass
name = open("/proc/self/cgroup").read().strip().partition("::")[2]
print(open("{ROOT}" + name + "/cpu.max").read().strip())
for line in open("{ROOT}" + name + "/cpu.stat"):
    if line.startswith("nr_throttled"): print(line.split()[1])
"""
    quota, throttled = said(house, python(house, burn, cpu=0.25)).split("\n")
    assert quota == "25000 100000"
    assert int(throttled) > 0
    assert said(house, python(house, burn, cpu=2)).split("\n")[0] == "200000 100000"


def test_others_are_not_harmed(house: House) -> None:
    """An allocation beyond its limit, a fork bomb and a flood, side by side with ordinary tasks."""
    house.define(
        program("hog", sys.executable, "-c", HOG, limits=Limits(memory=64 * MIB)),
        program(
            "bomb",
            "/bin/sh",
            "-c",
            "while :; do (:) & done",
            limits=Limits(processes=30),
            timeout=2 * 10**9,
        ),
        program("flood", "/usr/bin/yes", limits=Limits(output=MIB)),
        program("good", "/bin/sh", "-c", "sleep 0.5; echo well"),
    )
    bad = {name: house.submit(name) for name in ("hog", "bomb", "flood")}
    good = [house.submit("good") for _ in range(20)]
    assert {house.ended(task).state for task in good} == {State.COMPLETED}
    codes = {}
    for name, task_id in bad.items():
        failure = house.ended(task_id).failure
        assert failure is not None
        codes[name] = str(failure.code)
    assert codes["hog"] == "memory"
    assert codes["flood"] == "output"
    assert codes["bomb"] in ("exit", "timeout"), "its shell gives up, or does not"


# ---------------------------------------------------------------------- where a part is delegated


@pytest.fixture(params=["root", "nobody"])
def unit(request: pytest.FixtureRequest) -> Iterator[tuple[Path, str]]:
    """A cgroup that was given to a user, as systemd does it for a unit with Delegate=."""
    user = pwd.getpwnam(request.param)
    (ROOT / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in sorted(ALL)))
    folder = ROOT / f"unit-{request.param}"
    folder.mkdir()
    for name in ("", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
        os.chown(folder / name, user.pw_uid, user.pw_gid)
    yield folder, request.param
    folder.rmdir()


def test_a_server_in_a_cgroup_that_was_delegated(unit: tuple[Path, str], tmp_path: Path) -> None:
    folder, user = unit
    tmp_path.chmod(0o755)
    for parent in (*tmp_path.parents,)[:3]:
        if parent != Path("/tmp"):
            parent.chmod(0o755)
    workers, state = tmp_path / "workers.d", tmp_path / "state"
    state.mkdir()
    os.chown(state, pwd.getpwnam(user).pw_uid, -1)
    write_worker(workers, "hog", HOG, limits={"memory": "64MiB"})
    write_definition(workers, "true", command=["/bin/true"], limits={"cpu": 1, "processes": 5})
    server = DelegatedServer(folder, user, workers, state)
    try:
        assert "containment: cgroup" in server.logged
        assert "not enforced" not in server.logged
        assert server.run("true")["Status"] == "Completed"
        error = server.run("hog")["Error"]
        assert (error["code"], error["signal"]) == ("memory", "SIGKILL")
    finally:
        server.stop()
        server.close()
    assert [path.name for path in folder.iterdir() if path.is_dir()] == [], "it is as it was"


class DelegatedServer(Server):
    """One that is started in a cgroup, as a user."""

    def __init__(self, folder: Path, user: str, workers: Path, state: Path) -> None:
        self.prefix = (
            *("/bin/sh", "-c", 'echo 0 >"$1"; shift; exec "$@"', "enter", f"{folder}/cgroup.procs"),
            *("setpriv", f"--reuid={user}", "--clear-groups", "--"),
        )
        super().__init__(workers, state)
