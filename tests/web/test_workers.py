"""/workers: the list, one worker, enabling and disabling."""

from __future__ import annotations

from tests.helpers import wait_for
from tests.web.api import Api


def test_the_list(api: Api) -> None:
    answer = api.get("/workers/")
    assert answer.status_int == 200
    assert answer.headers["Content-Type"] == "application/json"
    echo, fail, hold = answer.json
    assert echo == {
        "name": "echo",
        "description": "Says it again.",
        "config_objects": {"text": "", "times": 1},
        "status": "Enabled",
        "max_tasks": 0,
        "running": 0,
        "queued": 0,
    }
    assert (fail["name"], hold["name"]) == ("fail", "hold")
    assert "config_objects" not in fail


def test_the_list_with_the_latest_tasks_of_each(api: Api) -> None:
    ids = [api.post("/workers/hold").json["TaskId"] for _ in range(3)]
    other = api.post("/workers/echo", {"text": "a"}).json["TaskId"]
    echo, fail, hold = api.get("/workers/?recent=2").json
    assert [task["TaskId"] for task in hold["recent"]] == [ids[2], ids[1]]
    assert [task["TaskId"] for task in echo["recent"]] == [other]
    assert fail["recent"] == []
    assert hold["recent"][0].keys() == {"TaskId", "Status", "Created"}


def test_the_list_with_how_many_of_the_latest(api: Api) -> None:
    for wrong in ("0", "21", "-1", "many"):
        answer = api.get(f"/workers/?recent={wrong}")
        assert answer.status_int == 422
        assert answer.json["errors"][0]["parameter"] == "recent"


def test_one_worker(api: Api) -> None:
    api.add("full", "true", usage="Long\nhelp.", max_tasks=3, timeout="90m", description="Full.")
    api.reload()
    assert api.get("/workers/FULL/").json == {
        "name": "full",
        "description": "Full.",
        "status": "Enabled",
        "max_tasks": 3,
        "running": 0,
        "queued": 0,
        "usage": "Long\nhelp.",
        "schema": api.service.worker("full").definition.parameters.schema,
        "timeout": "1h30m0s",
    }
    echo = api.get("/workers/echo").json
    assert echo["timeout"] is None
    assert echo["schema"]["required"] == ["text"]
    assert echo["schema"]["properties"]["times"] == {"type": "integer", "minimum": 1, "default": 1}


def test_one_whose_processes_wait(api: Api) -> None:
    api.add("kept", "cat", warm=2, reuse={"idle": "90s"})
    api.reload()
    wait_for(lambda: api.get("/workers/kept").json["waiting"] == 2, "both wait")
    worker = api.get("/workers/kept").json
    assert (worker["warm"], worker["reuse"]) == (2, {"tasks": 1000, "idle": "1m30s"})
    assert [each["waiting"] for each in api.get("/workers/").json if "waiting" in each] == [2]
    assert "waiting" not in api.get("/workers/echo").json


def test_running_and_queued_are_counted(api: Api) -> None:
    api.submit("hold")
    api.submit("hold", query="?at=2100-01-01T00:00:00Z")
    worker = api.get("/workers/hold").json
    assert (worker["running"], worker["queued"]) == (1, 1)
    assert api.get("/workers").json[2]["running"] == 1


def test_disable_and_enable(api: Api) -> None:
    task_id = api.submit("hold")
    answer = api.post("/workers/Hold/disable/")
    assert (answer.status_int, answer.json["status"]) == (200, "Disabled")
    assert answer.json["name"] == "hold"
    refused = api.post("/workers/hold")
    assert refused.status_int == 409
    assert refused.json["Error"] == "the worker hold is disabled: it takes no new tasks"
    assert api.post(f"/tasks/{task_id}/restart").status_int == 409
    assert api.get("/workers").json[2]["status"] == "Disabled"
    assert api.get(f"/tasks/{task_id}/status").json["Status"] == "Running"
    assert api.post("/workers/hold/enable", {}).json["status"] == "Enabled"
    assert api.post("/workers/hold").status_int == 201


def test_an_unknown_worker_gets_the_nearest(api: Api) -> None:
    for method, path in [("GET", ""), ("POST", ""), ("POST", "/enable"), ("POST", "/disable")]:
        answer = api.ask(method, f"/workers/ecko{path}")
        assert answer.status_int == 404
        assert answer.json["Error"] == "there is no worker 'ecko'; did you mean echo?"


def test_when_it_is_due_next(api: Api) -> None:
    """`next_run` in the list and with one worker."""
    leap = {"cron": "30 2 29 2 *", "time_zone": "Europe/Berlin"}
    api.add("leap", "true", schedule=leap)
    api.reload()
    listed = {worker["name"]: worker for worker in api.get("/workers/").json}
    assert "next_run" not in listed["echo"]
    worker = api.get("/workers/leap").json
    assert worker["next_run"] == listed["leap"]["next_run"] == worker["schedule"]["next"][0]
    assert worker["next_run"].endswith("-02-29T01:30:00.000000Z")
    assert len(worker["schedule"]["next"]) == 5
