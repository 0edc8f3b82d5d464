"""POST /workers/{name}: the answers, and every option."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.helpers import PATIENCE, wait_for
from tests.web.api import ROOT, Api, standard


def wrong(api: Api, query: str) -> list[str]:
    """The options that a submission is refused for, as 422."""
    answer = api.post(f"/workers/echo?{query}", {"text": "x"})
    assert answer.status_int == 422, answer
    assert answer.json["detail"].startswith(answer.json["errors"][0]["detail"])
    return [error["parameter"] for error in answer.json["errors"]]


class TestAnswer:
    def test_created(self, api: Api) -> None:
        answer = api.post("/workers/Echo", {"text": "hi"})
        assert answer.status_int == 201
        assert list(answer.json) == ["TaskId"]
        task_id = answer.json["TaskId"]
        assert re.fullmatch("[0-9a-f]{32}", task_id)
        assert answer.headers["Location"] == f"{ROOT}/tasks/{task_id}"
        assert api.get(f"/tasks/{task_id}").json["Params"] == {"text": "hi", "times": 1}

    @pytest.mark.case("H9")
    def test_an_empty_body_is_no_parameters(self, api: Api) -> None:
        for content_type in (None, "", "application/json"):
            answer = api.ask("POST", "/workers/fail", b"", content_type)
            assert answer.status_int == 201

    def test_wait_gives_the_result(self, api: Api) -> None:
        answer = api.post(f"/workers/echo?wait={PATIENCE}s", {"text": "é", "times": 2})
        assert answer.status_int == 200
        document = answer.json
        assert list(document) == ["TaskId", "Status", "Output"]
        assert document["Status"] == "Completed"
        assert document["Output"]["params"] == {"text": "é", "times": 2}
        assert answer.headers["Location"] == f"{ROOT}/tasks/{document['TaskId']}"
        assert api.get(f"/tasks/{document['TaskId']}/result").body == answer.body

    def test_wait_gives_the_error_of_a_task_that_fails(self, api: Api) -> None:
        answer = api.post(f"/workers/fail?wait={PATIENCE}s")
        assert answer.status_int == 200
        assert answer.json["Status"] == "Failed"
        error = {"code": "exit", "message": "exit status 3: no space left", "exit_code": 3}
        assert answer.json["Error"] == error
        assert "Output" not in answer.json

    def test_when_the_time_is_up(self, api: Api) -> None:
        for wait in ("0", "0s", "1ns", "5ms"):
            answer = api.post(f"/workers/hold?wait={wait}")
            assert answer.status_int == 202
            task_id = answer.json["TaskId"]
            assert answer.json == {"TaskId": task_id, "Status": "Running"}
            assert answer.headers["Location"] == f"{ROOT}/tasks/{task_id}"

    def test_every_violation_at_once_with_its_pointer(self, api: Api) -> None:
        answer = api.post("/workers/echo", {"times": 0, "txt": "x"})
        assert answer.status_int == 422
        errors = {error["pointer"] for error in answer.json["errors"]}
        assert errors == {"/text", "/times", "/txt"}
        assert api.get("/tasks").json == {"Tasks": []}


class TestWaiting:
    def test_those_who_wait_leave_threads_for_the_others(self, tmp_path: Path) -> None:
        """With room for one who waits, the next one is answered at once, and its task runs all the same."""
        api = standard(tmp_path).serve(max_waiting=1)
        try:
            with ThreadPoolExecutor(1) as pool:
                waits = pool.submit(api.post, "/workers/hold?wait=1h")
                wait_for(lambda: api.get("/workers/hold").json["running"], "the first one runs")
                second = api.post("/workers/hold?wait=1h")
                assert second.status_int == 202
                assert second.json["Status"] == "Running"
                (_, first) = api.get("/tasks").json["Tasks"]
                api.post(f"/tasks/{first['TaskId']}/cancel")
                assert waits.result(PATIENCE).json["Status"] == "Canceled"
            # The place is free again.
            assert api.post(f"/workers/echo?wait={PATIENCE}s", {"text": "a"}).status_int == 200
        finally:
            api.stop()

    def test_a_submission_that_fails_gives_its_place_back(self, tmp_path: Path) -> None:
        api = standard(tmp_path).serve(max_waiting=1)
        try:
            for _ in range(3):
                assert api.post("/workers/echo?wait=1s", {}).status_int == 422
            assert api.post(f"/workers/echo?wait={PATIENCE}s", {"text": "a"}).status_int == 200
        finally:
            api.stop()


class TestOptions:
    def test_all_of_them(self, api: Api) -> None:
        query = (
            "wait=1ms&timeout=1h30m&priority=-10&label=team:ops&label=url:http%3A%2F%2Fx%3A1"
            "&at=2100-01-31T08:00:00.123456789%2B02:00"
        )
        task_id = api.submit("hold", query=f"?{query}")
        task = api.get(f"/tasks/{task_id}").json
        assert task["Status"] == "Queued"
        assert task["Timeout"] == "1h30m0s"
        assert task["Priority"] == -10
        assert task["Labels"] == {"team": "ops", "url": "http://x:1"}
        assert task["NotBefore"] == "2100-01-31T06:00:00.123456Z"

    def test_timeout_ends_the_task(self, api: Api) -> None:
        answer = api.post(f"/workers/hold?timeout=10ms&wait={PATIENCE}s")
        assert answer.json["Error"]["code"] == "timeout"

    def test_a_time_that_has_passed_is_now(self, api: Api) -> None:
        answer = api.post(f"/workers/echo?at=1999-12-31T23:59:59Z&wait={PATIENCE}s", {"text": ""})
        assert answer.json["Status"] == "Completed"

    def test_everything_wrong_is_said_at_once(self, api: Api) -> None:
        query = "wait=x&timeout=0&priority=11&label=x&at=now&prority=1&wait=2s"
        assert wrong(api, query) == ["wait", "timeout", "priority", "label", "at", "prority"]

    @pytest.mark.parametrize(
        "query",
        [
            *(f"wait={value}" for value in ("", "1", "-1s", "1x", "61m", "9999999h", "nan", "1s1")),
            *(f"timeout={value}" for value in ("", "0", "-1s", "3651d", "1e3s", "%00")),
            *(f"priority={value}" for value in ("", "11", "-11", "1.0", "x", "1" * 5000, "%D9%A1")),
            *(f"label={value}" for value in ("", "x", ":", ":x", "a:%00", "a:%0a", "%1b:x")),
            f"label={'k' * 65}:v",
            f"label=k:{'v' * 201}",
            "label=a:1&label=a:2",
            "&".join(f"label=k{number}:v" for number in range(33)),
            *(f"at={value}" for value in ("", "now", "2100-01-01", "2100-01-01T00:00:00")),
            *(f"at={value}T00:00:00Z" for value in ("2100-02-30", "1969-12-31", "2262-04-12")),
            *(f"at=2100-01-01T{value}" for value in ("25:00:00Z", "00:00:60Z", "00:00:00,5Z")),
            "at=2100-01-01T00:00:00%2B25:00",
            "at=0000-01-01T00:00:00Z",
            "wait=1s&wait=1s",
            "Wait=1s",
            "=",
            "%00=1",
        ],
    )
    def test_what_is_refused(self, shared: Api, query: str) -> None:
        name = query.partition("=")[0].replace("%00", "\0")
        assert set(wrong(shared, query)) == {name}
        assert shared.get("/tasks").json == {"Tasks": []}

    @pytest.mark.parametrize("query", ["a=%ff", "label=%ff:x", "&".join(["a=b"] * 101)])
    def test_a_query_that_is_no_query(self, shared: Api, query: str) -> None:
        assert shared.post(f"/workers/echo?{query}", {"text": "x"}).status_int == 400

    @pytest.mark.case("H17")
    def test_labels_may_be_anything_that_can_be_read(self, api: Api) -> None:
        for number, text in enumerate(["a:", "grüße:🙂 ÄÖ", "e\u0301:x", "a:b:c", f"{'k' * 64}:v"]):
            task_id = api.submit("fail", query=f"?label={quote(text)}")
            key, _, value = text.partition(":")
            labels = api.get(f"/tasks/{task_id}").json["Labels"]
            assert labels == {key.replace("e\u0301", "é"): value}
            found = api.get(f"/tasks?label={quote(text)}").json["Tasks"]
            assert [task["TaskId"] for task in found] == [task_id], number

    def test_a_plus_that_was_not_encoded(self, api: Api) -> None:
        task_id = api.submit("hold", query="?at=2100-01-31T08:00:00+02:00")
        assert api.get(f"/tasks/{task_id}").json["NotBefore"] == "2100-01-31T06:00:00.000000Z"


class TestIdempotency:
    def test_the_first_task_answers(self, api: Api) -> None:
        first = api.post("/workers/echo", {"text": "a"}, idempotency_key="k 1")
        again = api.post("/workers/echo", {"text": "a"}, idempotency_key="k 1")
        assert (first.status_int, again.status_int) == (201, 200)
        assert first.body == again.body
        assert first.headers["Location"] == again.headers["Location"]
        assert len(api.get("/tasks").json["Tasks"]) == 1

    def test_with_wait_the_repeat_gets_the_result(self, api: Api) -> None:
        path, key = f"/workers/echo?wait={PATIENCE}s", "key"
        first = api.post(path, {"text": "a"}, idempotency_key=key)
        again = api.post(path, {"text": "a"}, idempotency_key=key)
        assert (first.status_int, again.status_int) == (200, 200)
        assert first.body == again.body

    def test_another_body(self, api: Api) -> None:
        api.post("/workers/echo", {"text": "a"}, idempotency_key="k")
        answer = api.post("/workers/echo", {"text": "b"}, idempotency_key="k")
        assert answer.status_int == 422
        assert "Idempotency-Key" in answer.json["Error"]

    @pytest.mark.parametrize("key", ["", "x" * 256, "a\x00b", "a\tb", "\x7f", "é", "a\r\nb"])
    @pytest.mark.case("H11")
    def test_keys_that_are_refused(self, shared: Api, key: str) -> None:
        answer = shared.post("/workers/echo", {"text": "a"}, idempotency_key=key)
        assert answer.status_int == 422
        assert answer.json["errors"][0]["parameter"] == "Idempotency-Key"

    def test_a_repeat_for_a_worker_that_is_disabled(self, api: Api) -> None:
        first = api.post("/workers/echo", {"text": "a"}, idempotency_key="k")
        api.post("/workers/echo/disable")
        assert api.post("/workers/echo", {"text": "a"}, idempotency_key="k").json == first.json
        for headers in ({}, {"idempotency_key": "new"}):
            answer = api.post("/workers/echo", {"text": "a"}, **headers)
            assert answer.status_int == 409

    def test_a_restart_may_have_one(self, api: Api) -> None:
        task_id = api.run("fail")
        first = api.post(f"/tasks/{task_id}/restart", idempotency_key="k")
        again = api.post(f"/tasks/{task_id}/restart", idempotency_key="k")
        assert (first.status_int, again.status_int) == (201, 200)
        assert first.json == again.json


class TestRefusals:
    @pytest.mark.case("H28")
    def test_a_full_queue(self, tmp_path: Path) -> None:
        api = standard(tmp_path).serve(max_tasks=1, max_queued=1)
        try:
            assert api.post("/workers/hold").status_int == 201
            assert api.post("/workers/hold").status_int == 201
            for query in ("", "?wait=1h"):
                answer = api.post(f"/workers/hold{query}")
                assert answer.status_int == 429
                assert int(answer.headers["Retry-After"]) > 0
        finally:
            api.stop()

    def test_a_server_that_shuts_down(self, api: Api) -> None:
        waiting = api.submit("hold", query="?at=2100-01-01T00:00:00Z")
        api.supervisor.drain()
        assert api.supervisor.join(PATIENCE)
        for path in ("/workers/fail", "/workers/fail?wait=1h", f"/tasks/{waiting}/cancel"):
            answer = api.post(path)
            assert answer.status_int == 503, path
            assert int(answer.headers["Retry-After"]) > 0
        assert api.get(f"/tasks/{waiting}/status").json["Status"] == "Queued"
