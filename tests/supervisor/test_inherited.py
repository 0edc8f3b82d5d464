"""What a worker finds when it begins: clean signals, three descriptors, the environment that was listed. With and
without the tools that stand before it, in both modes."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasky.model.containment import Kind
from tasky.model.limits import Limits
from tasky.supervisor import inherit
from tests.supervisor.house import House, program, speaker

#: What a shell may add to it (bash, where that is /bin/sh).
OF_A_SHELL = {"PWD", "OLDPWD", "SHLVL", "_"}
SECRETS = {
    "NOTIFY_SOCKET": "/run/systemd/notify",
    "LISTEN_FDS": "1",
    "LISTEN_PID": "1",
    "TASKY_TOKEN": "tsk_secret",
    "AWS_SECRET_ACCESS_KEY": "x",
    "TASKY_CONFIG": "/etc/tasky/tasky.yaml",
}
WHOLE_CHAIN = {
    "nice": 1,
    "no_new_privs": True,
    "umask": 0o077,
    "limits": Limits(
        memory=1 << 30, processes=4000, open_files=99, file_size=1 << 30, output=1 << 20
    ),
    **({"user": "nobody", "group": "daemon"} if os.geteuid() == 0 else {}),
}


@pytest.fixture(params=[{}, WHOLE_CHAIN], ids=["plain", "chain"])
def look(
    request: pytest.FixtureRequest, houses: Callable[..., House], kind: Kind
) -> Callable[..., str]:
    """What a program prints as a worker."""
    house = houses(containment=kind)

    def run(*command: str, **keys: object) -> str:
        house.define(program("w", *command, **{**request.param, **keys}))
        task = house.run("w")
        assert task.failure is None, task
        return "\n".join(line.text for line in house.log(task.id))

    return run


@pytest.fixture
def _unclean_parent() -> Iterator[None]:
    """As a shell's background job, or a parent that has blocked signals, would start the server."""
    numbers = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGCHLD, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.case("P22")
@pytest.mark.usefixtures("_unclean_parent")
def test_no_signal_is_blocked_ignored_or_waiting(look: Callable[..., str]) -> None:
    """Also SIGPIPE and SIGXFSZ, which Python ignores."""
    status = look("/bin/cat", "/proc/self/status")
    for name in ("SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt"):
        found = re.search(rf"^{name}:\s+(\w+)$", status, re.MULTILINE)
        assert found is not None
        assert found[1] == "0" * 16, name


@pytest.mark.case("P30")
def test_three_descriptors_and_no_more(look: Callable[..., str], tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        assert look("/bin/ls", "/proc/self/fd").split() == ["0", "1", "2", "3"], "3 is ls' own"


@pytest.mark.case("P30", "C18")
def test_the_environment_is_what_was_listed(
    look: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LISTED", "passed on")
    environment = look(
        *("/bin/cat", "/proc/self/environ"),
        env={"LANG": "C.UTF-8", "TZ": "UTC"},
        pass_env=("LISTED", "NOT_THERE"),
    )
    found = dict(pair.split("=", 1) for pair in environment.rstrip("\0").split("\0"))
    assert found.keys() - OF_A_SHELL == {
        *("PATH", "LANG", "TZ", "LISTED"),
        *("TASKY_TASK_ID", "TASKY_WORKER", "TASKY_ATTEMPT", "TASKY_WORKDIR", "TASKY_PROTOCOL"),
    }
    assert (found["LANG"], found["LISTED"], found["TASKY_WORKER"]) == ("C.UTF-8", "passed on", "w")


def test_it_is_one_process_in_a_session_of_its_own(look: Callable[..., str]) -> None:
    """The tools become the worker; none of them stays."""
    pid, _, _, _, group, session, *_ = look("/bin/cat", "/proc/self/stat").split()
    assert pid == group == session


def test_the_limit_of_open_files_is_not_that_which_the_server_raised(
    houses: Callable[..., House], kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it has a limit of its own, which a tool has set by then."""
    monkeypatch.setattr(inherit, "_soft", 123)
    house = houses(containment=kind)
    look = ("/bin/sh", "-c", "read -r task; ulimit -Sn")  # which comes when all is done to it
    for limits, expected in ((Limits(), "123"), (Limits(open_files=99), "99")):
        house.define(speaker("w", *look, limits=limits))
        task = house.run("w")
        assert [line.text for line in house.log(task.id)] == [expected]
