"""S3: another program has locked the database, for long."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.helpers import wait_for
from tests.web.api import Api, standard

_LOCKS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Callable[[float], Api]]:
    """A server that waits so many seconds for a lock."""
    served: list[Api] = []

    def serve(busy_timeout: float) -> Api:
        api = standard(tmp_path)
        api.add("gate", 'until [ -e "$0.open" ]; do sleep 0.01; done; echo through')
        served.append(api.serve(busy_timeout=busy_timeout))
        return api

    yield serve
    for api in served:
        api.stop()


@contextmanager
def locked(database: Path) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", _LOCKS, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        yield
        other.communicate()


def refused(api: Api, path: str) -> None:
    answer = api.post(path, {"text": "x"})
    assert (answer.status_int, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json["detail"] == "The store is busy."


@pytest.mark.case("S3")
def test_new_tasks_are_refused_and_old_ones_go_on(patient: Callable[[float], Api]) -> None:
    api = patient(0.3)
    canceled, ending = api.submit("hold"), api.submit("gate")
    api.await_log(canceled, "ready")
    with locked(api.state / "tasky.db"):
        known = api.get("/tasks/").json
        refused(api, "/workers/echo")
        refused(api, "/workers/echo?wait=10s")
        assert api.store.trouble() == "another program has locked the database"
        answer = api.post(f"/tasks/{canceled}/cancel")
        assert (answer.status_int, answer.json["Status"]) == (202, "Canceling")
        (api.workers / "gate.sh.open").touch()
        wait_for(lambda: api.supervisor.counts() == {}, "the processes of both have ended")
        refused(api, "/workers/echo")
        assert api.get("/tasks/").json == known, "what is stored can be read, and nothing is new"
    api.await_state(canceled, "Canceled")
    assert api.await_state(ending, "Completed").output is not None
    assert api.get(f"/tasks/{ending}/log").text == "through\n"
    wait_for(lambda: api.store.trouble() is None, "it is over without a request")
    api.run("echo", {"text": "x"})


@pytest.mark.case("S3")
def test_a_lock_that_does_not_last_is_waited_for(patient: Callable[[float], Api]) -> None:
    api = patient(60)
    with ThreadPoolExecutor(1) as threads:
        with locked(api.state / "tasky.db"):
            submitted = threads.submit(api.submit, "echo", {"text": "x"})
            assert api.get("/tasks/").json["Tasks"] == []
            assert not submitted.done()
        api.await_state(submitted.result(), "Completed")
