"""tasky serve and tasky check. What a running server does is in tests/end_to_end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasky.model.containment import Kind
from tasky.supervisor import Found, probe
from tests.cli.conftest import Tasky
from tests.helpers import serving, write_definition


@pytest.fixture
def workers(tmp_path: Path) -> Path:
    folder = tmp_path / "workers.d"
    write_definition(folder, "nothing", command=["/bin/true"], protocol="text")
    return folder


def test_check_without_mistakes(tasky: Tasky, workers: Path) -> None:
    done = tasky("check", str(workers))
    assert (done.status, done.out, done.err) == (0, "1 worker, no mistakes\n", "")
    assert tasky("check", str(workers / "nothing.yaml")).status == 0
    assert tasky("check", str(workers), "--json").out == ""


def test_check_tells_all_mistakes(tasky: Tasky, workers: Path) -> None:
    one = write_definition(workers, "one", command=["/bin/true"], protocl="text")
    two = write_definition(workers, "two", command=["/no/such/program"], protocol="text")
    done = tasky("check", str(workers))
    assert done.status == 1
    *mistakes, summary = done.out.splitlines()
    assert any(line.startswith(f"{one}:1: protocl: ") for line in mistakes)
    assert any(line.startswith(f"{two}:1: command") for line in mistakes)
    assert summary == "1 worker, 2 mistakes"
    documents = tasky("check", str(workers), "--json").documents
    assert {one["file"] for one in documents} == {str(one), str(two)}
    assert all(set(one) == {"file", "line", "column", "key", "message"} for one in documents)


LIMITS = {"memory": "512MiB", "cpu": 2, "open_files": 99}


def test_check_tells_what_keeps_the_limits(
    tasky: Tasky, workers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On this machine: probed, unless the settings say that there are to be no cgroups."""
    found = Found(Kind.CGROUP, frozenset({"memory"}))
    monkeypatch.setattr("tasky.supervisor.probe", lambda: found)
    write_definition(workers, "w", command=["/bin/true"], limits=LIMITS)
    memory, cpu, files, summary = tasky("check", str(workers)).out.splitlines()
    assert memory == "w: memory 512MiB by cgroup"
    assert cpu == "w: cpu 2 not enforced here (there is no cpu controller)"
    assert files == "w: open_files 99 by rlimit (each process by itself)"
    assert summary == "2 workers, no mistakes"
    settings = workers.parent / "tasky.yaml"
    settings.write_text("workers_dir: workers.d\ncontainment: process-group\n")
    document, *_ = tasky("check", str(settings), "--json").documents
    assert document == {
        "worker": "w",
        "limit": "memory",
        "value": 512 << 20,
        "by": "rlimit",
        "remark": "each process by itself",
    }


def test_check_probes_this_machine(tasky: Tasky, workers: Path) -> None:
    write_definition(workers, "w", command=["/bin/true"], limits=LIMITS)
    by = "cgroup" if "memory" in probe().controllers else "rlimit"
    assert f"w: memory 512MiB by {by}" in tasky("check", str(workers)).out


def test_check_and_serve_refuse_what_a_stranger_could_change(
    tasky: Tasky, workers: Path, tmp_path: Path
) -> None:
    (workers / "nothing.yaml").chmod(0o666)
    done = tasky("check", str(workers))
    assert done.status == 1
    assert f"{workers}/nothing.yaml: " in done.out
    assert "can be changed by everybody: chmod o-w" in done.out
    assert tasky("check", "--insecure-perms", str(workers)).status == 0
    options = ("--workers-dir", str(workers), "--state-dir", str(tmp_path / "state"))
    assert tasky("serve", *options).status == 78
    with serving(workers, tmp_path / "state", "--insecure-perms") as server:
        assert server.run("nothing")["Status"] == "Completed"


def test_check_what_is_not_there(tasky: Tasky, tmp_path: Path) -> None:
    done = tasky("check", str(tmp_path / "none"))
    assert done.status == 1
    assert "no such file" in done.out


def test_serve_refuses_a_broken_configuration(tasky: Tasky, workers: Path, tmp_path: Path) -> None:
    file = tmp_path / "tasky.yaml"
    file.write_text("listn: 127.0.0.1:0\nmax_tasks: many\n")
    done = tasky("serve", "--config", str(file), "--workers-dir", str(workers))
    assert done.status == 78
    assert f"{file}:1: listn: " in done.err
    assert f"{file}:2: max_tasks: " in done.err
    assert "Traceback" not in done.err


def test_serve_takes_a_file_and_options_win(workers: Path, tmp_path: Path) -> None:
    file = tmp_path / "tasky.yaml"
    file.write_text(f"listen: 127.0.0.1:1\nworkers_dir: /nonexistent\nstate_dir: {tmp_path}\n")
    with serving(workers, tmp_path / "state", "--config", str(file)) as server:
        assert server.run("nothing")["Status"] == "Completed"
        assert server.stop() == 0
    assert (tmp_path / "state").exists()
