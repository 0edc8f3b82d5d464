"""What a worker's processes may take: each limit, in both modes, by whatever keeps it on this machine."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tasky.config import tools
from tasky.model.containment import Kind
from tasky.model.limits import Limits
from tasky.model.outcome import Reason
from tasky.model.states import State
from tasky.model.task import Failure, FailureCode, Task
from tasky.supervisor import direct
from tests.helpers import wait_for
from tests.supervisor.house import MILLISECOND, House, program, speaker

MIB = 1 << 20
KIB = 1 << 10
USER = "nobody" if os.geteuid() == 0 else None


@pytest.fixture
def house(houses: Callable[..., House], kind: Kind) -> House:
    house = houses(containment=kind)
    assert house.containment.kind is kind
    return house


def run(house: House, *command: str, text: bool = True, **keys: object) -> Task:
    make = program if text else speaker
    house.define(make("w", *command, **keys))
    return house.run("w")


def shell(house: House, line: str, **keys: object) -> Task:
    return run(house, "/bin/sh", "-c", line, **keys)


def failure(task: Task) -> Failure:
    assert task.failure is not None, task
    return task.failure


def said(house: House, task: Task, stream: str = "stdout") -> str:
    return "\n".join(line.text for line in house.log(task.id) if line.stream == stream)


# ---------------------------------------------------------------------- by rlimit


def test_open_files(house: House) -> None:
    task = shell(house, "ulimit -Sn; ulimit -Hn", limits=Limits(open_files=77))
    assert said(house, task).split() == ["77", "77"]


def test_a_limit_above_that_of_the_server_is_the_servers(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raising it would need rights, and be refused."""
    real = resource.getrlimit
    monkeypatch.setattr(
        resource,
        "getrlimit",
        lambda which: (100, 200) if which == resource.RLIMIT_NOFILE else real(which),
    )
    task = shell(house, "ulimit -Hn", limits=Limits(open_files=500))
    assert said(house, task) == "200"


@pytest.mark.case("P35")
def test_file_size(house: House) -> None:
    """SIGXFSZ has its default effect, which is death; a Python program ignores it, and gets an error from its write."""
    limits = Limits(file_size=64 * KIB)
    task = shell(house, "exec dd if=/dev/zero of=file bs=1024 count=1000", limits=limits)
    assert (failure(task).code, failure(task).signal) == (FailureCode.SIGNAL, "SIGXFSZ")
    task = shell(house, "exec dd if=/dev/zero of=file bs=1024 count=64", limits=limits)
    assert task.state is State.COMPLETED


def test_memory(house: House) -> None:
    """By a controller, the kernel kills; by an rlimit, there is none to be had."""
    hog = "len([bytearray(1 << 20) for _ in range(400)])"
    task = run(house, sys.executable, "-c", hog, limits=Limits(memory=96 * MIB))
    if "memory" in house.containment.controllers:
        assert failure(task).code is FailureCode.MEMORY
        assert failure(task).message == "it used more than 96MiB of memory"
    else:
        assert failure(task).code is FailureCode.EXIT
        assert "MemoryError" in said(house, task, "stderr")


def test_address_space_that_is_not_written_to_is_free(house: House) -> None:
    """Node.js and Java set aside gigabytes of it."""
    reserve = "import mmap; mmap.mmap(-1, 8 << 30, mmap.MAP_SHARED | 0x4000, mmap.PROT_READ)"
    task = run(house, sys.executable, "-c", reserve, limits=Limits(memory=96 * MIB))
    assert task.state is State.COMPLETED, task


FORKS = "for i in 1 2 3 4 5 6 7 8 9; do sleep 100 >/dev/null 2>&1 & done; echo all"


@pytest.mark.case("P5")
def test_processes(house: House) -> None:
    task = shell(house, FORKS, limits=Limits(processes=4), user=USER)
    assert failure(task).code is FailureCode.EXIT
    assert "all" not in said(house, task)
    assert "fork" in said(house, task, "stderr")


def test_the_processes_that_a_user_has_already_do_not_keep_a_worker_from_starting(
    house: House,
) -> None:
    house.define(
        program("many", "/bin/sh", "-c", "sleep 100 >/dev/null 2>&1 & sleep 100", user=USER)
    )
    task_id = house.submit("many")
    task = run(house, "/bin/echo", "alone", limits=Limits(processes=1), user=USER)
    assert said(house, task) == "alone", task
    house.supervisor.cancel(task_id, 0)
    house.ended(task_id)


def test_cpu_is_a_matter_of_a_controller(house: House) -> None:
    task = run(house, "/bin/echo", "ran", limits=Limits(cpu=0.5))
    assert said(house, task) == "ran"


# ---------------------------------------------------------------------- output


def test_output(house: House) -> None:
    flood = "trap 'echo bye; exit 0' TERM; while :; do echo out; echo err >&2; done"
    task = shell(house, flood, limits=Limits(output=32 * KIB))
    assert (failure(task).code, failure(task).message) == (
        FailureCode.OUTPUT,
        "it wrote more than 32KiB",
    )
    kept = said(house, task), said(house, task, "stderr")
    assert 31 * KIB <= sum(map(len, kept)) <= 32 * KIB, "both streams together"
    assert "bye" not in kept[0], "what comes later is dropped"
    assert said(house, task, "tasky") == "it wrote more than 32KiB: the rest is dropped"


