"""What a real server counts: after tasks that ended in every way, over a restart, and while it is busy."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tasky.model.access import Scope
from tasky.model.task import FailureCode
from tasky.store import Tokens
from tests.helpers import Server, wait_for, write_definition
from tests.receiver import receiving
from tests.scrapes import OPENMETRICS, Scrape, scrape

PROMETHEUS = (
    f"{OPENMETRICS};version=1.0.0,{OPENMETRICS};version=0.0.1;q=0.75,text/plain;q=0.5,*/*;q=0.1"
)
#: By the name of the worker: what it does, the rest of its definition. Each but the first two is called as its end.
ENDS: dict[str, tuple[str, dict[str, object]]] = {
    "good": ("exit 0", {}),
    "long": ("exec sleep 600", {"max_tasks": 1}),
    "exit": ("exit 3", {}),
    "signal": ("kill -KILL $$", {}),
    "timeout": ("exec sleep 600", {"timeout": "50ms"}),
    "worker": ('echo \'{"type":"error","message":"no"}\'', {}),
    "output": ("head -c 100000 /dev/zero; sleep 600", {"limits": {"output": "1KiB"}}),
    "spawn": ("exit 0", {}),
    "retried": ("exit 3", {"retry": {"attempts": 3, "delay": "0s"}}),
}
FAILURES = ("exit", "signal", "timeout", "worker", "output", "spawn")


def add(folder: Path, name: str, script: str, **definition: object) -> None:
    program = folder / f"{name}.sh"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    write_definition(folder, name, command=[f"./{name}.sh"], **definition)


@pytest.fixture
def server(serve: Callable[..., Server], workers: Path) -> Server:
    for name, (script, definition) in ENDS.items():
        add(workers, name, script, **definition)
    server = serve()
    (workers / "spawn.sh").write_text("#!/nowhere/at/all\n")
    return server


def test_every_end_is_counted_once(server: Server) -> None:
    server.run("good")
    again = server.run("good")["TaskId"]
    assert server.request("POST", f"/tasks/{again}/restart", {}).status == 201
    for name in FAILURES:
        assert server.run(name)["Error"]["code"] == name
    assert server.run("retried")["Status"] == "Failed"
    running, waiting, paused = (server.submit("long") for _ in range(3))
    server.await_status(running, "Running")
    busy = scrape(server)
    assert busy.value("tasky_queued_tasks", worker="long") == busy.value("tasky_queue_length") == 2
    assert busy.value("tasky_live_tasks", worker="long", state="running") == 1
    assert busy.value("tasky_slots_taken") >= 1
    wait_for(lambda: scrape(server).value("tasky_trees") == 1, "it has a process")
    assert scrape(server).value("tasky_processes") == 1
    for task_id in (waiting, running):
        assert server.request("POST", f"/tasks/{task_id}/cancel").status in (200, 202)
    server.await_status(paused, "Running")
    wait_for(lambda: server.request("POST", f"/tasks/{paused}/pause").status == 200, "it is paused")
    assert scrape(server).value("tasky_live_tasks", worker="long", state="paused") == 1
    server.request("POST", f"/tasks/{paused}/cancel")

    expected = {
        ("good", "completed"): 3.0,
        ("long", "canceled"): 3.0,
        ("retried", "exit"): 1.0,
        **{(name, name): 1.0 for name in FAILURES},
    }

    def all_ended() -> Scrape | None:
        found = scrape(server)
        return found if found.total("tasky_tasks_total") == sum(expected.values()) else None

    found = wait_for(all_ended, "all are counted")
    assert found is not None
    assert found.nonzero("tasky_tasks_total", "worker", "end") == expected
    check_sums(found, expected)


def check_sums(found: Scrape, ends: dict[tuple[str, str], float]) -> None:
    tasks = sum(ends.values())
    assert found.total("tasky_tasks_submitted_total") == tasks
    assert found.value("tasky_attempts_total", worker="retried") == 3
    assert found.nonzero("tasky_retries_total", "worker") == {("retried",): 2}
    assert (
        found.value("tasky_attempts_total", worker="long") == 2
    )  # one waited until it was canceled
    attempts = tasks + 2 - 1
    assert found.total("tasky_attempts_total") == attempts
    assert found.value("tasky_queue_wait_seconds_count") == attempts
    assert found.value("tasky_spawn_seconds_count") == attempts - 1  # one had no interpreter
    assert found.nonzero("tasky_task_run_seconds_count", "worker") == {
        ("good",): 3, ("long",): 2, ("retried",): 1, **{(name,): 1 for name in FAILURES}
    }  # fmt: skip
    assert found.value("tasky_store_commit_seconds_count") > tasks
    assert found.value("tasky_store_commit_operations_sum") >= 2 * tasks
    assert found.value("tasky_loop_lag_seconds_count") > tasks
    assert found.total("tasky_live_tasks") == found.value("tasky_queue_length") == 0
    created = {"route": "/tasky/v1/workers/{name}", "method": "POST"}
    assert found.value("tasky_http_requests_total", **created, status="200") == 2 + 6 + 1
    assert found.value("tasky_http_requests_total", **created, status="201") == 3
    assert found.value("tasky_http_request_seconds_count", **created) == 12


def test_a_killed_server_begins_at_zero_and_counts_what_it_lost(server: Server) -> None:
    server.run("good")
    server.await_status(server.submit("long"), "Running")
    first = scrape(server)
    (server.workers / "spawn.yaml").unlink()
    server.kill()
    server.start()
    found = scrape(server)
    assert found.nonzero("tasky_tasks_total", "worker", "end") == {("long", "lost"): 1}
    assert found.total("tasky_tasks_submitted_total") == 0
    assert found.value("process_start_time_seconds") >= first.value("process_start_time_seconds")
    # Every end of every worker is there before it has happened.
    series = {(s.labels["worker"], s.labels["end"]) for s in found.families["tasky_tasks"].samples}
    workers = {worker for worker, _ in series}
    assert workers > ENDS.keys() - {"spawn"}
    assert len(series) == len(workers) * (len(FailureCode) + 2)  # completed and canceled


def test_scrapes_of_a_busy_server_agree(server: Server) -> None:
    clients, each = 8, 10
    over = threading.Event()
    seen: list[Scrape] = []

    def submit() -> None:
        for _ in range(each):
            server.run("true")

    def look() -> None:
        while not over.wait(0.02):
            seen.append(scrape(server, PROMETHEUS))

    looking = threading.Thread(target=look)
    looking.start()
    working = [threading.Thread(target=submit) for _ in range(clients)]
    for thread in working:
        thread.start()
    for thread in working:
        thread.join()
    over.set()
    looking.join()
    last = scrape(server)
    assert last.value("tasky_tasks_total", worker="true", end="completed") == clients * each
    counters = [[each.total("tasky_tasks_total") for each in seen]]
    counters.append([each.value("tasky_loop_lag_seconds_count") for each in seen])
    assert all(counts == sorted(counts) for counts in counters)


def test_openmetrics_is_the_same(server: Server) -> None:
    server.run("true")
    text, openmetrics = scrape(server), scrape(server, PROMETHEUS)
    request = {"route": "/metrics", "method": "GET", "status": "200"}
    assert openmetrics.value("tasky_http_requests_total", **request) == 1
    names = [{sample.name for sample in each.samples} for each in (text, openmetrics)]
    assert names[0] == names[1]
    done = {"worker": "true", "end": "completed"}
    assert openmetrics.value("tasky_tasks_total", **done) == text.value("tasky_tasks_total", **done)


def test_who_may_look_and_who_was_turned_away(serve: Callable[..., Server], workers: Path) -> None:
    server = serve(TASKY_AUTH="true")

    def token(name: str, *scopes: str) -> str:
        secret, _ = Tokens(server.state).create(name, tuple(map(Scope.parse, scopes)))
        return f"Bearer {secret}"

    everything, some, runs = token("a", "read"), token("b", "read:tr*"), token("c", "run:true")
    cancels = token("d", "cancel")
    assert server.request("POST", "/workers/true?wait=30s", {}, Authorization=runs).status == 200

    def look(authorization: str | None) -> int:
        headers = {} if authorization is None else {"Authorization": authorization}
        return server.request("GET", "//metrics", **headers).status

    assert [look(each) for each in (None, "Bearer tsk_no", cancels, everything)] == [
        401,
        401,
        403,
        200,
    ]
    asked = [server.request("GET", "//metrics", Authorization=each) for each in (everything, some)]
    all_of_it, part = (Scrape.parse(answer.body.decode()) for answer in asked)
    assert all_of_it.nonzero("tasky_auth_failures_total", "reason") == {("refused",): 1}
    names = [
        {s.labels["worker"] for s in each.samples if "worker" in s.labels}
        for each in (all_of_it, part)
    ]
    assert names[0] > names[1] == {"true"}
    assert part.value("tasky_tasks_total", worker="true", end="completed") == 1


def test_what_was_delivered(serve: Callable[..., Server], workers: Path) -> None:
    with receiving() as receiver:
        server = serve(TASKY_WEBHOOKS_ALLOWED_HOSTS="127.0.0.1")
        server.submit("true", query=f"?notify={receiver.url}/hook")
        wait_for(lambda: attempts(server) == {("delivered",): 1}, "it is counted")


def attempts(server: Server) -> dict[tuple[str, ...], float]:
    return scrape(server).nonzero("tasky_notification_attempts_total", "outcome")
