"""/healthz and /readyz."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasky.errors import Problem
from tasky.web.app import Readiness
from tests.web.api import Api


def test_health(api: Api) -> None:
    assert api.get("//healthz").json == {"status": "ok"}
    assert api.get("//healthz/").status_int == 200


def test_ready(api: Api) -> None:
    answer = api.get("//readyz")
    assert answer.status_int == 200
    assert answer.json == {
        "status": "ready",
        "draining": False,
        "containment": "process-group",
        "controllers": [],
        "troubles": [],
        "problems": [],
    }


def test_mistakes_in_definitions_are_named_and_work_goes_on(api: Api) -> None:
    file = Path("/etc/tasky/workers.d/copy.yaml")
    problem = Problem(file, 3, "timeout", "must be a duration such as 10s")
    api.readiness = Readiness(draining=False, containment="process-group", problems=(problem,))
    answer = api.get("//readyz")
    assert answer.status_int == 200
    message = "must be a duration such as 10s"
    expected = {"file": "copy.yaml", "line": 3, "key": "timeout", "message": message}
    assert answer.json["problems"] == [expected]


def test_not_ready_while_it_shuts_down(api: Api) -> None:
    api.readiness = Readiness(draining=True, containment="process-group")
    # Not an error of the request: the document is the same.
    answer = api.http.get("/readyz", expect_errors=True)
    assert answer.status_int == 503
    assert (answer.json["status"], answer.json["draining"]) == ("draining", True)


def test_not_ready_while_no_task_can_be_stored(api: Api) -> None:
    api.readiness = Readiness(draining=False, containment="process-group", store="the disk is full")
    answer = api.http.get("/readyz", expect_errors=True)
    assert answer.status_int == 503
    assert answer.json["status"] == "blocked"
    assert answer.json["troubles"] == [{"kind": "store", "detail": "the disk is full"}]


def test_what_does_not_stop_the_work(api: Api) -> None:
    task_id = "0" * 32
    api.readiness = Readiness(
        draining=False,
        containment="cgroup",
        controllers={"pids", "cpu"},
        starved=3,
        unkillable={task_id: [7, 8]},
    )
    answer = api.get("//readyz")
    assert (answer.status_int, answer.json["status"]) == (200, "degraded")
    assert answer.json["controllers"] == ["cpu", "pids"]
    shortage, unkillable = answer.json["troubles"]
    assert shortage["kind"] == "shortage"
    assert shortage["detail"].endswith("tried again: 3")
    assert unkillable["kind"] == "unkillable"
    assert f"{task_id}: 7, 8" in unkillable["detail"]


@pytest.mark.case("C1", "C7")
def test_a_broken_file_shows_up(api: Api) -> None:
    (api.workers / "echo.yaml").write_text("command: [./echo.sh]\ntimeot: 3s\n")
    api.reload()
    api.readiness = Readiness(
        draining=False, containment="process-group", problems=api.catalogue.problems
    )
    (problem,) = api.get("//readyz").json["problems"]
    assert (problem["file"], problem["line"], problem["key"]) == ("echo.yaml", 2, "timeot")
    assert str(api.workers) not in api.get("//readyz").text
    assert api.get("/workers/echo").json["description"] == "Says it again."
