"""Chains on a real server: a diamond, many at once, failures, a stop, a restart of the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import Server, serving, wait_for, write_definition, write_worker

#: Gives what it is given; waits for a file first, if it is told one; fails, if that says so.
GIVE = """
import json, pathlib, sys, time
task = json.loads(sys.stdin.readline())
params = task["params"]
gate = pathlib.Path(params["gate"]) if params["gate"] else None
print(json.dumps({"type": "progress", "percent": 1}), flush=True)
while gate and not gate.exists():
    time.sleep(0.01)
if params["fail"] or (gate and gate.read_text() == "fail"):
    sys.exit(3)
print(json.dumps({"type": "result", "output": params["give"]}))
"""
PARAMS = {
    "give": {"default": None},
    "gate": {"type": "string", "default": ""},
    "fail": {"type": "boolean", "default": False},
}


def give(value: Any = None, **more: Any) -> dict[str, Any]:
    return {"worker": "give", "params": {"give": value, **more}}


def _workers(folder: Path) -> Path:
    write_worker(folder, "give", GIVE, params=PARAMS)
    write_definition(
        folder,
        "say",
        command=["echo"],
        protocol="text",
        args=["{what}"],
        params={"what": {"type": "integer"}},
    )
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """For tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("chains")
    with serving(_workers(folder / "workers.d"), folder / "state") as server:
        yield server


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """For tests that kill it."""
    with serving(_workers(tmp_path / "workers.d"), tmp_path / "state") as server:
        yield server


def chain(server: Server, steps: dict[str, Any], query: str = "", **more: Any) -> Any:
    answer = server.request("POST", f"/chains{query}", {"chain": steps, **more})
    assert answer.status in (200, 201, 202), answer.body
    return answer.json


def steps_of(server: Server, task_id: str) -> dict[str, Any]:
    return {step["Name"]: step for step in server.get(f"/tasks/{task_id}")["Steps"]}


def states(server: Server, task_id: str) -> dict[str, str]:
    return {name: step["Status"] for name, step in steps_of(server, task_id).items()}


def await_running(server: Server, task_id: str, step: str) -> str:
    """The id of a task of a step that is under way, and has said so."""

    def found() -> str | None:
        for task in steps_of(server, task_id)[step]["Tasks"]:
            status = server.get(f"/tasks/{task['TaskId']}/status")
            if status["Status"] == "Running" and "Progress" in status:
                return str(task["TaskId"])
        return None

    return wait_for(found, f"{step} runs")


def test_a_diamond(server: Server) -> None:
    ended = chain(
        server,
        {
            "a": give({"$": "params.start"}),
            "b": {**give({"$": "[steps.a.output, 'b']"}), "needs": ["a"]},
            "c": {**give({"$": "[steps.a.output, 'c']"}), "needs": ["a"]},
            "d": {
                **give({"$": "{left: steps.b.output, right: steps.c.output}"}),
                "needs": ["b", "c"],
            },
        },
        "?wait=30s",
        params={"start": 7},
    )
    assert ended["Status"] == "Completed"
    assert ended["Output"] == {"left": [7, "b"], "right": [7, "c"]}
    task = server.get(f"/tasks/{ended['TaskId']}")
    assert task["Worker"] == "chain"
    assert task["Progress"] == {"Percent": 100}
    assert [step["Needs"] for step in task["Steps"] if "Needs" in step] == [
        ["a"],
        ["a"],
        ["b", "c"],
    ]
    (child,) = task["Steps"][3]["Tasks"]
    part = server.get(f"/tasks/{child['TaskId']}")
    assert (part["Parent"], part["Step"], part["Status"]) == (ended["TaskId"], "d", "Completed")


