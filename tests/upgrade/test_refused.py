"""New code that cannot go on: then the old code does, with every task."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import REPOSITORY, Server, wait_for

from .conftest import Start
from .support import Gates, ask, await_outcome, upgrade

_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


def install(prefix: Path) -> Path:
    """A virtual environment as scripts/install makes one, with a copy of our code; gives the folder of that."""
    packages = prefix / "lib" / _VERSION / "site-packages"
    packages.mkdir(parents=True)
    shutil.copytree(REPOSITORY / "tasky", packages / "tasky")
    (packages / "others.pth").write_text("\n".join(filter(None, sys.path)))
    (prefix / "bin").mkdir()
    (prefix / "bin/python").symlink_to(Path(sys.executable).resolve())
    home = Path(sys.executable).resolve().parent
    (prefix / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = false\n")
    return packages / "tasky"


def spoil(code: Path, file: str, before: str, after: str) -> None:
    text = (code / file).read_text()
    assert before in text
    (code / file).write_text(text.replace(before, after, 1))
    # Python takes what it has compiled for the same if its size and its second of change are.
    for compiled in (code / file).parent.glob(f"__pycache__/{Path(file).stem}.*"):
        compiled.unlink()


class _Installed(Server):
    """Runs what is installed in `home`, not what is here."""

    home: Path

    def start(self) -> None:
        self.prefix = ("/bin/sh", "-c", f'cd /; shift; exec "{self.home}/bin/python" "$@"', "sh")
        super().start()


@pytest.fixture
def installed(workers: Path, gates: Gates, tmp_path: Path) -> Any:
    gates.worker(workers, "long", 'print("one", end="", flush=True)\nwait("on")\nprint(" line")',
                 protocol="text")  # fmt: skip
    home = tmp_path / "opt" / "tasky"
    code = install(home)
    server = type("Installed", (_Installed,), {"home": home})(workers, tmp_path / "state")
    server.code = code
    try:
        yield server
    finally:
        server.close()


def _refused(server: Server, task: str) -> str:
    number = getattr(server, "asked", 0) + 1
    server.asked = number  # type: ignore[attr-defined]
    ask(server)
    outcome = await_outcome(server, number)
    assert outcome.reason is not None, server.logged
    assert server.status(task) == "Running"
    return outcome.reason


@pytest.mark.case("D19")
def test_the_rehearsal_fails(installed: Any, gates: Gates, tmp_path: Path) -> None:
    """A mistake in the code, in the settings, in a document of another version; nothing is touched. `tasky upgrade`
    tells why."""
    server, code = installed, installed.code
    task = server.submit("long")
    gates.await_reached("on")
    pid = server.process.pid
    spoil(code, "daemon/parts.py", "class Parts:", "class Parts")
    assert "SyntaxError" in _refused(server, task)
    spoil(code, "daemon/parts.py", "class Parts", "class Parts:")
    spoil(code, "daemon/handover.py", "VERSION: Final = 1", "VERSION: Final = 2")
    command = [sys.executable, "-m", "tasky", "upgrade", "--state-dir", str(server.state)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    server.asked += 1
    assert told.returncode == 1
    assert "handed version 1, and knows 2" in told.stderr
    assert server.status(task) == "Running"
    spoil(code, "daemon/handover.py", "VERSION: Final = 2", "VERSION: Final = 1")
    before = server.logged
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "1 running task went on" in told.stdout
    assert "handing over" in server.logged[len(before) :]
    assert server.process.pid == pid
    gates.open("on")
    server.await_status(task, "Completed")
    assert server.get(f"/tasks/{task}/result")["Output"] == {"string_output": "one line"}
    assert server.stop() == 0


@pytest.mark.case("D19")
def test_it_fails_when_it_has_taken_over(installed: Any, gates: Gates, tmp_path: Path) -> None:
    """The old code, which was moved away, is executed again. Then an upgrade to code that works; and one that cannot be
    executed at all, since the rehearsal has removed it."""
    server = installed
    task = server.submit("long")
    gates.await_reached("on")
    home = server.home
    home.rename(f"{home}.old")
    code = install(home)
    spoil(code, "daemon/parts.py", "self._handed: Final = handed", "raise RuntimeError('no luck')")
    assert "no luck" in _refused(server, task)
    assert server.process.poll() is None
    shutil.rmtree(code.parents[3])
    home.parent.joinpath("tasky.old").rename(home)  # as scripts/install does
    assert upgrade(server).number == 2
    spoil(
        home / "lib" / _VERSION / "site-packages/tasky", "daemon/rehearsal.py",
        "    must_know(", "    os.unlink(sys.executable)\n    must_know(",
    )  # fmt: skip
    server.asked = 2
    assert "cannot be executed" in _refused(server, task)
    gates.open("on")
    server.await_status(task, "Completed")
    assert server.get(f"/tasks/{task}/result")["Output"] == {"string_output": "one line"}
    assert server.stop() == 0


@pytest.mark.case("D19")
def test_the_store_is_in_trouble(workers: Path, gates: Gates, start: Start) -> None:
    """Nothing is handed over then: the server goes on, and what could not be stored is, later."""
    gates.worker(workers, "long", 'wait("on")')
    server = start()
    task, canceled = server.submit("long"), server.submit("long")
    gates.await_reached("on")
    with closing(sqlite3.connect(server.state / "tasky.db", isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        server.request("POST", f"/tasks/{canceled}/cancel")
        wait_for(lambda: "cannot be stored yet" in server.logged)
        assert "the store is in trouble" in _refused(server, task)
        foreign.execute("ROLLBACK")
    gates.open("on")
    server.await_status(task, "Completed")
    server.await_status(canceled, "Canceled")
    assert server.submit("long")
