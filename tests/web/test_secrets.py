"""A secret parameter's value is in no answer: not where it was given, not where the worker repeats it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import PATIENCE
from tests.web.api import Api

SECRET = "correct-horse-battery"
DEFAULT = "default-staple-value"
LEAK = r"""
read -r line
echo "plain $line"
echo "err $line" >&2
secret=$(echo "$line" | sed 's/.*"password":"\([^"]*\)".*/\1/')
echo "{\"type\":\"log\",\"level\":\"info\",\"message\":\"log $secret\",\"field\":\"$secret\"}"
echo "{\"type\":\"progress\",\"percent\":1,\"message\":\"progress $secret\"}"
echo "{\"type\":\"result\",\"output\":{\"a\":[\"$secret\",\"x $secret x\"]}}"
"""
PARAMS: dict[str, Any] = {
    "user": {"type": "string"},
    "password": {"type": "string", "minLength": 8, "secret": True},
    "token": {"type": "string", "secret": True, "default": DEFAULT},
}
GIVEN = {"user": "ann", "password": SECRET}


@pytest.fixture
def leaky(api: Api) -> Api:
    api.add("leaks", LEAK, params=PARAMS)
    api.add("fails", f'{LEAK}\necho "last $secret" >&2; exit 1', params=PARAMS)
    api.add(
        "errs",
        f'{LEAK}\necho "{{\\"type\\":\\"error\\",\\"message\\":\\"no $secret\\",\\"details\\":\\"$secret\\"}}"',
        params=PARAMS,
    )
    api.reload()
    return api


def everything(api: Api, worker: str, task_id: str) -> str:
    paths = ["/workers", f"/workers/{worker}", "/tasks"]
    paths += [f"/tasks/{task_id}{part}" for part in ("", "/status", "/result", "/log", "/files")]
    texts = [api.get(path).text for path in paths]
    texts.append(api.get(f"/tasks/{task_id}/log", accept="application/jsonl").text)
    return "\n".join(texts)


@pytest.mark.parametrize("worker", ["leaks", "fails", "errs"])
def test_a_task_that_repeats_it_everywhere(leaky: Api, worker: str) -> None:
    answer = leaky.post(f"/workers/{worker}?wait={PATIENCE}s", GIVEN)
    assert answer.status_int == 200
    seen = answer.text + everything(leaky, worker, answer.json["TaskId"])
    assert "ann" in seen
    assert "******" in seen
    assert SECRET not in seen
    assert DEFAULT not in seen
    task = leaky.get(f"/tasks/{answer.json['TaskId']}").json
    assert task["Params"] == {"user": "ann", "password": "******", "token": "******"}
    # The worker did get it.
    assert leaky.service.task(answer.json["TaskId"]).params == {**GIVEN, "token": DEFAULT}


def test_a_secret_that_is_refused(leaky: Api) -> None:
    for params in (
        {"user": "ann", "password": "tiny!?"},
        {"user": "ann", "password": SECRET, "token": [SECRET]},
        {"user": 1, "password": {"x": SECRET}},
    ):
        answer = leaky.post("/workers/leaks", params)
        assert answer.status_int == 422
        assert SECRET not in answer.text
        assert "tiny!?" not in answer.text


def test_a_parameter_that_is_secret_only_by_now(leaky: Api) -> None:
    task_id = leaky.run("echo", {"text": SECRET})
    leaky.add("echo", "true", params={"text": {"type": "string", "secret": True}})
    leaky.reload()
    assert leaky.get(f"/tasks/{task_id}").json["Params"] == {"text": "******", "times": 1}


def test_a_parameter_that_was_secret_then(leaky: Api) -> None:
    task_id = leaky.run("leaks", GIVEN)
    open_now = {name: {"type": "string", "default": ""} for name in PARAMS}
    leaky.add("leaks", LEAK, params=open_now)
    leaky.reload()
    assert leaky.get(f"/tasks/{task_id}").json["Params"]["password"] == "******"
    (leaky.workers / "leaks.yaml").unlink()
    leaky.reload()
    assert SECRET not in leaky.get(f"/tasks/{task_id}").text


def test_a_restart_has_it_and_hides_it(leaky: Api) -> None:
    first = leaky.run("leaks", GIVEN)
    second = leaky.post(f"/tasks/{first}/restart").json["TaskId"]
    leaky.reach(second, "Completed")
    seen = everything(leaky, "leaks", second)
    assert SECRET not in seen
    assert leaky.service.task(second).params == {**GIVEN, "token": DEFAULT}


def test_the_schema_says_that_it_is_only_written(leaky: Api) -> None:
    schema = leaky.get("/workers/leaks").json["schema"]
    assert schema["properties"]["password"]["writeOnly"] is True
    assert "secret" not in schema["properties"]["password"]
    shown = {worker["name"]: worker for worker in leaky.get("/workers").json}
    assert shown["leaks"]["config_objects"] == {"user": "", "password": "", "token": ""}
