"""/tasks: the list, one task, its status and result, and acting on it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.helpers import wait_for
from tests.service.assembly import STUBBORN
from tests.web.api import MISSING, ROOT, Api

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
DURATION = re.compile(r"(\d+m)?\d+(\.\d+)?(s|ms|µs)")


class TestList:
    def test_newest_first_and_short(self, api: Api) -> None:
        assert api.get("/tasks/").json == {"Tasks": []}
        first = api.run("echo", {"text": "x"})
        second = api.run("fail")
        third = api.submit("hold")
        tasks = api.get("/tasks").json["Tasks"]
        assert [task["TaskId"] for task in tasks] == [third, second, first]
        hold, fail, echo = tasks
        assert set(hold) == {
            "TaskId", "Worker", "Status", "Created", "Started", "Priority", "Labels",
        }  # fmt: skip
        assert set(echo) == set(hold) | {"Finished", "Duration", "Seconds"}
        assert (echo["Worker"], echo["Status"]) == ("echo", "Completed")
        assert fail["Error"]["message"] == "exit status 3: no space left"
        for name in ("Created", "Started", "Finished"):
            assert TIME.fullmatch(echo[name])
        assert echo["Created"] <= echo["Started"] <= echo["Finished"]
        assert DURATION.fullmatch(echo["Duration"])
        assert 0 < echo["Seconds"] < 60

    def test_paging(self, api: Api) -> None:
        ids = [api.submit("hold", query="?at=2100-01-01T00:00:00Z") for _ in range(5)]
        pages, after = [], ""
        while True:
            page = api.get(f"/tasks?limit=2{after}").json
            pages.append([task["TaskId"] for task in page["Tasks"]])
            if "Next" not in page:
                break
            after = f"&after={page['Next']}"
        assert pages == [ids[:2:-1], ids[2:0:-1], ids[:1]]
        assert "Next" not in api.get("/tasks?limit=5").json
        assert api.get(f"/tasks?after={MISSING}").json == {"Tasks": []}

    def test_filters(self, api: Api) -> None:
        done = api.run("echo", {"text": "x"})
        failed = api.run("fail")
        running = api.submit("hold", query="?label=team:ops&label=env:prod")
        queued = api.submit("hold", query="?label=team:ops&at=2100-01-01T00:00:00Z")

        def ids(query: str) -> list[str]:
            return [task["TaskId"] for task in api.get(f"/tasks?{query}").json["Tasks"]]

        assert ids("status=Completed") == [done]
        assert ids("status=Started") == ids("status=queued") == [queued]
        assert ids("status=Running,Failed") == ids("status=Failed&status=Running")
        assert ids("status=Running,Failed") == [running, failed]
        assert ids("worker=HOLD") == [queued, running]
        assert ids("worker=hold&status=Running") == [running]
        assert ids("label=team:ops") == [queued, running]
        assert ids("label=team:ops&label=env:prod") == [running]
        assert ids("label=team:ops&worker=hold&status=Queued&limit=1") == [queued]
        assert ids("label=team:dev") == ids("worker=gone") == []

    def test_everything_wrong_is_said_at_once(self, shared: Api) -> None:
        query = "status=Done&worker=../x&label=x&limit=1001&after=x&offset=3"
        answer = shared.get(f"/tasks?{query}")
        assert answer.status_int == 422
        errors = answer.json["errors"]
        names = ["status", "worker", "label", "limit", "after", "offset"]
        assert [error["parameter"] for error in errors] == names
        assert "Queued, Running, Paused" in errors[0]["detail"]

    @pytest.mark.parametrize(
        "query",
        [
            *(f"limit={value}" for value in ("", "0", "-1", "1e9", "abc", "1001", "9" * 30, "1.0")),
            *(f"after={value}" for value in ("", "0" * 31, "F" * 32, "'", "0" * 32 + "%0a")),
            *(f"status={value}" for value in ("", ",", "Running,", "Lost", "%00")),
            *(f"worker={value}" for value in ("", "a b", "x" * 65, "%00")),
            "limit=1&limit=2",
        ],
    )
    @pytest.mark.case("H18")
    def test_what_is_refused(self, shared: Api, query: str) -> None:
        assert shared.get(f"/tasks?{query}").status_int == 422


class TestOne:
    def test_everything_but_the_log(self, api: Api) -> None:
        query = "?timeout=1m&priority=2&label=a:b"
        task_id = api.submit("echo", {"text": "x", "times": 3}, query)
        api.reach(task_id, "Completed")
        answer = api.get(f"/tasks/{task_id}/")
        task = answer.json
        assert set(task) == {
            "TaskId", "Worker", "Status", "Duration", "Seconds", "Created", "Started", "Finished",
            "Priority", "Labels", "Timeout", "Params", "Attempts", "Artifacts", "Output",
        }  # fmt: skip
        assert task["Params"] == {"text": "x", "times": 3}
        assert (task["Priority"], task["Labels"], task["Timeout"]) == (2, {"a": "b"}, "1m0s")
        assert task["Output"]["worker"] == "echo"
        (attempt,) = task["Attempts"]
        assert set(attempt) == {"Number", "Started", "Finished", "ExitCode"}
        assert (attempt["Number"], attempt["ExitCode"]) == (1, 0)
        assert attempt["Finished"] == task["Finished"]

    def test_a_failed_one(self, api: Api) -> None:
        task = api.get(f"/tasks/{api.run('fail')}").json
        assert task["Status"] == "Failed"
        assert task["Error"]["exit_code"] == 3
        assert task["Attempts"][0]["ExitCode"] == 3
        assert task["Attempts"][0]["Error"] == task["Error"]
        assert "Output" not in task

    def test_one_that_was_killed(self, api: Api) -> None:
        api.add("killed", "kill -9 $$")
        api.reload()
        task = api.get(f"/tasks/{api.run('killed')}").json
        assert task["Error"]["code"] == "signal"
        assert task["Attempts"][0]["Signal"] == "SIGKILL"

    def test_several_attempts(self, api: Api) -> None:
        api.add("flaky", "[ $TASKY_ATTEMPT = 2 ] || exit 7", protocol="text", retry={"attempts": 2})
        api.reload()
        task = api.get(f"/tasks/{api.run('flaky')}").json
        assert task["Status"] == "Completed"
        assert "Error" not in task
        first, second = task["Attempts"]
        assert set(first) == {"Number", "Started", "Finished", "ExitCode", "Error"}
        error = {"code": "exit", "message": "exit status 7", "exit_code": 7}
        assert (first["Number"], first["ExitCode"], first["Error"]) == (1, 7, error)
        assert set(second) == {"Number", "Started", "Finished", "ExitCode"}
        assert (second["Number"], second["ExitCode"]) == (2, 0)
        assert task["Started"] == first["Started"] <= first["Finished"] <= second["Started"]
        assert task["Finished"] == second["Finished"]

    def test_one_that_waits_for_another_attempt(self, api: Api) -> None:
        api.add("broken", "exit 7", protocol="text", retry={"attempts": 2, "delay": "1h"})
        api.reload()
        task_id = api.submit("broken")
        api.reach(task_id, "Queued")
        task = api.get(f"/tasks/{task_id}").json
        assert "Finished" not in task
        assert "Duration" not in task
        assert "Error" not in task
        assert [attempt["ExitCode"] for attempt in task["Attempts"]] == [7]
        assert task["NotBefore"] > task["Attempts"][0]["Finished"]
        assert (
            api.get(
                f"/tasks/{task_id}/result",
            ).status_int
            == 409
        )
        cancel = api.post(f"/tasks/{task_id}/cancel")
        assert (cancel.status_int, cancel.json["Status"]) == (202, "Canceled")

    def test_progress(self, api: Api) -> None:
        message = '{"type":"progress","percent":42.5,"message":"half"}'
        api.add("working", f"echo '{message}'; exec sleep 600")
        api.reload()
        task_id = api.submit("working")
        wait_for(lambda: "Progress" in api.get(f"/tasks/{task_id}/status").json, "progress")
        progress = {"Percent": 42.5, "Message": "half"}
        status = api.get(f"/tasks/{task_id}/status").json
        assert status == {"TaskId": task_id, "Status": "Running", "Progress": progress}
        assert api.get(f"/tasks/{task_id}").json["Progress"] == progress
        assert api.get("/tasks").json["Tasks"][0]["Progress"] == progress

    def test_status_of_a_finished_one(self, api: Api) -> None:
        task_id = api.run("echo", {"text": "x"})
        status = api.get(f"/tasks/{task_id}/status").json
        assert list(status) == ["TaskId", "Status", "Duration", "Seconds"]

    def test_a_list_stays_short_whatever_the_error(self, api: Api) -> None:
        long, much = "m" * 5000, {"much": "d" * 5000}
        message = json.dumps({"type": "error", "message": long, "details": much})
        (api.workers / "message").write_text(message + "\n")
        api.add("big", f"cat {api.workers}/message")
        api.reload()
        task_id = api.run("big")
        (task,) = api.get("/tasks").json["Tasks"]
        assert task["Error"] == {"code": "worker", "message": "m" * 300 + "…"}
        error = api.get(f"/tasks/{task_id}/result").json["Error"]
        assert (error["message"], error["details"]) == (long, much)


class TestResult:
    def test_of_a_completed_task(self, api: Api) -> None:
        api.add("quiet", "true")
        api.reload()
        task_id = api.run("quiet")
        assert api.get(f"/tasks/{task_id}/result").json == {
            "TaskId": task_id,
            "Status": "Completed",
            "Output": None,
        }

    def test_of_plain_text(self, api: Api) -> None:
        api.add("says", "echo one; echo two")
        api.reload()
        result = api.get(f"/tasks/{api.run('says')}/result").json
        assert result["Output"]["string_output"].splitlines() == ["one", "two"]

    def test_of_a_failed_task_the_result_is_kept(self, api: Api) -> None:
        api.add("both", 'echo \'{"type":"result","output":[1,2]}\'; exit 1')
        api.reload()
        result = api.get(f"/tasks/{api.run('both')}/result")
        assert result.status_int == 200
        assert result.json["Output"] == [1, 2]
        assert result.json["Error"]["code"] == "exit"

    def test_of_one_that_is_not_finished(self, api: Api) -> None:
        task_id = api.submit("hold")
        answer = api.get(f"/tasks/{task_id}/result")
        assert answer.status_int == 409
        assert (answer.json["TaskId"], answer.json["Status"]) == (task_id, "Running")
        assert answer.json["Error"] == "the task is Running: it has no result yet"

    @pytest.mark.parametrize(
        "output", ['"\\ud800"', '"\\u0000"', '"é\\u2028</script>"', "1e400", "123456789012345678901234567890", "[[]]"]
    )  # fmt: skip
    def test_whatever_it_is(self, shared: Api, output: str) -> None:
        (shared.workers / "message").write_text(f'{{"type":"result","output":{output}}}\n')
        shared.add("any", f"cat {shared.workers}/message")
        shared.reload()
        task_id = shared.run("any")
        answer = shared.get(f"/tasks/{task_id}/result")
        assert answer.json["Status"] == "Completed"
        assert "Output" in answer.json
        assert shared.get(f"/tasks/{task_id}").json["Output"] == answer.json["Output"]


class TestActions:
    def test_pause_resume_cancel(self, api: Api) -> None:
        task_id = api.submit("hold")
        api.await_log(task_id, "ready")
        paused = api.post(f"/tasks/{task_id}/pause")
        assert (paused.status_int, paused.json) == (200, {"TaskId": task_id, "Status": "Paused"})
        resumed = api.post(f"/tasks/{task_id}/resume/", {})
        assert (resumed.status_int, resumed.json["Status"]) == (200, "Running")
        canceled = api.post(f"/tasks/{task_id}/cancel")
        assert (canceled.status_int, canceled.json["Status"]) == (202, "Canceling")
        api.reach(task_id, "Canceled")
        for verb, participle in [
            ("cancel", "canceled"),
            ("pause", "paused"),
            ("resume", "resumed"),
        ]:
            answer = api.post(f"/tasks/{task_id}/{verb}")
            assert answer.status_int == 409
            assert (answer.json["TaskId"], answer.json["Status"]) == (task_id, "Canceled")
            assert answer.json["Error"] == f"a task that is Canceled cannot be {participle}"

    def test_cancel_of_a_queued_task(self, api: Api) -> None:
        task_id = api.submit("hold", query="?at=2100-01-01T00:00:00Z")
        answer = api.post(f"/tasks/{task_id}/cancel?grace=1s")
        assert (answer.status_int, answer.json["Status"]) == (202, "Canceled")
        result = api.get(f"/tasks/{task_id}/result")
        assert result.json == {"TaskId": task_id, "Status": "Canceled"}
        task = api.get(f"/tasks/{task_id}").json
        assert task["Attempts"] == []
        assert "Started" not in task

    def test_a_grace_that_is_shortened(self, api: Api) -> None:
        api.add("stubborn", STUBBORN, kill_grace="1h")
        api.reload()
        task_id = api.submit("stubborn")
        api.await_log(task_id, "ready")
        assert api.post(f"/tasks/{task_id}/cancel").json["Status"] == "Canceling"
        assert api.post(f"/tasks/{task_id}/cancel?grace=0s").status_int == 202
        api.reach(task_id, "Canceled")

    @pytest.mark.parametrize("grace", ["", "x", "-1s", "1", "1s&grace=2s"])
    def test_a_grace_that_is_none(self, shared: Api, grace: str) -> None:
        answer = shared.post(f"/tasks/{MISSING}/cancel?grace={grace}")
        assert answer.status_int == 422
        assert answer.json["errors"][0]["parameter"] == "grace"

    def test_restart(self, api: Api) -> None:
        first = api.submit("echo", {"text": "x"}, "?priority=5&label=a:b")
        answer = api.post(f"/tasks/{first}/restart")
        assert answer.status_int == 201
        task_id = answer.json["TaskId"]
        assert answer.headers["Location"] == f"{ROOT}/tasks/{task_id}"
        api.reach(task_id, "Completed")
        task = api.get(f"/tasks/{task_id}").json
        assert task["RestartOf"] == first
        assert task["Output"]["params"] == {"text": "x", "times": 1}
        assert (task["Priority"], task["Labels"]) == (5, {"a": "b"})

    def test_delete(self, api: Api) -> None:
        api.add("says", "echo one")
        api.reload()
        task_id = api.run("says")
        folder = Path(api.store.folders.name(task_id))
        assert (folder / "log").exists()
        answer = api.ask("DELETE", f"/tasks/{task_id}")
        assert (answer.status_int, answer.body) == (204, b"")
        assert "Content-Type" not in answer.headers
        for path in ("", "/status", "/result", "/log", "/files"):
            assert api.get(f"/tasks/{task_id}{path}").status_int == 404
        assert api.ask("DELETE", f"/tasks/{task_id}").status_int == 404
        wait_for(lambda: not folder.exists(), "its files are gone")

    def test_delete_of_one_that_is_not_finished(self, api: Api) -> None:
        task_id = api.submit("hold")
        answer = api.ask("DELETE", f"/tasks/{task_id}/")
        assert answer.status_int == 409
        assert answer.json["Status"] == "Running"
        assert api.get(f"/tasks/{task_id}/status").json["Status"] == "Running"
