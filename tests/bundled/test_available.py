"""workers.d/available: which of the bundled workers can run here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tasky.config import load_workers

from .support import RUNTIMES, WORKERS, names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the bundled workers in which nothing is built yet."""
    return Path(
        shutil.copytree(WORKERS, tmp_path / "workers.d", ignore=lambda path, _: {Path(path).name})
    )


def available(folder: Path, path: str = os.environ["PATH"]) -> tuple[list[str], list[str]]:
    finished = subprocess.run(
        [folder / "available"], capture_output=True, text=True, env={"PATH": path}, check=True
    )
    return finished.stdout.split(), finished.stderr.splitlines()


def tools(folder: Path, *programs: str) -> str:
    """A PATH on which only these are found, and what the script itself needs."""
    folder.mkdir()
    for program in ("sh", "dirname", "env", *programs):
        (folder / program).symlink_to(shutil.which(program) or pytest.skip(f"no {program} here"))
    return str(folder)


def test_what_is_listed_can_be_served(folder: Path) -> None:
    listed, _ = available(folder)
    assert set(listed) <= {file.name for file in WORKERS.glob("*.yaml")}
    for file in folder.glob("*.yaml"):
        if file.name not in listed:
            file.unlink()
    definitions, problems = load_workers(folder, kill_grace=10**10)
    assert not problems
    assert sorted(definitions) == sorted(name.removesuffix(".yaml") for name in listed)


def test_all_can_run_where_their_runtimes_are(folder: Path) -> None:
    for worker, programs in RUNTIMES.items():
        missing = [program for program in programs if not shutil.which(program)]
        if missing:
            pytest.skip(f"NOT ALL WORKERS CAN RUN: {worker} needs {', '.join(missing)}")
    listed, reasons = available(folder)
    assert sorted(listed) == sorted(f"{worker}.yaml" for worker in RUNTIMES)
    assert reasons == []


def test_a_machine_with_nothing_but_df(folder: Path, tmp_path: Path) -> None:
    listed, reasons = available(folder, tools(tmp_path / "bin", "df"))
    assert listed == ["diskfree.yaml"]
    assert len(reasons) == len(RUNTIMES) - 1
    assert "csvstats.yaml cannot run here: node is not installed" in reasons
    assert "copyfile.yaml cannot run here: python3 is not installed" in reasons


def test_a_program_that_was_built_elsewhere_needs_no_compiler(folder: Path, tmp_path: Path) -> None:
    (folder / "wordfreq" / "wordfreq").write_text("#!/bin/sh\n")
    (folder / "wordfreq" / "wordfreq").chmod(0o755)
    assert available(folder, tools(tmp_path / "bin"))[0] == ["wordfreq.yaml"]


def test_a_program_that_does_not_compile(folder: Path) -> None:
    if not (shutil.which("make") and shutil.which("cc")):
        pytest.skip("THE BUILD IS NOT TESTED: no make, or no C compiler")
    (folder / "wordfreq" / "wordfreq.c").write_text("this is no C")
    listed, reasons = available(folder)
    assert "wordfreq.yaml" not in listed
    assert "wordfreq.yaml cannot run here: it could not be built" in reasons


def test_the_build_gives_no_warning(folder: Path) -> None:
    if not (shutil.which("make") and shutil.which("cc")):
        pytest.skip("THE BUILD IS NOT TESTED: no make, or no C compiler")
    make = ["make", "-s", "-C", folder / "wordfreq"]
    subprocess.run([*make, "CPPFLAGS=-Werror"], check=True)
    assert os.access(folder / "wordfreq" / "wordfreq", os.X_OK)
    subprocess.run([*make, "clean"], check=True)
    assert names(folder / "wordfreq") == [
        "Makefile",
        "json.c",
        "json.h",
        "wordfreq.c",
    ]