def test_a_worker_that_is_a_chain_is_like_any_other(server: Server) -> None:
    workers = server.workers
    write_definition(
        workers,
        "twice",
        params={"what": {"type": "string"}, "other": {"default": 2}},
        chain={
            "one": give({"$": "params.what"}),
            "two": give({"$": "[params.other, steps.one.output]"}),
        },
    )
    write_definition(
        workers, "nested", chain={"inner": {"worker": "twice", "params": {"what": "in"}}}
    )
    wait_for(lambda: server.request("GET", "/workers/nested").status == 200, "it is loaded")
    assert [step["name"] for step in server.get("/workers/twice")["steps"]] == ["one", "two"]
    assert server.request("POST", "/workers/twice", {}).status == 422
    assert server.run("twice", {"what": "x"})["Output"] == [2, "x"]
    assert server.run("nested")["Output"] == [2, "in"]


@pytest.mark.case("K12")
def test_500_at_most_20_at_once(server: Server) -> None:
    step = {
        "worker": "say",
        "params": {"what": {"$": "item"}},
        "for_each": [*range(500)],
        "max_parallel": 20,
    }
    ended = chain(server, {"many": step}, "?wait=5m")
    assert [each["string_output"] for each in ended["Output"]] == [str(i) for i in range(500)]
    (many,) = server.get(f"/tasks/{ended['TaskId']}")["Steps"]
    assert (many["Total"], many["Ended"], many["Failed"], len(many["Tasks"])) == (500, 500, 0, 500)
    times = server.get("/tasks/?worker=say&limit=500")["Tasks"]
    moments = sorted(
        [(task["Created"], 1) for task in times] + [(task["Finished"], -1) for task in times]
    )
    at_once = most = 0
    for _, change in moments:
        at_once += change
        most = max(most, at_once)
    assert most <= 20


@pytest.mark.case("K3")
def test_a_failure_with_finally(server: Server) -> None:
    ended = chain(
        server,
        {"a": give(1), "b": give(2, fail=True), "c": give(3)},
        "?wait=30s",
        **{"finally": {"z": give({"$": "steps.b.status"})}},
    )
    assert ended["Status"] == "Failed"
    error = ended["Error"]
    assert error["code"] == "step"
    assert error["message"] == "the step b failed: exit status 3"
    assert error["details"]["error"]["exit_code"] == 3
    task = ended["TaskId"]
    assert states(server, task) == {
        "a": "Completed", "b": "Failed", "c": "Unreached", "z": "Completed"
    }  # fmt: skip
    log = server.request("GET", f"/tasks/{task}/log").body.decode()
    assert "b failed: exit status 3" in log


