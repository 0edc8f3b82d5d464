"""P: workers that cannot be started, or start slowly, and what those inherit that start. In both kinds."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasky.model.containment import Kind
from tests.helpers import Server, serving, wait_for, write_definition
from tests.hostile.arena import ENDED, Arena, workers
from tests.supervisor.hung import hung_program


def _into_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


PROGRAMS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: path.unlink(), "ENOENT"),
    "not-executable": (lambda path: path.chmod(0o644), "EACCES"),
    "no-interpreter": (lambda path: path.write_text("#!/no/such/program\n"), "ENOENT"),
    "no-format": (lambda path: path.write_text("echo hello\n"), "ENOEXEC"),
    "folder": (_into_folder, "EACCES"),
}
SECRET = "tsk_0123456789"


@pytest.fixture(scope="module")
def programs(kind: Kind, folder: Path) -> Path:
    programs = folder / f"programs-{kind}"
    programs.mkdir()
    return programs


@pytest.fixture(scope="module")
def server(kind: Kind, folder: Path, programs: Path) -> Iterator[Server]:
    """Workers that are spoilt when it has started, and secrets in its environment."""
    definitions = workers(folder / f"workers-{kind}.d")
    for name in (*PROGRAMS, "hung"):
        program = programs / name
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        write_definition(definitions, name, command=[str(program)])
    write_definition(
        definitions, "echo", command=["/bin/echo"], protocol="text", args=["{text}"],
        params={"text": {"type": "string"}},
    )  # fmt: skip
    environ = {"NOTIFY_SOCKET": SECRET, "LISTEN_FDS": "1", "TOKEN": SECRET, "TASKY_TOKEN": SECRET}
    with serving(
        definitions, folder / f"state-{kind}", TASKY_CONTAINMENT=kind, **environ
    ) as server:
        yield server


@pytest.mark.case("P25")
@pytest.mark.parametrize("name", PROGRAMS)
def test_what_cannot_be_executed(arena: Arena, programs: Path, name: str) -> None:
    """It was in order when the server started. One try, and its slot is free again."""
    spoil, errno = PROGRAMS[name]
    spoil(programs / name)
    ended = arena.submit(name).ended()
    assert (ended.status, ended.code) == ("Failed", "spawn")
    assert ended.error["message"].endswith(f"({errno})")
    assert str(programs) not in ended.error["message"]
    assert len(ended.document["Attempts"]) == 1
    assert arena.server.get(f"/workers/{name}")["running"] == 0


@pytest.mark.case("P26")
def test_an_argument_that_is_too_long(arena: Arena) -> None:
    ended = arena.submit("echo", {"text": "x" * 200_000}).ended()
    assert (ended.status, ended.code) == ("Failed", "spawn")
    assert "E2BIG" in ended.error["message"]


@pytest.mark.case("P26")
def test_an_argument_with_nul(server: Server) -> None:
    answer = server.request("POST", "/workers/echo", {"text": "a\0b"})
    assert answer.status == 422


@pytest.mark.case("P26")
def test_an_argument_that_a_shell_would_read(arena: Arena) -> None:
    """The way into a cgroup is a line of shell: it sees none of it."""
    text = "$(id) `id` ${PATH} ; \"'\\ * \n> /tmp/x & \u00e9"
    assert arena.submit("echo", {"text": text}).ended().output == {"string_output": text}


# ---------------------------------------------------------------------- slow ones


@pytest.mark.case("P24")
def test_a_file_system_that_hangs_holds_up_no_running_task(
    arena: Arena, server: Server, tmp_path: Path, programs: Path
) -> None:
    running, canceled = arena.unleash("waits"), arena.unleash("waits")
    running.pids()
    canceled.pids()
    with hung_program(tmp_path) as hung:
        os.replace(hung.path, programs / "hung")  # noqa: PTH105 - the lease is the file's
        slow = arena.submit("hung")
        hung.await_exec()
        assert server.request("POST", f"/tasks/{running.task_id}/pause").status == 200
        assert server.request("POST", f"/tasks/{running.task_id}/resume").status == 200
        assert canceled.cancel().status == "Canceled"
        assert server.status(slow.task_id) not in ENDED
        assert running.cancel().attempt["Signal"] == "SIGTERM"
        hung.go_on()
        assert slow.ended().status in ENDED


@pytest.mark.case("P17", "P24")
def test_canceled_while_it_is_being_started(
    arena: Arena, server: Server, tmp_path: Path, programs: Path
) -> None:
    """It is started, for that cannot be undone, and killed before anything that it says counts."""
    with hung_program(tmp_path) as hung:
        os.replace(hung.path, programs / "hung")  # noqa: PTH105
        hostile = arena.submit("hung")
        hung.await_exec()
        answer = server.request("POST", f"/tasks/{hostile.task_id}/cancel")
        assert answer.status == 202
        hung.go_on()
        ended = hostile.ended()
    assert (ended.status, ended.output) == ("Canceled", None)


# ---------------------------------------------------------------------- what is inherited


@pytest.mark.case("P30", "P23", "P35")
def test_what_a_worker_inherits(arena: Arena) -> None:
    """Three descriptors, a session, and an environment in which nothing of the server's is."""
    ended = arena.submit("chaos", {"mode": "looks-around", "witness": ""}).ended()
    found = ended.output
    task_id = ended.document["TaskId"]
    names = {
        "PATH",
        *(f"TASKY_{name}" for name in ["TASK_ID", "WORKER", "ATTEMPT", "WORKDIR", "PROTOCOL"]),
    }
    assert found["descriptors"] == [0, 1, 2]
    assert set(found["environment"]) - {"LC_CTYPE"} == names, "LC_CTYPE is Python's own"
    assert found["environment"]["TASKY_TASK_ID"] == task_id
    assert SECRET not in str(found)
    assert found["leads"]
    assert found["core"] == 0
    assert found["dies_with"] == 0, "it would die with a thread of the server's"


# ---------------------------------------------------------------------- shortage


@contextlib.contextmanager
def shortage(server: Server, spare: int) -> Iterator[None]:
    """The server has as many descriptors left."""
    pid = server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    taken = max(map(int, os.listdir(f"/proc/{pid}/fd"))) + 1  # noqa: PTH208
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (taken + spare, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@pytest.mark.case("P29")
def test_out_of_descriptors(arena: Arena, server: Server) -> None:
    """The task waits, everything of its half-made starts is freed, and it runs when there are some again."""
    arena.others_are_served()
    count = len(server.log)

    def tries() -> int:
        return sum("trying again" in line for line in server.log[count:])

    with shortage(server, 3):
        hostile = arena.unleash("good", value="at last")
        wait_for(lambda: tries() >= 2, "it is tried again")
        before = descriptors(server)
        wait_for(lambda: tries() >= 4, "and again")
        assert descriptors(server) <= before
        assert server.status(hostile.task_id) not in ENDED
        assert "EMFILE" in "".join(server.log[count:])
    assert hostile.ended().output == "at last"


def descriptors(server: Server) -> int:
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))  # noqa: PTH208
