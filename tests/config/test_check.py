"""What `tasky check` finds: in a file of settings, a folder, one definition."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasky.config import Report, check


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A server's configuration: two good workers, one broken."""
    workers = tmp_path / "workers.d"
    workers.mkdir()
    (workers / "good.yaml").write_text("command: [/bin/sh]\n")
    (workers / "fine.yml").write_text("command: [sh]\n")
    (workers / "bad.yaml").write_text("command: [/bin/sh]\ntimeout: soon\n")
    (workers / ".hidden.yaml").write_text("{")
    (workers / "readme.txt").write_text("{")
    (tmp_path / "tasky.yaml").write_text("workers_dir: workers.d\n")
    return tmp_path


def summary(report: Report) -> tuple[list[str], list[str], list[str]]:
    return (
        [f"{problem.file.name}:{problem.line} {problem.key}" for problem in report.problems],
        [worker.name for worker in report.workers],
        [file.name for file in report.files],
    )


ALL = (
    ["bad.yaml:2 timeout"],
    ["fine", "good"],
    ["tasky.yaml", "bad.yaml", "fine.yml", "good.yaml"],
)


def test_settings_and_workers(folder: Path) -> None:
    assert summary(check(folder / "tasky.yaml", {})) == ALL
    assert summary(check(None, {"TASKY_CONFIG": str(folder / "tasky.yaml")})) == ALL


def test_settings_by_another_name(folder: Path) -> None:
    (folder / "tasky.yaml").rename(folder / "server.yaml")
    assert summary(check(folder / "server.yaml", {}))[2][0] == "server.yaml"


def test_folder(folder: Path) -> None:
    assert summary(check(folder / "workers.d", {})) == (ALL[0], ALL[1], ALL[2][1:])


def test_one_worker(folder: Path) -> None:
    good, bad = folder / "workers.d/good.yaml", folder / "workers.d/bad.yaml"
    assert summary(check(good, {})) == ([], ["good"], ["good.yaml"])
    assert summary(check(bad, {})) == (["bad.yaml:2 timeout"], [], ["bad.yaml"])


def test_one_worker_with_keys_that_settings_have_too(folder: Path) -> None:
    file = folder / "both.yaml"
    file.write_text("max_tasks: 1\nkill_grace: 1s\n")
    assert summary(check(file, {}))[0] == ["both.yaml:1 command"]


def test_mistakes_in_the_settings(folder: Path) -> None:
    (folder / "tasky.yaml").write_text("max_tasks: none\nworkers_dir: workers.d\n")
    assert summary(check(folder / "tasky.yaml", {})) == (
        ["tasky.yaml:1 max_tasks"],
        [],
        ["tasky.yaml"],
    )


def test_nothing_there(folder: Path) -> None:
    assert summary(check(folder / "other.yaml", {}))[0] == ["other.yaml:0 "]
    (folder / "tasky.yaml").write_text("workers_dir: nowhere\n")
    (only,) = check(folder / "tasky.yaml", {}).problems
    assert only.file == folder / "nowhere"
    assert "no such file or directory" in only.message
    assert "workers_dir" in only.message
