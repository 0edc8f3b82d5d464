"""Who did what: on the task, and as lines of the log. What one may see of it all."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.api import Api, standard
from tests.web.test_auth import bearer, make


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Api]:
    api = standard(tmp_path).serve(auth=True)
    try:
        yield api
    finally:
        api.stop()


def submit(api: Api, worker: str, token: str, query: str = "", **headers: str) -> str:
    answer = api.post(f"/workers/{worker}{query}", {"text": "x"} if worker == "echo" else {},
                      **bearer(token), **headers)  # fmt: skip
    assert answer.status_int in (200, 201, 202), answer
    return str(answer.json["TaskId"])


def test_what_is_kept_with_a_task(guarded: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tasky.audit")
    ci, ops = make(guarded, "ci", "run:hold"), make(guarded, "ops", "read", "cancel", "run:*")
    task = submit(guarded, "hold", ci)
    assert guarded.get(f"/tasks/{task}", **bearer(ci)).json["By"] == "ci"
    assert "Actions" not in guarded.get(f"/tasks/{task}", **bearer(ci)).json
    guarded.await_state(task, "Running")
    for action in ("pause", "resume", "cancel"):
        guarded.post(f"/tasks/{task}/{action}", **bearer(ops))
    guarded.await_state(task, "Canceled")
    assert guarded.post(f"/tasks/{task}/cancel", **bearer(ops)).status_int == 409
    again = guarded.post(f"/tasks/{task}/restart", **bearer(ops)).json["TaskId"]
    guarded.store.writer.sync()
    document = guarded.get(f"/tasks/{task}", **bearer(ops)).json
    found = [(action["By"], action["Action"]) for action in document["Actions"]]
    assert found == [("ops", "pause"), ("ops", "resume"), ("ops", "cancel"), ("ops", "restart")]
    assert document["Actions"][0]["Time"].endswith("Z")
    assert guarded.get(f"/tasks/{again}", **bearer(ops)).json["By"] == "ops"
    listed = guarded.get("/tasks", **bearer(ops)).json["Tasks"]
    assert [one["By"] for one in listed] == ["ops", "ci"]
    told = [line.removeprefix("audit: ") for line in caplog.messages]
    assert told[0] == (
        f"action=submit by=ci with=token address={_address(told[0])} task={task} worker=hold status=201"
    )
    assert (
        f"action=cancel by=ops with=token address={_address(told[0])} task={task} status=202"
        in told
    )
    assert (
        f"action=cancel by=ops with=token address={_address(told[0])} task={task} status=409"
        in told
    )


def _address(line: str) -> str:
    return line.partition("address=")[2].partition(" ")[0]


def test_what_is_logged_of_workers_and_tokens(
    guarded: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tasky.audit")
    admin = bearer(make(guarded, "ops", "admin"))
    guarded.post("/workers/echo/disable", **admin)
    guarded.post("/workers/echo/enable", **admin)
    guarded.post("/tokens", {"name": "ci", "scopes": ["read"]}, **admin)
    guarded.ask("DELETE", "/tokens/ci", **admin)
    guarded.post("/workers/echo/enable", **bearer(make(guarded, "reader", "read")))
    shown = [
        {key: value for key, _, value in (word.partition("=") for word in line.split()[1:])}
        for line in caplog.messages
    ]
    pairs = [(one["action"], one["by"], one["status"]) for one in shown]
    assert pairs == [
        ("disable", "ops", "200"),
        ("enable", "ops", "200"),
        ("create-token", "ops", "201"),
        ("revoke-token", "ops", "204"),
        ("enable", "reader", "403"),
    ]
    assert shown[0]["worker"] == "echo"
    assert shown[3]["token"] == "ci"


@pytest.mark.case("H11")
def test_what_a_client_sends_is_one_word_of_the_log(
    guarded: Api, caplog: pytest.LogCaptureFixture
) -> None:
    """A name with a line's end, a key with a quote: nothing of it makes a line or a field of its own."""
    caplog.set_level(logging.INFO, "tasky.audit")
    admin = bearer(make(guarded, "ops", "admin"))
    guarded.post("/workers/x%0aaudit:%20by=root%20a=%22/enable", **admin)
    (line,) = caplog.messages
    assert 'worker="x\\naudit: by=root a=\\""' in line
    assert "\n" not in line


@pytest.mark.case("H10", "H11")
def test_odd_ids_are_looked_up_by_nobody(guarded: Api) -> None:
    reader = bearer(make(guarded, "reader", "read:echo"))
    for odd in (
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "0" * 31 + "%D9%A0",
        "'%20OR%201=1--",
        "%ff",
        "x" * 5000,
    ):
        assert guarded.get(f"/tasks/{odd}", **reader).status_int == 404, odd
        assert guarded.post(f"/tasks/{odd}/cancel", **reader).status_int == 404, odd
        assert guarded.get(f"/workers/{odd}", **reader).status_int == 404, odd


@pytest.mark.case("H11")
def test_anothers_key_leads_to_no_task_of_his(guarded: Api) -> None:
    one, other = (make(guarded, name, "run:echo") for name in ("one", "other"))
    tasks = [
        submit(guarded, "echo", token, IDEMPOTENCY_KEY="k") for token in (one, other, one, other)
    ]
    assert tasks[:2] == tasks[2:]
    assert tasks[0] != tasks[1]


