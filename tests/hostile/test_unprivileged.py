"""P: a server that is not root, as it should be: what the kernel gives or refuses it then."""

from __future__ import annotations

import contextlib
import os
import pwd
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import Server, wait_for
from tests.hostile.arena import Arena, define
from tests.supervisor.chaos import CHAOS

NOBODY = pwd.getpwnam("nobody")
AS_NOBODY = (
    *("setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups"),
    "--",
)
#: As many as take all the memory that a user's pipes may have.
MANY_PIPES = """
import os, resource, sys
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
for _ in range(1200):
    os.pipe()
print("held", flush=True)
sys.stdin.read()
"""


class NobodysServer(Server):
    prefix = AS_NOBODY


@pytest.fixture(scope="module")
def python() -> str:
    """One that nobody can run; the tests' own may be in somebody's home."""
    if os.geteuid() != 0:
        pytest.skip("A SERVER AS ANOTHER USER IS NOT TESTED: that takes root")
    for python in (sys.executable, "/usr/bin/python3"):
        command = [*AS_NOBODY, "env", python, "-IS", CHAOS, "--list"]
        if subprocess.run(command, cwd="/", capture_output=True).returncode == 0:
            return python
    pytest.skip("A SERVER AS ANOTHER USER IS NOT TESTED: nobody cannot run Python, or the worker")


@pytest.fixture(scope="module")
def public() -> Iterator[Path]:
    """A folder that others can pass through; those of pytest they cannot."""
    folder = Path(tempfile.mkdtemp(prefix="tasky-nobody-", dir=Path(tempfile.gettempdir()).parent))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(python: str, public: Path) -> Iterator[Server]:
    command = [python, "-IS", CHAOS]
    definitions = public / "workers.d"
    limits = {"processes": 50, "open_files": 50, "file_size": "4MiB"}
    define(definitions, "chaos", command=command)
    define(definitions, "limited", command=command, limits=limits)
    state = public / "state"
    state.mkdir()
    os.chown(state, NOBODY.pw_uid, NOBODY.pw_gid)
    server = NobodysServer(definitions, state)
    yield server
    server.close()


@pytest.fixture
def arena(server: Server, public: Path) -> Iterator[Arena]:
    folder = Path(tempfile.mkdtemp(dir=public))
    folder.chmod(0o755)
    arena = Arena(server, folder)
    yield arena
    arena.close()


@pytest.mark.case("P5")
def test_a_fork_bomb_beyond_its_limit(arena: Arena) -> None:
    """Which for anybody but root the kernel keeps, by user where there is no cgroup for it."""
    hostile = arena.unleash("fork-bomb", worker="limited", count=100)
    hostile.pids()
    arena.others_are_served()
    ended = hostile.cancel("50ms")
    assert (ended.status, ended.output) == ("Canceled", {"refused": "EAGAIN"})


@pytest.mark.case("P3", "P4")
@pytest.mark.parametrize("mode", ["scrubbed-daemon", "hopping-daemon", "setsid-bomb"])
def test_what_leaves_its_group(arena: Arena, mode: str) -> None:
    hostile = arena.unleash(mode)
    hostile.pids()
    assert hostile.cancel("50ms").status == "Canceled"


@pytest.mark.case("P31")
def test_its_own_limits_raised(arena: Arena) -> None:
    output = arena.unleash("raises-limits", worker="limited").ended().output
    assert output["RLIMIT_NOFILE"] == [50, 50]
    assert output["RLIMIT_FSIZE"] == [4 << 20, 4 << 20]
    assert output["RLIMIT_CORE"] == [0, 0]
    assert output["nice"] >= 0


@contextlib.contextmanager
def many_pipes(python: str) -> Iterator[None]:
    with subprocess.Popen(
        [*AS_NOBODY, python, "-IS", "-c", MANY_PIPES],
        cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield


@pytest.mark.case("P28")
def test_pipes_that_hold_little(arena: Arena, python: str) -> None:
    """A user's first 1,024 pipes have 64 KiB each, the others a few: all is as right, and slower."""
    with many_pipes(python):
        found = arena.submit("chaos", {"mode": "looks-around", "witness": ""}).ended().output
        assert found["pipe"] < 64 << 10, "the case is there"
        value = "\u00e9" * 100_000
        assert arena.unleash("good", value=value).ended().output == value
        for mode in ("stdout-flood", "stderr-flood", "progress-flood"):
            assert arena.unleash(mode, mib=2).ended().output == "flooded"
        assert arena.unleash("one-byte-writes").ended().output == "byte by byte"


@pytest.mark.case("P29")
def test_out_of_processes(arena: Arena, server: Server) -> None:
    """The task waits, and runs when there are some again."""
    count = len(server.log)

    def tries() -> int:
        return sum("trying again" in line for line in server.log[count:])

    def allow(processes: int) -> None:
        limit = f"--nproc={'unlimited' if processes == resource.RLIM_INFINITY else processes}:"
        command = [*AS_NOBODY, "prlimit", f"--pid={server.process.pid}", limit]
        subprocess.run(command, cwd="/", check=True)

    before, _ = resource.getrlimit(resource.RLIMIT_NPROC)  # inherited
    allow(1)
    try:
        hostile = arena.unleash("good", value="at last")
        wait_for(lambda: tries() >= 2, "it is tried again")
        assert "EAGAIN" in "".join(server.log[count:])
    finally:
        allow(before)
    assert hostile.ended().output == "at last"
