"""Starting a process: what cannot be started, and what a process inherits."""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasky.model.states import State
from tasky.model.task import FailureCode
from tasky.supervisor import Counts
from tasky.supervisor.loop import Loop
from tests.helpers import wait_for
from tests.supervisor.house import Gate, House, behaving, program
from tests.supervisor.hung import hung_program

pytestmark = pytest.mark.usefixtures("way")


def script(path: Path, text: str, mode: int = 0o755) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def output(house: House, worker: str) -> str:
    task = house.run(worker)
    assert task.state is State.COMPLETED, task
    assert task.output is not None
    text = json.loads(task.output)["string_output"]
    assert isinstance(text, str)
    return text


CANNOT: dict[str, tuple[Callable[[Path], str], str]] = {
    "missing": (lambda folder: str(folder / "missing"), "ENOENT"),
    "not_executable": (lambda folder: script(folder / "plain", "#!/bin/sh\n", 0o644), "EACCES"),
    "no_interpreter_line": (lambda folder: script(folder / "noexec", "echo hello\n"), "ENOEXEC"),
    "no_interpreter": (lambda folder: script(folder / "bad", "#!/no/such/program\n"), "ENOENT"),
    "folder": (str, "EACCES"),
}


@pytest.mark.case("P25")
@pytest.mark.parametrize("name", CANNOT)
def test_what_cannot_be_started(house: House, tmp_path: Path, name: str) -> None:
    make, errno = CANNOT[name]
    house.define(program("w", make(tmp_path)))
    task = house.run("w")
    assert task.failure is not None
    assert task.failure.code is FailureCode.SPAWN
    assert task.failure.message.startswith("it cannot be started: ")
    assert task.failure.message.endswith(f"({errno})")
    assert str(tmp_path) not in task.failure.message
    (attempt,) = task.attempts
    assert (attempt.exit_code, attempt.signal, attempt.failure) == (None, None, task.failure)
    assert house.supervisor.counts() == {}, "the slot is free again"
    work = Path(house.store.folders.work(task.id))
    wait_for(lambda: not work.exists(), "nothing is left on disk")
    assert not house.folder_of(task.id).exists()


@pytest.mark.case("P25")
def test_a_folder_to_run_in_that_is_not_there(house: House, tmp_path: Path) -> None:
    house.define(program("w", "/bin/true", cwd=str(tmp_path / "missing")))
    failure = house.run("w").failure
    assert failure is not None
    assert failure.message == (
        "its working directory cannot be entered: No such file or directory (ENOENT)"
    )


@pytest.mark.case("P26")
@pytest.mark.parametrize("value", ["a\0b", "x" * 200_000], ids=["NUL", "E2BIG"])
def test_an_argument_that_no_program_can_have(house: House, value: str) -> None:
    house.define(program("w", "/bin/echo", value))
    failure = house.run("w").failure
    assert failure is not None
    assert failure.code is FailureCode.SPAWN
    assert "E2BIG" in failure.message or "an argument" in failure.message


def test_a_user_that_does_not_exist(house: House) -> None:
    house.define(program("w", "/bin/true", user="no-such-user"))
    failure = house.run("w").failure
    assert failure is not None
    assert failure.message == "it cannot be started: its user does not exist"


def test_another_user(house: House, tmp_path: Path) -> None:
    """Needs root; without it, the worker fails, and does not run as somebody else."""
    house.define(program("w", "/usr/bin/id", "-un", user="nobody"))
    task = house.run("w")
    if os.geteuid() == 0:
        assert json.loads(task.output or "") == {"string_output": "nobody"}
    else:
        assert task.state is State.FAILED
    house.define(program("w", str(tmp_path / "missing"), user="nobody"))
    failure = house.run("w").failure
    assert failure is not None
    assert (failure.code, failure.message[-8:]) == (FailureCode.SPAWN, "(ENOENT)")


# ---------------------------------------------------------------------- what is inherited


@pytest.mark.case("P30")
def test_three_descriptors_and_no_more(house: House, tmp_path: Path) -> None:
    house.define(program("w", "/bin/ls", "/proc/self/fd"))
    with (tmp_path / "file").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        assert output(house, "w").split() == ["0", "1", "2", "3"], "3 is what ls itself reads"


