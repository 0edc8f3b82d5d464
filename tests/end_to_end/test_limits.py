"""What the workers of a whole server are limited to, and what it says of limits that it cannot keep."""

from __future__ import annotations

import re
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import serving, wait_for, write_definition, write_worker


@pytest.fixture
def _starter() -> Iterator[None]:
    """Who starts the server allows core dumps, and few open files."""
    before = {
        which: resource.getrlimit(which) for which in (resource.RLIMIT_CORE, resource.RLIMIT_NOFILE)
    }
    for which, (_, hard) in before.items():
        resource.setrlimit(which, (min(hard, 700) if hard != -1 else 700, hard))
    yield
    for which, limits in before.items():
        resource.setrlimit(which, limits)


@pytest.mark.case("P35")
@pytest.mark.usefixtures("_starter")
def test_no_core_dumps_and_the_systems_limit_of_open_files(tmp_path: Path) -> None:
    workers = tmp_path / "workers.d"
    write_worker(
        workers,
        "look",
        """
        import json, resource, sys
        sys.stdin.read()  # it comes when all is done to the process
        found = [resource.getrlimit(which) for which in (resource.RLIMIT_CORE, resource.RLIMIT_NOFILE)]
        print(json.dumps({"type": "result", "output": [*found[0], found[1][0]]}))
        """,
    )
    with serving(workers, tmp_path / "state") as server:
        raised = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)[0]
        assert raised > 700, "the server's own"
        assert server.run("look")["Output"] == [0, 0, 700]


def test_limits_that_are_not_kept_are_said(tmp_path: Path) -> None:
    workers = tmp_path / "workers.d"
    write_definition(workers, "w", command=["/bin/true"], limits={"cpu": 1, "memory": "1GiB"})
    with serving(workers, tmp_path / "state", TASKY_CONTAINMENT="process-group") as server:
        (line,) = [line for line in server.log if "not enforced here" in line]
        assert "cpu 1 not enforced here" in line, "not memory"
        assert line.endswith(" worker=w\n")
        write_definition(workers, "x", command=["/bin/true"], protocol="text", limits={"cpu": 2})
        wait_for(
            lambda: re.search(r"cpu 2 not enforced here.* worker=x\n", server.logged),
            "said after the reload",
        )
