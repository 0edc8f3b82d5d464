"""The chains of workers.d/chains, on a real server, with real folders."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import REPOSITORY, Server, serving

from .support import names

CHAINS = REPOSITORY / "workers.d/chains"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(CHAINS, tmp_path_factory.mktemp("chains") / "state") as server:
        yield server


def output(server: Server, worker: str, **params: Any) -> Any:
    result = server.run(worker, params)
    assert result["Status"] == "Completed", result
    return result["Output"]


def failure(server: Server, worker: str, **params: Any) -> str:
    result = server.run(worker, params)
    assert result["Status"] == "Failed", result
    return str(result["Error"]["message"])


def states(server: Server, worker: str) -> dict[str, str]:
    """Of the steps of its latest task."""
    task = server.get(f"/tasks/{latest(server, worker)}")
    return {step["Name"]: step["Status"] for step in task["Steps"]}


def latest(server: Server, worker: str) -> str:
    return str(server.get(f"/tasks/?worker={worker}&limit=1")["Tasks"][0]["TaskId"])


def make(tmp_path: Path, *folders: str) -> list[Path]:
    made = [tmp_path / folder for folder in folders]
    for folder in made:
        folder.mkdir()
    return made


class TestArchive:
    def test_packed_checked_copied_and_the_old_ones_removed(
        self, server: Server, tmp_path: Path
    ) -> None:
        site, store, one, two = make(tmp_path, "Säite [1]", "store", "one", "two")
        (site / "index.html").write_text("hello")
        (store / "other-file.tar.gz").touch()
        params = {"folder": str(site), "store": str(store), "copies": [str(one), str(two)]}
        first = output(server, "archive", **params, keep=1)
        assert first["removed"] == 0
        second = output(server, "archive", **params, keep=1)
        archive = Path(second["archive"])
        assert second["removed"] == 3
        assert second["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
        assert second["copies"] == [str(folder / archive.name) for folder in (one, two)]
        both = [archive.name, f"{archive.name}.sha256"]
        assert names(store) == sorted([*both, "other-file.tar.gz"])
        assert names(one) == names(two) == both
        for folder in (store, one, two):
            subprocess.run(["sha256sum", "--status", "--check", both[1]], cwd=folder, check=True)
        with tarfile.open(two / archive.name) as packed:
            assert packed.getnames() == ["Säite [1]", "Säite [1]/index.html"]

    def test_without_copies(self, server: Server, tmp_path: Path) -> None:
        site, store = make(tmp_path, "site", "store")
        assert output(server, "archive", folder=str(site), store=str(store))["copies"] == []
        assert states(server, "archive") == dict.fromkeys(
            ("pack", "checksum", "copy", "prune"), "Completed"
        )

    def test_what_cannot_be_packed(self, server: Server, tmp_path: Path) -> None:
        (site,) = make(tmp_path, "site")
        inside, missing = f"{site}", f"{tmp_path}/missing"
        said = failure(server, "archive", folder=str(site), store=inside)
        assert "the archive would have itself in it" in said
        said = failure(server, "archive", folder=missing, store=str(site))
        assert f"No such file or directory: {missing}" in said
        assert names(site) == []
        assert states(server, "archive")["prune"] == "Unreached"

    def test_a_copy_of_a_file_that_has_changed(self, server: Server, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("changed")
        (into,) = make(tmp_path, "into")
        said = failure(server, "copy", path=str(tmp_path / "file"), sha256="0" * 64, into=str(into))
        assert "is not what it was" in said
        assert names(into) == []


class TestRelease:
    @pytest.fixture
    def params(self, tmp_path: Path) -> dict[str, Any]:
        program, tests, into = make(tmp_path, "program", "tests", "into")
        (program / "__main__.py").write_text("import answer\nprint(answer.ANSWER)\n")
        (program / "answer.py").write_text("ANSWER = 42\n")
        (tests / "test_answer.py").write_text(
            "import unittest, answer\n"
            "class Test(unittest.TestCase):\n"
            "    def test(self): self.assertEqual(answer.ANSWER, 42)\n"
        )
        return {"folder": str(program), "tests": str(tests), "into": str(into)}

    def test_deployed_where_the_tests_pass(self, server: Server, params: dict[str, Any]) -> None:
        current = Path(params["into"]) / "current"
        first = output(server, "release", **params, version="1.0")
        assert first == {
            "built": f"{params['into']}/program-1.0.pyz",
            "tests": {"ran": 1, "passed": True},
            "deployed": True,
            "before": None,
        }
        assert subprocess.check_output([current], text=True) == "42\n"
        second = output(server, "release", **params, version="1.1")
        assert second["before"] == first["built"]
        assert str(current.readlink()) == second["built"]

    def test_not_where_one_fails(self, server: Server, params: dict[str, Any]) -> None:
        Path(params["folder"], "answer.py").write_text("ANSWER = 43\n")
        found = output(server, "release", **params, version="1.0")
        assert (found["tests"], found["deployed"]) == ({"ran": 1, "passed": False}, False)
        assert states(server, "release") == {
            "build": "Completed", "test": "Completed", "deploy": "Skipped",
        }  # fmt: skip
        assert names(Path(params["into"])) == ["program-1.0.pyz"]

    def test_not_where_it_is_not_wanted(self, server: Server, params: dict[str, Any]) -> None:
        found = output(server, "release", **params, version="1.0", deploy=False)
        assert (found["tests"]["passed"], found["deployed"]) == (True, False)

    def test_no_tests_are_no_success(self, server: Server, params: dict[str, Any]) -> None:
        Path(params["tests"], "test_answer.py").unlink()
        assert not output(server, "release", **params, version="1.0")["deployed"]

    def test_what_is_no_program(self, server: Server, params: dict[str, Any]) -> None:
        Path(params["folder"], "__main__.py").unlink()
        assert "entry point" in failure(server, "release", **params, version="1.0")
        assert names(Path(params["into"])) == []


def test_hosts(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there, socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))  # and does not listen
        up, down = (f"127.0.0.1:{one.getsockname()[1]}" for one in (there, gone))
        found = output(server, "hosts", hosts=[up, down, up], timeout=20)
    assert [one["host"] for one in found["up"]] == [up, up]
    assert found["down"] == [f"{down}: Connection refused"]
    task = server.get(f"/tasks/{latest(server, 'hosts')}")
    parts = [(one["Item"], one.get("Attempt", 1)) for one in task["Steps"][0]["Tasks"]]
    assert parts == [(0, 1), (1, 1), (1, 2), (2, 1)]


def test_no_hosts(server: Server) -> None:
    assert output(server, "hosts", hosts=[]) == {"up": [], "down": []}