@pytest.fixture
def _unclean_signals() -> Iterator[None]:
    """As a shell's background job, or a parent that has blocked signals, would start the server."""
    numbers = (signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.case("P22")
@pytest.mark.usefixtures("_unclean_signals")
def test_no_signal_is_blocked_or_ignored(house: House) -> None:
    house.define(program("w", "/bin/grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"))
    zero = "0" * 16
    assert output(house, "w").split() == ["SigBlk:", zero, "SigIgn:", zero]
    failure = house.run(house.behave("exit", 7)).failure
    assert failure is not None
    assert failure.exit_code == 7, "no status is lost to an ignored SIGCHLD"


def test_a_session_and_group_of_its_own(house: House) -> None:
    house.define(
        program("w", "/bin/sh", "-c", "cut -d' ' -f1,5,6 /proc/$$/stat; tty; umask >/dev/null")
    )
    numbers, tty = output(house, "w").splitlines()
    pid, group, session = numbers.split()
    assert pid == group == session
    assert tty == "not a tty"


# ---------------------------------------------------------------------- trouble


@pytest.mark.case("P24")
def test_a_program_on_a_file_system_that_hangs_holds_up_no_running_task(
    house: House, tmp_path: Path, gate: Gate
) -> None:
    running = house.start(house.behave("gate", gate))
    with hung_program(tmp_path) as hung:
        house.define(program("hung", str(hung.path), "exits_at_once"))
        task_id = house.submit("hung")
        hung.await_exec()
        assert house.supervisor.pause(running) is State.PAUSED
        assert house.supervisor.resume(running) is State.RUNNING
        gate.open()
        assert house.ended(running).state is State.COMPLETED
        assert house.supervisor.counts() == {"hung": Counts(1, 0)}
        hung.go_on()
        assert house.ended(task_id).state is State.COMPLETED


class Scarcity:
    """No descriptor is left for this process until `end`."""

    def __init__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, self._before[1]))

    def end(self) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, self._before)


@pytest.fixture
def scarcity() -> Iterator[Callable[[], Scarcity]]:
    found: list[Scarcity] = []

    def begin() -> Scarcity:
        found.append(Scarcity())
        return found[-1]

    yield begin
    for each in found:
        each.end()


@pytest.mark.case("P29")
def test_out_of_descriptors(
    house: House, scarcity: Callable[[], Scarcity], caplog: pytest.LogCaptureFixture
) -> None:
    """The task waits, and starts when there are some again."""
    house.behave("result", 1)
    house.run("result")  # its classes, connections and so on are there
    with caplog.at_level(logging.WARNING):
        shortage = scarcity()
        task_id = house.submit("result")
        wait_for(lambda: caplog.text.count("trying again") >= 2, "it was tried twice")
    assert "EMFILE" in caplog.text
    assert house.supervisor.counts() == {"result": Counts(1, 0)}
    shortage.end()
    assert house.ended(task_id).state is State.COMPLETED


@pytest.mark.case("P29")
def test_cancel_while_out_of_descriptors(
    house: House, scarcity: Callable[[], Scarcity], caplog: pytest.LogCaptureFixture
) -> None:
    house.behave("result", 1)
    house.run("result")
    shortage = scarcity()
    task_id = house.submit("result")
    wait_for(lambda: "trying again" in caplog.text, "it was tried")
    watcher = house.supervisor.watch(task_id)
    assert watcher is not None
    assert house.supervisor.cancel(task_id) is State.CANCELING
    ended = watcher.wait(30)
    shortage.end()
    assert ended is not None
    assert ended.state is State.CANCELED


@pytest.mark.case("P29")
def test_what_is_half_made_is_undone(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """A limit that leaves room for some of its descriptors: each number of them is tried."""
    house.behave("result", 1)
    house.run("result")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    ids = []
    try:
        for room in range(1, 12):
            caplog.clear()
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + room, hard))
            ids.append(house.submit("result"))
            wait_for(
                lambda: "trying again" in caplog.text or house.state(ids[-1]) is not State.RUNNING,
                "it failed, or there was room enough",
            )
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for task_id in ids:
        assert house.ended(task_id).state is State.COMPLETED


def test_a_mistake_of_ours_ends_the_task_only(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.behave("result", 1)

    def broken(_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("tasky.supervisor.starts.spawn", broken)
        failure = house.run("result").failure
    assert failure is not None
    assert failure.code is FailureCode.SPAWN
    assert "ZeroDivisionError" not in failure.message
    assert house.run("result").state is State.COMPLETED


@pytest.mark.case("P29")
def test_a_kernel_that_watches_no_more_descriptors(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house.behave("result", 1)
    watch = Loop.watch
    calls = iter(range(100))

    def scarce(self: Loop, fd: int, events: int, handler: Callable[[int], None]) -> None:
        if next(calls) == 2:
            raise OSError(28, "No space left on device")
        watch(self, fd, events, handler)

    monkeypatch.setattr(Loop, "watch", scarce)
    assert house.run("result").state is State.COMPLETED
    assert "trying again" in caplog.text


def test_200_at_once_in_a_constant_number_of_threads(
    houses: Callable[..., House], gate: Gate
) -> None:
    house = houses(behaving("w", "gated_progress", gate), max_tasks=200)
    threads = threading.active_count()
    ids = [house.submit("w") for _ in range(200)]
    pids = {house.pid(task_id) for task_id in ids}
    assert len(pids) == 200
    assert threading.active_count() == threads
    gate.open(times=200)
    for task_id in ids:
        task = house.ended(task_id)
        assert task.state is State.COMPLETED
        assert task.progress is not None
        assert task.progress.percent == 100
    assert threading.active_count() == threads
    assert house.supervisor.counts() == {}
