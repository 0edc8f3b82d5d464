"""A real server, seen from beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest

from tasky.doctor import containment, running
from tasky.doctor.finding import Finding
from tasky.doctor.running import Running
from tasky.doctor.units import Unit
from tasky.edition import edition
from tests.helpers import REPOSITORY, Server, serving, write_definition

NO_UNIT = Unit("tasky.service", None, {})


@pytest.fixture
def server(tmp_path: Path) -> object:
    write_definition(tmp_path / "workers.d", "w", command=["/bin/true"], protocol="text")
    with serving(tmp_path / "workers.d", tmp_path / "state") as server:
        yield server


def told(finding: Finding) -> tuple[str, str]:
    return str(finding.verdict), finding.message


def test_it_is_found_by_its_lock(server: Server) -> None:
    found = running.find(server.state, NO_UNIT)
    assert found == Running(server.process.pid, os.geteuid(), edition())
    verdict, message = told(running.server(found, NO_UNIT, server.url))
    assert verdict == "ok"
    assert f"process {found.pid} of {found.user}; it runs this code, " in message
    assert f"it is ready, at {server.url}" in message
    server.stop()
    assert running.find(server.state, NO_UNIT) == Running(0, os.geteuid())
    server.start()


def test_other_code_runs(server: Server) -> None:
    lock = server.state / "lock"
    pid, boot, _ = lock.read_text().splitlines()
    lock.write_text(f"{pid}\n{boot}\n0.0.9 1000000000\n")
    verdict, message = told(running.server(running.find(server.state, NO_UNIT), NO_UNIT, None))
    assert verdict == "warning"
    assert "it runs other code, 0.0.9 of 1970-01-01 00:00:01, than what is installed" in message
    lock.write_text(f"{pid}\n{boot}\n")
    message = told(running.server(running.find(server.state, NO_UNIT), NO_UNIT, None))[1]
    assert "which code it runs cannot be told" in message


def test_one_that_is_degraded_or_elsewhere(server: Server) -> None:
    found = running.find(server.state, NO_UNIT)
    write_definition(server.workers, "bad", comand=["/bin/true"])
    assert server.request("GET", "/workers/").status == 200
    with_problem = running.server(found, NO_UNIT, server.url)
    while "bad.yaml" not in with_problem.message:
        with_problem = running.server(found, NO_UNIT, server.url)
    assert with_problem.verdict == "warning"
    verdict, message = told(running.server(found, NO_UNIT, "http://127.0.0.1:1"))
    assert verdict == "warning"
    assert "it does not answer at http://127.0.0.1:1" in message
    other = Unit("tasky.service", None, {"MainPID": "1"})
    assert "systemd's is another one: process 1" in running.server(found, other, None).message


def test_its_open_files(server: Server) -> None:
    verdict, message = told(running.files(running.find(server.state, NO_UNIT)))
    assert verdict == "ok"
    assert message.startswith(f"process {server.process.pid} has ")
    assert told(running.files(Running(2**22 + 1, 0)))[0] == "skipped"


def test_too_many_open_files() -> None:
    code = "import os, sys\nfor _ in range(40): os.dup(1)\nprint(flush=True)\nsys.stdin.read()"
    command = ["prlimit", "--nofile=50", sys.executable, "-IS", "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        verdict, message = told(running.files(Running(process.pid, os.geteuid())))
        process.communicate()
    assert (verdict, "of 50: raise LimitNOFILE=" in message) == ("warning", True)


def test_its_containment(server: Server) -> None:
    told_by_itself = server.get("//readyz")
    found, controllers = containment.in_force(server.state)
    assert found.message.startswith(f"{told_by_itself['containment']}, in force in the server")
    assert sorted(controllers) == told_by_itself["controllers"]


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1:8888", "http://127.0.0.1:8888"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:8888", "http://[::1]:8888"),
        ("[::1]:8888", "http://[::1]:8888"),
        ("unix:/run/x.sock", "unix:/run/x.sock"),
        ("127.0.0.1:0", None),
        ("127.0.0.1:1 127.0.0.1:2", None),
    ],
)
def test_whom_to_ask(address: str, url: str | None) -> None:
    assert running.url_of(address) == url


STRANGER: Final = """
import encodings.idna, os, sys
import tasky.doctor
from tasky.cli import main
from tasky.edition import edition
edition()
os.setgroups([])
os.setresgid(64321, 64321, 64321)
os.setresuid(64321, 64321, 64321)
sys.exit(main(sys.argv[1:]))
"""


def test_by_a_stranger() -> None:
    """Nothing of it is his, and he is told so. What he runs was loaded before: it may lie in somebody's home."""
    if os.geteuid() != 0:
        pytest.skip("A STRANGER IS NOT TESTED: that takes root")
    with tempfile.TemporaryDirectory(prefix="tasky-stranger-", dir="/var/tmp") as name:
        public = Path(name)
        public.chmod(0o755)
        file = write_definition(public / "workers.d", "w", command=["/bin/true"], protocol="text")
        file.chmod(0o600)
        with serving(public / "workers.d", public / "state") as server:
            found = as_stranger(server)
    verdicts = {name: verdict for name, (verdict, _) in found.items()}
    skipped = {name for name, verdict in verdicts.items() if verdict == "skipped"}
    assert skipped == {"workers", "database", "server", "listen"}
    assert "problem" not in verdicts.values()
    assert "cannot read w.yaml in " in found["workers"][1]
    assert found["state"][1].endswith("mode 0711, of root")


def as_stranger(server: Server) -> dict[str, tuple[str, str]]:
    host, port = server.address
    done = subprocess.run(
        [
            *(sys.executable, "-c", STRANGER, "doctor", "--json"),
            *("--workers-dir", server.workers, "--state-dir", server.state),
        ],
        cwd="/",
        env={
            "PATH": "/usr/bin:/bin",
            "TASKY_LISTEN": f"{host}:{port}",
            "PYTHONPATH": str(REPOSITORY),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    found = map(json.loads, done.stdout.splitlines())
    return {one["subject"]: (one["verdict"], one["message"]) for one in found}