def test_output_up_to_the_limit(house: House) -> None:
    line = "printf %600d 1; printf %400d 1 >&2"
    task = shell(house, line, limits=Limits(output=1000))
    assert task.state is State.COMPLETED
    task = shell(house, line, limits=Limits(output=999))
    assert failure(task).code is FailureCode.OUTPUT
    assert len(said(house, task)) + len(said(house, task, "stderr")) == 999
    task = shell(house, ":", limits=Limits(output=0))
    assert task.state is State.COMPLETED


def test_what_a_child_writes_after_the_end_of_the_worker_counts(house: House) -> None:
    late = "until grep -q ') Z' /proc/$$/stat; do :; done; printf %3000d 1"
    task = shell(house, f"({late}) & exit 0", limits=Limits(output=2000))
    assert failure(task).code is FailureCode.OUTPUT
    assert len(said(house, task)) == 2000


def test_a_worker_that_goes_on_writing_is_killed_after_its_grace(house: House) -> None:
    flood = "trap '' TERM; while :; do echo more; done"
    task = shell(house, flood, limits=Limits(output=4000), kill_grace=50 * MILLISECOND)
    assert (failure(task).code, failure(task).signal) == (FailureCode.OUTPUT, "SIGKILL")
    assert len(said(house, task)) <= 4000


def test_a_result_beyond_the_limit_is_dropped_and_one_before_it_kept(house: House) -> None:
    say = 'echo \'{"type":"result","output":%d}\'; '
    flood = f"{say % 1} printf '%%03000d\\n' 1; {say % 2}".replace("%%", "%")
    task = run(house, "/bin/sh", "-c", flood, text=False, limits=Limits(output=2000))
    assert failure(task).code is FailureCode.OUTPUT
    assert task.output == "1"


def test_one_that_is_canceled_meanwhile_is_canceled(house: House) -> None:
    flood = "trap '' TERM; while :; do echo more; done"
    house.define(program("w", "/bin/sh", "-c", flood, limits=Limits(output=4000)))
    task_id = house.submit("w")

    def stopped() -> bool:
        live = house.supervisor._register.live(task_id)
        return bool(live and live.process and live.process.reason is Reason.OUTPUT)

    wait_for(stopped, "it has gone over its limit")
    house.supervisor.cancel(task_id, 0)
    assert house.ended(task_id).state is State.CANCELED


# ---------------------------------------------------------------------- who it is


def test_umask(house: House, tmp_path: Path) -> None:
    os.umask(before := os.umask(0))
    task = shell(house, f"touch {tmp_path}/made; umask", umask=0o027)
    assert said(house, task) == "0027"
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o640
    assert os.umask(before) == before, "that of the server is what it was"


def test_nice(house: House) -> None:
    task = run(house, "/usr/bin/nice", nice=3)
    assert said(house, task) == str(min(19, os.nice(0) + 3))


def test_no_new_privs(house: House) -> None:
    look = ("/bin/grep", "NoNewPrivs", "/proc/self/status")
    assert said(house, run(house, *look)).split()[1] == "0"
    assert said(house, run(house, *look, no_new_privs=True)).split()[1] == "1"


needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="USERS AND GROUPS ARE NOT TESTED: only root can become another"
)


@needs_root
def test_user_and_group(house: House) -> None:
    """With the user's own supplementary groups; of the server's there are none."""
    look = "id -u; id -g; id -Gn"
    uid, gid, groups = said(house, shell(house, look, user="nobody", group="daemon")).split("\n")
    assert (uid, gid) == ("65534", "1")
    assert set(groups.split()) == {"daemon", "nogroup"}
    uid, gid, groups = said(house, shell(house, look, group="daemon")).split("\n")
    assert (uid, gid, groups) == ("0", "1", "daemon")


@needs_root
def test_the_files_of_another_user_are_its_own(house: House) -> None:
    task = shell(house, "touch here; stat -c %U:%G . here", user="nobody", group="daemon")
    assert said(house, task).split() == ["nobody:daemon", "nobody:daemon"]


@needs_root
@pytest.mark.parametrize(("user", "count"), [(None, 4), ("nobody", 1)])
def test_a_library_for_the_worker_is_not_loaded_by_tools_that_have_more_rights(
    house: House, user: str | None, count: int
) -> None:
    """The loader complains once for each program that it loads. Without another user there are no other rights."""
    preload = {"LD_PRELOAD": "/no/such/library.so"}
    keys = {"nice": 1, "no_new_privs": True, "limits": Limits(open_files=50)}
    task = run(house, "/bin/cat", "/proc/self/environ", env=preload, user=user, **keys)
    assert "LD_PRELOAD=/no/such/library.so" in said(house, task)
    complaints = said(house, task, "stderr").count("cannot be preloaded")
    in_shim = house.containment.kind is Kind.CGROUP and user is None and not direct.is_there()
    assert complaints == count + in_shim


def test_a_group_that_is_not_there(house: House) -> None:
    task = run(house, "/bin/true", group="no-such-group")
    assert failure(task).code is FailureCode.SPAWN
    assert failure(task).message == "it cannot be started: its group does not exist"


def test_a_tool_that_is_not_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_found", {})
    monkeypatch.setattr(tools, "PATH", "/none")
    task = run(house, "/bin/true", nice=1)
    assert failure(task).code is FailureCode.SPAWN
    assert failure(task).message == "it cannot be started: the program nice is not there"
