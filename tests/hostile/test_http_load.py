"""Many clients at once on a real server: every route, and more submissions than it takes."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.helpers import PATIENCE, Server, serving, write_definition
from tests.hostile.wire import read_all, request

THREADS = 64
SUBMISSIONS = 10_000
MAX_QUEUED = 100
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")

JSON = b"Content-Type: application/json"
LAST = request(b"GET", b"/healthz", b"Connection: close")


def submission(worker: str, *headers: bytes) -> bytes:
    target = f"/tasky/v1/workers/{worker}".encode()
    return request(b"POST", target, JSON, b"Content-Length: 2", *headers, body=b"{}")


@pytest.fixture
def workers(tmp_path: Path) -> Path:
    folder = tmp_path / "workers.d"
    write_definition(folder, "true", command=["/bin/true"], protocol="text")
    write_definition(folder, "hold", command=["sleep", "600"], protocol="text", kill_grace="0s")
    return folder


@pytest.fixture
def serve(workers: Path, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    with contextlib.ExitStack() as servers:
        yield lambda **environ: servers.enter_context(
            serving(workers, tmp_path / "state", **environ)
        )


def ask(server: Server, data: bytes) -> list[int]:
    """Sends it all on one connection, and gives the statuses of the answers."""
    with socket.create_connection(server.address, PATIENCE * 2) as connection:
        sender = threading.Thread(target=connection.sendall, args=(data + LAST,))
        sender.start()
        said = read_all(connection)
        sender.join()
    return [int(status) for status in _STATUS.findall(said)][:-1]


@pytest.mark.case("H28")
def test_more_submissions_than_there_is_room_for(serve: Callable[..., Server]) -> None:
    """As fast as they can be sent. What is answered with 201 is there, and the rest was told when to come again."""
    server = serve(TASKY_MAX_TASKS="1", TASKY_MAX_QUEUED=str(MAX_QUEUED))
    one = SUBMISSIONS // 16
    with ThreadPoolExecutor(16) as pool:
        answers = pool.map(lambda _: ask(server, submission("hold") * one), range(16))
        statuses = Counter(status for found in answers for status in found)
    assert statuses == {201: MAX_QUEUED + 1, 429: SUBMISSIONS - MAX_QUEUED - 1}
    refused = server.request("POST", "/workers/hold", {})
    assert (refused.status, refused.headers["Retry-After"]) == (429, "5")
    assert server.get("/workers/hold")["queued"] == MAX_QUEUED
    assert len(server.get("/tasks?limit=1000")["Tasks"]) == MAX_QUEUED + 1
    assert server.get("//healthz") is not None
    server.kill()
    server.start()
    tasks = server.get("/tasks?limit=1000")["Tasks"]
    assert len(tasks) == MAX_QUEUED + 1
    assert not [task for task in tasks if task["Status"] not in ("Queued", "Running", "Failed")]
    assert "Traceback" not in server.logged


ROUTES = """
GET /healthz | GET /readyz | GET /metrics | GET /tasky/v1/openapi.json | GET /tasky/v1/docs | GET /tasky/v1/whoami
GET /tasky/v1/workers | GET /tasky/v1/workers/true | POST /tasky/v1/workers/true | POST /tasky/v1/workers/true?wait=1s
POST /tasky/v1/workers/hold?label=a:b | POST /tasky/v1/workers/true/enable | POST /tasky/v1/workers/true/disable
POST /tasky/v1/login | POST /tasky/v1/logout | GET /tasky/v1/tokens | GET /tasky/v1/nothing
GET /tasky/v1/tasks | GET /tasky/v1/tasks?status=Running&worker=hold | GET {t} | GET {t}/status | GET {t}/result
GET {t}/log | GET {t}/log?tail=1 | GET {t}/files | GET {t}/files/x | GET {t}/events?log=false
POST {t}/pause | POST {t}/resume | POST {t}/restart | POST {t}/cancel?grace=0s | DELETE {t} | HEAD {t} | OPTIONS {t}
"""


@pytest.mark.case("H29")
def test_every_route_from_many_threads_at_once(serve: Callable[..., Server]) -> None:
    """All of them on the same tasks. Whoever is second is told so; nothing breaks, and what was begun ends."""
    server = serve(TASKY_MAX_TASKS="8", TASKY_MAX_QUEUED="10000")
    tasks = [server.submit("hold") for _ in range(4)] + [server.submit("true") for _ in range(4)]
    barrier = threading.Barrier(THREADS)

    def race(number: int) -> list[tuple[str, int]]:
        task = f"/tasky/v1/tasks/{tasks[number % len(tasks)]}"
        calls = ROUTES.format(t=task).replace("\n", " | ").split(" | ")
        calls = [call.strip() for call in calls if call.strip()]
        barrier.wait()
        found = []
        for call in calls[number % len(calls) :] + calls[: number % len(calls)]:
            method, _, target = call.partition(" ")
            with socket.create_connection(server.address, PATIENCE * 2) as connection:
                connection.sendall(request(method.encode(), target.encode(), b"Connection: close"))
                head = connection.recv(12)
                if "/events" not in target:
                    head += read_all(connection)
            found.append((call.replace(task, "{t}"), int(head[9:12])))
        return found

    with ThreadPoolExecutor(THREADS) as pool:
        answers = [answer for found in pool.map(race, range(THREADS)) for answer in found]
    assert len({call for call, _ in answers}) == 34
    assert sorted({(call, status) for call, status in answers if status >= 500}) == []
    for document in server.get("/tasks?limit=1000&status=Queued,Running,Paused")["Tasks"]:
        server.request("POST", f"/tasks/{document['TaskId']}/cancel?grace=0s")
    for task_id in [document["TaskId"] for document in server.get("/tasks?limit=1000")["Tasks"]]:
        server.await_status(task_id, "Completed", "Failed", "Canceled")
    server.request("POST", "/workers/true/enable")
    assert server.run("true")["Status"] == "Completed"
    assert "Traceback" not in server.logged
