"""The wheel, in an empty environment, serves."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import venv
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from tasky.supervisor import direct
from tests.helpers import REPOSITORY, write_definition


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git tracks (or would)."""
    folder = tmp_path_factory.mktemp("source")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        original, copy = REPOSITORY / name, folder / name
        if original.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(original, copy)
    return folder


def build(source: Path, folder: Path, **environ: str) -> Path:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", folder, source],
        check=True,
        capture_output=True,
        env=os.environ | environ,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(source, tmp_path_factory.mktemp("wheel"))


def test_what_is_in_it(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {
        str(path.relative_to(REPOSITORY))
        for path in (REPOSITORY / "tasky").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".c", ".so")
    }
    assert ours <= names, f"not in the wheel: {sorted(ours - names)}"
    assert starts_directly(names) == direct.is_there()
    assert not any(name.startswith(("tests/", "scripts/")) for name in names)


def test_it_is_built_without_a_compiler(source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "source", ignore=shutil.ignore_patterns("build"))
    built = build(tmp_path / "source", tmp_path, CC="/bin/false")
    assert not starts_directly(zipfile.ZipFile(built).namelist())


def starts_directly(names: Iterable[str]) -> bool:
    return any(name.startswith("tasky/supervisor/_start.") for name in names)


def test_it_serves_from_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    venv.create(environment)
    tasky = environment / "bin/tasky"
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    clean |= {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
    pip = [sys.executable, "-m", "pip", "--python", environment, "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", wheel], check=True, env=clean)
    workers = tmp_path / "workers.d"
    write_definition(workers, "greet", command=["/bin/echo", "hello"], protocol="text")
    server = subprocess.Popen(
        [
            tasky,
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--workers-dir",
            workers,
            "--state-dir",
            tmp_path / "state",
        ],
        stderr=subprocess.PIPE,
        text=True,
        env=clean,
        cwd=tmp_path,
    )
    try:
        assert server.stderr is not None
        said = ""
        for line in server.stderr:
            said += line
            if match := re.search(r"listening on (http://\S+)", line):
                break
        else:
            pytest.fail(said)
        done = subprocess.run(
            [tasky, "--url", match[1], "run", "greet", "--wait", "--json"],
            capture_output=True,
            text=True,
            check=True,
            env=clean,
        )
        assert json.loads(done.stdout)["Output"] == {"string_output": "hello"}
        with urllib.request.urlopen(f"{match[1]}/readyz") as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.HTTPError) as lacking:
            urllib.request.urlopen(f"{match[1]}/metrics")
        with lacking.value as problem:
            assert (problem.status, "tasky[metrics]" in problem.read().decode()) == (501, True)
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate()
    assert server.returncode == 0