@pytest.mark.case("K11")
def test_the_rest_of_a_failed_chain(server: Server, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.write_text("fail")
    failed = chain(
        server,
        {"a": give("first"), "b": give({"$": "steps.a.output"}, gate=str(gate)), "c": give(3)},
        "?wait=30s",
        output={"$": "[steps.a.output, steps.b.output, steps.c.output]"},
    )
    assert failed["Status"] == "Failed"
    gate.write_text("go")
    answer = server.request("POST", f"/tasks/{failed['TaskId']}/restart?from=failed")
    assert answer.status == 201
    again = answer.json["TaskId"]
    server.await_status(again, "Completed")
    task = server.get(f"/tasks/{again}")
    assert task["Output"] == ["first", "first", 3]
    assert task["RestartOf"] == failed["TaskId"]
    before, now = steps_of(server, failed["TaskId"]), steps_of(server, again)
    assert now["a"]["Tasks"] == before["a"]["Tasks"]
    assert now["b"]["Tasks"] != before["b"]["Tasks"]
    assert server.request("POST", f"/tasks/{again}/restart?from=failed").status == 409
    whole = server.request("POST", f"/tasks/{again}/restart").json["TaskId"]
    server.await_status(whole, "Completed")
    assert steps_of(server, whole)["a"]["Tasks"] != now["a"]["Tasks"]


@pytest.mark.case("K4")
def test_a_cancel_reaches_what_runs(own: Server, tmp_path: Path) -> None:
    never = str(tmp_path / "never")
    task = chain(
        own,
        {
            "a": give(1),
            "b": {**give(2, gate=never), "needs": ["a"]},
            "c": {**give(3, gate=never), "needs": ["a"], "for_each": [1, 2]},
            "d": {**give(4), "needs": ["b", "c"]},
        },
        **{"finally": {"z": give(5)}},
    )["TaskId"]
    for step in ("b", "c"):
        await_running(own, task, step)
    assert own.request("POST", f"/tasks/{task}/cancel").status == 202
    own.await_status(task, "Canceled")
    assert states(own, task) == {
        "a": "Completed", "b": "Canceled", "c": "Canceled", "d": "Unreached", "z": "Completed"
    }  # fmt: skip
    assert own.task_processes() == []


@pytest.mark.case("K4")
def test_a_cancel_while_the_queue_is_full(tmp_path: Path) -> None:
    """What could not be made yet never is."""
    folder = _workers(tmp_path / "workers.d")
    limits = {"TASKY_MAX_TASKS": "1", "TASKY_MAX_QUEUED": "1"}
    with serving(folder, tmp_path / "state", **limits) as server:
        step = {**give(1, gate=str(tmp_path / "never")), "for_each": [1, 2, 3, 4]}
        task = chain(server, {"a": step})["TaskId"]
        wait_for(lambda: len(steps_of(server, task)["a"]["Tasks"]) == 2, "the others have no place")
        assert server.request("POST", f"/tasks/{task}/cancel").status == 202
        server.await_status(task, "Canceled")
        assert states(server, task) == {"a": "Canceled"}


def test_pause_and_resume_reach_what_runs(server: Server, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    task = chain(server, {"a": give(1, gate=str(gate)), "b": give(2)})["TaskId"]
    child = await_running(server, task, "a")
    assert server.request("POST", f"/tasks/{task}/pause").json["Status"] == "Paused"
    server.await_status(child, "Paused")
    gate.write_text("go")
    assert server.request("POST", f"/tasks/{task}/resume").json["Status"] == "Running"
    server.await_status(task, "Completed")


@pytest.mark.case("K4")
def test_a_time_out(server: Server, tmp_path: Path) -> None:
    never = str(tmp_path / "never")
    task = chain(
        server, {"a": give(1, gate=never)}, "?timeout=200ms", **{"finally": {"z": give(1)}}
    )["TaskId"]
    server.await_status(task, "Failed")
    assert server.get(f"/tasks/{task}")["Error"]["code"] == "timeout"
    assert states(server, task) == {"a": "Canceled", "z": "Completed"}


@pytest.mark.case("K1")
@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_it_goes_on_after_a_restart_of_the_server(own: Server, tmp_path: Path, how: str) -> None:
    """What has ended is not done again; what ran is, since its `retry` says so."""
    gate = tmp_path / "gate"
    again = {"retry": {"attempts": 2, "on": ["lost"]}}
    task = chain(
        own,
        {
            "a": give("once"),
            "b": {**give({"$": "steps.a.output"}, gate=str(gate)), **again},
            "c": give(3),
        },
        output={"$": "[steps.a.output, steps.b.output]"},
    )["TaskId"]
    await_running(own, task, "b")
    before = steps_of(own, task)["a"]["Tasks"]
    own.kill() if how == "killed" else own.stop()
    own.start()
    await_running(own, task, "b")
    gate.write_text("go")
    own.await_status(task, "Completed")
    assert own.get(f"/tasks/{task}")["Output"] == ["once", "once"]
    now = steps_of(own, task)
    assert now["a"]["Tasks"] == before
    assert [one["Status"] for one in now["b"]["Tasks"]] == ["Failed", "Completed"]


@pytest.mark.case("K2")
def test_a_pause_outlives_a_death_of_the_server(own: Server, tmp_path: Path) -> None:
    """What waited in the queue is frozen as soon as it starts, and what was lost is not done again while it lasts."""
    gate = tmp_path / "gate"
    write_worker(own.workers, "single", GIVE, params=PARAMS, max_tasks=1)
    wait_for(lambda: own.request("GET", "/workers/single").status == 200, "it is loaded")
    step = {
        "worker": "single",
        "params": {"give": {"$": "item"}, "gate": str(gate)},
        "for_each": [1, 2],
        "retry": {"attempts": 2, "on": ["lost"]},
    }
    task = chain(own, {"a": step})["TaskId"]
    await_running(own, task, "a")
    assert own.request("POST", f"/tasks/{task}/pause").json["Status"] == "Paused"
    own.kill()
    own.start()
    second = steps_of(own, task)["a"]["Tasks"][1]["TaskId"]
    own.await_status(second, "Paused")
    assert own.status(task) == "Paused"
    parts = [(one["Item"], one["Status"]) for one in steps_of(own, task)["a"]["Tasks"]]
    assert parts == [(0, "Failed"), (1, "Paused")]
    gate.write_text("go")
    own.request("POST", f"/tasks/{task}/resume")
    own.await_status(task, "Completed")
    assert own.get(f"/tasks/{task}")["Output"] == [1, 2]


@pytest.mark.case("K2")
def test_a_cancel_outlives_a_death_of_the_server(own: Server, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    task = chain(
        own,
        {"a": give(1, gate=str(tmp_path / "never")), "b": give(2)},
        **{"finally": {"z": {**give(3, gate=str(gate)), "retry": {"attempts": 2, "on": ["lost"]}}}},
    )["TaskId"]
    await_running(own, task, "a")
    own.request("POST", f"/tasks/{task}/cancel")
    await_running(own, task, "z")
    own.kill()
    own.start()
    await_running(own, task, "z")
    gate.write_text("go")
    own.await_status(task, "Canceled")
    assert states(own, task) == {"a": "Canceled", "b": "Unreached", "z": "Completed"}


@pytest.mark.case("K5")
def test_a_step_whose_worker_takes_no_tasks(own: Server) -> None:
    assert own.request("POST", "/workers/give/disable").status == 200
    ended = chain(own, {"a": give(1)}, "?wait=30s")
    assert ended["Error"]["message"].startswith(
        "the step a failed: it cannot be made: the worker give is dis"
    )


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, {"/chain"}),
        ({"chain": {"a": {"worker": "gone"}}}, {"/chain/a/worker"}),
        ({"chain": {"a": {"worker": "give", "params": {"giv": 1}}}}, {"/chain/a/params/giv"}),
        ({"chain": {"a": {"worker": "give", "params": {"gate": 1}}}}, {"/chain/a/params/gate"}),
        ({"chain": {"a": {"worker": "give", "when": {"$": "params.x"}}}}, {"/chain/a/when/$"}),
        ({"chain": {"a": {"worker": "give"}}, "steps": 1, "params": 1}, {"/steps", "/params"}),
    ],
)
@pytest.mark.case("K10")
def test_mistakes_have_their_places(server: Server, body: Any, pointers: set[str]) -> None:
    answer = server.request("POST", "/chains", body)
    assert answer.status == 422, answer.body
    assert {error["pointer"] for error in answer.json["errors"]} == pointers


