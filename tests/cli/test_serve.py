"""tasky serve and tasky check. What a running server does is in tests/end_to_end."""

from __future__ import annotations

from pathlib import Path

import pytest

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
