"""tasky doctor, on this machine as it is, and on what a test can make of it."""

from __future__ import annotations

import os
import pwd
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tasky.config import tools
from tasky.doctor import containment, machine
from tasky.doctor.mounts import Mount
from tasky.model.containment import Kind
from tasky.store import Store
from tasky.supervisor import Found, probe
from tests.cli.conftest import Tasky
from tests.disks import Disk, disk, fill_disk, mount
from tests.helpers import REPOSITORY, serving, write_definition
from tests.store.parts import MAX_LOG

__all__ = ["disk"]

SUBJECTS = [
    *("python", "kernel", "clock", "tools", "cgroups", "orphans", "starts", "settings", "user", "containment"),
    *("limits", "workers", "permissions", "state", "filesystem", "room", "sqlite", "database"),
    *("tokens", "webhooks", "server", "files", "listen", "unit"),
]  # fmt: skip
Findings = dict[str, tuple[str, str]]


@pytest.fixture
def workers(tmp_path: Path) -> Path:
    folder = tmp_path / "workers.d"
    write_definition(folder, "nothing", command=["/bin/true"], protocol="text")
    return folder


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def look(tasky: Tasky, workers: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs it with settings from the environment; gives its findings: verdict and message by subject."""
    for name in [name for name in os.environ if name.startswith("TASKY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TASKY_LISTEN", "127.0.0.1:0")
    monkeypatch.setattr("tasky.doctor.systemctl._RUNS", Path("/nowhere"))
    monkeypatch.setattr("tasky.doctor.units.FOLDERS", ())

    def run(*arguments: str, **environ: str) -> Findings:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        folders = ("--workers-dir", str(workers), "--state-dir", str(state))
        done = tasky("doctor", "--json", *folders, *arguments)
        found = {one["subject"]: (one["verdict"], one["message"]) for one in done.documents}
        assert len(found) == len(done.documents), "one line each"
        assert done.status == any(verdict == "problem" for verdict, _ in found.values())
        return found

    return run


def test_this_machine(look: Any, state: Path) -> None:
    found = look()
    assert list(found) == SUBJECTS
    fine = (
        "kernel",
        "clock",
        "orphans",
        "starts",
        "workers",
        "permissions",
        "files",
        "state",
        "room",
    )
    for subject in (*fine, "database", "tokens", "webhooks", "server", "unit"):
        assert found[subject][0] == "ok", found[subject]
    assert sys.version.split()[0] in found["python"][1]
    assert not state.exists(), "it makes nothing"


def test_where_the_settings_come_from(look: Any) -> None:
    """What the client has in its environment is none."""
    found = look(TASKY_URL="http://127.0.0.1:1", TASKY_MAX_TASKS="7")
    assert found["settings"] == ("ok", "the defaults and TASKY_LISTEN and TASKY_MAX_TASKS")


def test_for_people(tasky: Tasky, look: Any, workers: Path, state: Path) -> None:
    found = look()
    done = tasky("doctor", "--workers-dir", str(workers), "--state-dir", str(state))
    *lines, summary = done.out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        [verdict, subject] for subject, (verdict, _) in found.items()
    ]
    warnings = sum(verdict == "warning" for verdict, _ in found.values())
    assert summary == f"no problems, {warnings or 'no'} warning{'' if warnings == 1 else 's'}"
    assert done.status == 0


@pytest.mark.case("D15")
def test_the_containment_that_there_is(look: Any) -> None:
    found, told = probe(), look()
    verdict, message = told["containment"]
    assert (verdict, found.kind in message) == (
        "ok" if found.kind is Kind.CGROUP else "warning",
        True,
    )
    assert found.reason is None or found.reason in message
    mounted = Path("/proc/mounts").read_text()
    both = " cgroup2 " in mounted and " cgroup " in mounted
    assert ("hybrid" in told["cgroups"][1]) == both
    assert f"controllers: {', '.join(sorted(found.controllers)) or 'none'}" in told["limits"][1]


@pytest.mark.case("D15")
def test_no_cgroup_can_be_had(look: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Found(Kind.PROCESS_GROUP, reason="no cgroup can be made: Read-only file system")
    monkeypatch.setattr("tasky.doctor.examination.probe", lambda: found)
    verdict, message = look()["containment"]
    assert verdict == "warning"
    assert "Read-only file system. So what leaves its process group is searched for" in message
    assert "can outlive its task" in message
    assert "Delegate=yes" in message
    verdict, message = look(TASKY_CONTAINMENT="cgroup")["containment"]
    assert verdict == "problem"
    assert "The server does not start" in message


def test_process_groups_are_wanted(look: Any, workers: Path) -> None:
    write_definition(workers, "w", command=["/bin/true"], protocol="text", limits={"cpu": 1})
    found = look(TASKY_CONTAINMENT="process-group")
    assert found["containment"][0] == "warning"
    assert found["limits"][0] == "warning"
    assert "controllers: none" in found["limits"][1]
    assert "w: cpu 1 not enforced here" in found["limits"][1]


@pytest.mark.parametrize(
    ("kinds", "verdict", "words"),
    [
        ({"cgroup2"}, "ok", "version 2"),
        ({"cgroup"}, "warning", "version 1 alone"),
        ({"cgroup", "cgroup2"}, "warning", "hybrid"),
        (set(), "warning", "none"),
    ],
)
def test_versions_of_cgroups(
    kinds: set[str], verdict: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Mount(f"/{kind}", kind) for kind in kinds]
    monkeypatch.setattr(containment, "mounts", lambda: found)
    finding = containment.hierarchies()
    assert finding.verdict == verdict
    assert words in finding.message


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 11, 2, "final", 0))
    assert machine.python().verdict == "warning"


def test_a_clock_that_stands_in_the_past(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.time, "time", lambda: 3600.0)
    finding = machine.clock()
    assert finding.verdict == "warning"
    assert "1970-01-01 01:00:00 UTC" in finding.message


def test_a_tool_that_is_missing(
    look: Any, workers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "PATH", str(tmp_path))
    monkeypatch.setattr(tools, "_found", {})
    (tmp_path / "nice").symlink_to("/bin/true")
    verdict, message = look()["tools"]
    assert verdict == "warning"
    assert message.startswith("missing: prlimit, setpriv. ")
    assert message.endswith("install util-linux")
    write_definition(workers, "w", command=["/bin/true"], protocol="text", no_new_privs=True)
    assert look()["workers"][0] == "problem", "it is refused"


def test_mistakes_are_counted(look: Any, workers: Path, tmp_path: Path) -> None:
    write_definition(workers, "bad", comand=["/bin/true"])
    verdict, message = look()["workers"]
    assert verdict == "problem"
    assert message.startswith("2 mistakes in ")
    assert "tasky check" in message
    settings = tmp_path / "tasky.yaml"
    settings.write_text("listn: x\nmax_tasks: many\n")
    found = look("--config", str(settings))
    assert "database" not in found, "where it is is not known"
    assert "containment" in found
    assert found["settings"][0] == "problem"
    assert found["settings"][1].count(str(settings)) == 2


def test_no_workers_and_no_folder(look: Any, workers: Path) -> None:
    (workers / "nothing.yaml").unlink()
    assert look()["workers"] == ("warning", f"there are none in {workers}")
    workers.rmdir()
    assert look()["workers"][0] == "problem"


def as_another(words: list[str], workers: Path, state: Path) -> Findings:
    """As seen by `words`, which execute it with other limits, or as another user."""
    done = subprocess.run(
        [
            *(*words, sys.executable, "-m", "tasky", "doctor"),
            *("--workers-dir", workers, "--state-dir", state),
        ],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "TASKY_LISTEN": "127.0.0.1:0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()[:-1]]
    return {subject: (verdict, message) for verdict, subject, message in lines}


@pytest.mark.case("P27")
def test_too_few_open_files(workers: Path, state: Path) -> None:
    verdict, message = as_another(["prlimit", "--nofile=700"], workers, state)["files"]
    assert verdict == "problem"
    assert "max_tasks: 64 needs 832 open files and the limit is 700" in message


@pytest.mark.case("S6")
def test_a_disk_that_cannot_be_written(look: Any, disk: Disk, tmp_path: Path, state: Path) -> None:
    disk(path=state)
    mount("-o", "remount,ro", state)
    verdict, message = look()["state"]
    assert verdict == "problem"
    assert message.startswith(f"{state} cannot be written by ")
    verdict, message = look("--state-dir", str(state / "new"))["state"]
    assert verdict == "problem"
    assert f"{state}/new is not there, and " in message


def test_who_else_can_change_the_state(look: Any, state: Path) -> None:
    state.mkdir()
    state.chmod(0o770)
    verdict, message = look()["state"]
    assert verdict == "problem"
    assert f"chmod go-w {state}" in message
    state.chmod(0o700)
    assert look()["state"] == ("ok", f"{state}, mode 0700")
    if os.geteuid() == 0:
        os.chown(state, pwd.getpwnam("nobody").pw_uid, -1)
        verdict, message = look()["state"]
        assert (verdict, "belongs to nobody" in message) == ("warning", True)


def test_a_file_in_its_place(look: Any, state: Path) -> None:
    state.touch(mode=0o700)
    assert look()["state"] == ("problem", f"{state} is no folder: set state_dir")


@pytest.mark.case("S1")
def test_a_disk_in_memory_that_is_full(look: Any, disk: Disk, state: Path) -> None:
    disk(80 << 20, state)
    found = look()
    assert found["filesystem"] == (
        "warning",
        "tmpfs: it is in memory, and all tasks go with a reboot",
    )
    assert found["room"][0] == "ok"
    fill_disk(state)
    assert found["database"][0] == "ok"
    verdict, message = look()["room"]
    assert verdict == "problem"
    assert "no tasks are taken below 48MiB" in message


def test_a_sound_database(look: Any, state: Path) -> None:
    Store.open(state, max_log=MAX_LOG).close()
    before = sorted((path.name, path.stat().st_mtime_ns) for path in state.iterdir())
    verdict, message = look()["database"]
    assert verdict == "ok"
    assert "sound at a quick look" in message
    after = sorted((path.name, path.stat().st_mtime_ns) for path in state.iterdir())
    assert after == before, "it changes nothing"


@pytest.mark.case("S15")
def test_a_newer_schema(look: Any, state: Path) -> None:
    Store.open(state, max_log=MAX_LOG).close()
    with closing(sqlite3.connect(state / "tasky.db")) as connection:
        connection.execute("PRAGMA user_version = 999")
    verdict, message = look()["database"]
    assert verdict == "problem"
    assert "newer" in message


@pytest.mark.case("S4")
@pytest.mark.damages_store
def test_a_damaged_database(look: Any, state: Path) -> None:
    Store.open(state, max_log=MAX_LOG).close()
    with (state / "tasky.db").open("r+b") as file:
        file.write(b"not a database  ")
    verdict, message = look()["database"]
    assert verdict == "problem"
    assert "tasky db check" in message


def test_beside_a_running_server(look: Any, workers: Path, state: Path) -> None:
    with serving(workers, state) as server:
        host, port = server.address
        found = look(TASKY_LISTEN=f"{host}:{port}")
        assert "in use by a running server" in found["database"][1]
        assert found["listen"] == ("ok", f"{host}:{port}, where a server runs")
        assert server.run("nothing")["Status"] == "Completed"
    assert "in use" not in look()["database"][1]


def test_an_address_that_is_taken(look: Any, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        verdict, message = look(TASKY_LISTEN=address)["listen"]
        assert verdict == "problem"
        assert "in use" in message
    assert look(TASKY_LISTEN=address)["listen"] == ("ok", address)
    unix = f"unix:{tmp_path}/tasky.sock"
    assert look(TASKY_LISTEN=unix)["listen"] == ("ok", unix)
    assert look(TASKY_LISTEN=f"unix:{tmp_path}/none/tasky.sock")["listen"][0] == "problem"
