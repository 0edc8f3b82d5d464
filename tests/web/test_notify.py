"""The option `notify` of a submission."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasky.model.notify import AllowedHosts, End, Hook
from tests.web.api import Api, standard

HOOK = "https://hooks.example.org/x"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    api = standard(tmp_path).serve()
    api.service._hook_hosts = AllowedHosts(["hooks.example.org"])  # type: ignore[misc]
    yield api
    api.stop()


def hooks(api: Api, task_id: str) -> tuple[Hook, ...]:
    return api.store.reader.hooks(task_id)


def test_several_of_them(api: Api) -> None:
    query = f"?notify={HOOK}&notify=failed,canceled:{HOOK}%3Fa%3Db&notify={HOOK}"
    task_id = api.submit("hold", query=query)
    assert hooks(api, task_id) == (
        Hook(HOOK),
        Hook(f"{HOOK}?a=b", frozenset({End.FAILED, End.CANCELED})),
    )
    assert "Notifications" not in api.get(f"/tasks/{task_id}").json


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/", "http://127.0.0.1:8888/", "http://[::1]/", "http://169.254.169.254/latest",
        "http://10.0.0.1/", "http://localhost/", "https://hooks.example.org.evil.example/",
        "https://xhooks.example.org/", "completed:http://192.168.0.1/",
    ],
)  # fmt: skip
def test_a_host_that_is_not_allowed(api: Api, url: str) -> None:
    answer = api.post(f"/workers/hold?notify={HOOK}&notify={url}")
    assert answer.status_int == 403
    assert "sends no notifications to" in answer.json["detail"]
    assert api.get("/tasks/").json == {"Tasks": []}


@pytest.mark.parametrize(
    "url",
    ["ftp://hooks.example.org/", "https://a:b@hooks.example.org/", "http://2130706433/", "http://0x7f.1/",
     "https://hooks.example.org@127.0.0.1/", "https://hooks.example.org%23@127.0.0.1/",
     "https://hooks.example.org%5C@127.0.0.1/", "https://hooks.example.org/%0d%0aX:%20y", "lost:https://hooks.example.org",
     "", "failed:"],
)  # fmt: skip
def test_what_is_no_hook(api: Api, url: str) -> None:
    answer = api.post(f"/workers/hold?notify={url}")
    assert answer.status_int == 422
    (error,) = answer.json["errors"]
    assert error["parameter"] == "notify"
    assert api.get("/tasks/").json == {"Tasks": []}


def test_no_more_than_32(api: Api) -> None:
    query = "&".join(f"notify={HOOK}{number}" for number in range(33))
    assert api.post(f"/workers/hold?{query}").status_int == 422


def test_by_default_nothing_is_allowed(tmp_path: Path) -> None:
    api = standard(tmp_path).serve()
    try:
        assert api.post(f"/workers/hold?notify={HOOK}").status_int == 403
    finally:
        api.stop()