def test_delete_takes_all_of_it(server: Server) -> None:
    task = chain(server, {"a": give(1), "b": give(2)}, "?wait=30s")["TaskId"]
    children = [one["TaskId"] for step in steps_of(server, task).values() for one in step["Tasks"]]
    assert server.request("DELETE", f"/tasks/{task}").status == 204
    assert [server.request("GET", f"/tasks/{child}").status for child in children] == [404, 404]


@pytest.mark.case("K7")
def test_a_part_of_a_chain_that_runs_cannot_be_deleted(server: Server, tmp_path: Path) -> None:
    task = chain(server, {"a": give(1), "b": give(2, gate=str(tmp_path / "never"))})["TaskId"]
    await_running(server, task, "b")
    (child,) = steps_of(server, task)["a"]["Tasks"]
    answer = server.request("DELETE", f"/tasks/{child['TaskId']}")
    assert answer.status == 409
    assert "has not ended" in answer.json["detail"]
    server.request("POST", f"/tasks/{task}/cancel")
    server.await_status(task, "Canceled")


def test_events_tell_the_steps(server: Server, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    task = chain(server, {"a": give(1, gate=str(gate)), "b": give(2)})["TaskId"]
    await_running(server, task, "a")
    gate.write_text("go")
    text = server.request("GET", f"/tasks/{task}/events", Accept="text/event-stream").body.decode()
    assert "event: step" in text
    assert '"Name":"b"' in text
    assert text.rstrip().splitlines()[-1].startswith("data: ")