def test_not_too_many_actions_are_kept(guarded: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasky.store.tasks.MOST_ACTIONS", 3)
    ops = make(guarded, "ops", "admin")
    task = submit(guarded, "echo", ops, "?wait=30s")
    for _ in range(5):
        guarded.post(f"/tasks/{task}/restart", **bearer(ops))
    guarded.store.writer.sync()
    assert len(guarded.get(f"/tasks/{task}", **bearer(ops)).json["Actions"]) == 3


def test_what_is_deleted_leaves_nothing(guarded: Api) -> None:
    ops = make(guarded, "ops", "admin")
    task = submit(guarded, "echo", ops, "?wait=30s")
    guarded.post(f"/tasks/{task}/restart", **bearer(ops))
    assert guarded.ask("DELETE", f"/tasks/{task}", **bearer(ops)).status_int == 204

    def left(connection: Any) -> int:
        return sum(
            connection.execute(
                f"SELECT count(*) FROM {table} WHERE task_id = ?", (task,)
            ).fetchone()[0]
            for table in ("origins", "actions")
        )

    assert guarded.store.writer.call(left) == 0


# ---------------------------------------------------------------------- what is seen


def walk(api: Api, token: str, query: str = "") -> list[str]:
    """All pages."""
    found: list[str] = []
    after = ""
    while True:
        page = api.get(f"/tasks?limit=3{query}{after}", **bearer(token)).json
        found += [task["TaskId"] for task in page["Tasks"]]
        if "Next" not in page:
            return found
        assert len(page["Tasks"]) == 3
        after = f"&after={page['Next']}"


def test_lists_have_what_one_may_see(guarded: Api) -> None:
    tokens = {
        "admin": make(guarded, "admin", "admin"),
        "one": make(guarded, "one", "run:echo"),
        "two": make(guarded, "two", "run:*"),
        "echoes": make(guarded, "echoes", "read:echo", "run:fail"),
        "none": make(guarded, "none", "run:other"),
        "all": make(guarded, "all", "read"),
    }
    plan = [
        ("one", "echo"),
        ("two", "echo"),
        ("two", "fail"),
        ("echoes", "fail"),
        ("admin", "echo"),
    ]
    everything: list[tuple[str, str]] = []
    for number in range(20):
        by, worker = plan[number % len(plan)]
        label = f"&label=n:{number % 2}"
        everything.append(
            (submit(guarded, worker, tokens[by], f"?wait=30s{label}"), f"{by} {worker}")
        )
    everything.reverse()
    seen = {
        "admin": {"one echo", "two echo", "two fail", "echoes fail", "admin echo"},
        "all": {"one echo", "two echo", "two fail", "echoes fail", "admin echo"},
        "one": {"one echo"},
        "two": {"two echo", "two fail"},
        "echoes": {"one echo", "two echo", "admin echo", "echoes fail"},
        "none": set(),
    }
    for who, kinds in seen.items():
        mine = [task for task, kind in everything if kind in kinds]
        assert walk(guarded, tokens[who]) == mine, who
        failed = [task for task, kind in everything if kind in kinds and "fail" in kind]
        assert walk(guarded, tokens[who], "&status=Failed") == failed, who
        assert walk(guarded, tokens[who], "&worker=fail") == failed, who
        assert walk(guarded, tokens[who], "&status=Queued") == [], who
        half = [
            task for number, (task, kind) in enumerate(everything) if kind in kinds and number % 2
        ]
        assert walk(guarded, tokens[who], "&label=n:0") == half, who
    assert _workers(guarded, tokens["echoes"]) == ["echo", "fail"]
    assert _workers(guarded, tokens["one"]) == ["echo"]
    assert _workers(guarded, tokens["none"]) == []


def _workers(api: Api, token: str) -> list[str]:
    return [worker["name"] for worker in api.get("/workers", **bearer(token)).json]


def test_what_one_may_not_see_is_not_suggested(guarded: Api) -> None:
    """echo-2 fits the token's pattern, and the nearest worker that there is does not."""
    guarded.add("xecho-3", "true")
    guarded.reload()
    near = guarded.post("/workers/echo-3x", **bearer(make(guarded, "ops", "admin"))).json
    assert "did you mean xecho-3?" in near["detail"]
    far = guarded.post("/workers/echo-3x", **bearer(make(guarded, "ci", "run:echo-*")))
    assert far.status_int == 404
    assert "xecho" not in far.text


def test_many_workers_make_no_statement_too_long(
    guarded: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasky.store.paging._MOST_ARMS", 3)
    test_lists_have_what_one_may_see(guarded)


def test_how_the_server_is_strangers_hear_in_one_word(guarded: Api) -> None:
    assert guarded.get("//readyz").json == {"status": "ready"}
    assert guarded.get("//readyz", **bearer(make(guarded, "one", "run:echo"))).json == {
        "status": "ready"
    }
    assert "containment" in guarded.get("//readyz", **bearer(make(guarded, "all", "read"))).json
