"""Ctrl-C and SIGTERM: SIGTERM to the workers, their grace, exit 0, nothing left, and the next start is clean."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers import Server, wait_for, write_worker


def ready(server: Server, worker: str) -> str:
    """Submits, and gives the id when the worker has said something."""
    task_id = server.submit(worker)
    wait_for(lambda: server.get(f"/tasks/{task_id}").get("Progress"), f"{worker} is up")
    return task_id


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_running_tasks_end_and_queued_ones_wait(
    serve: Callable[..., Server], number: signal.Signals
) -> None:
    server = serve(TASKY_MAX_TASKS="2")
    polite, stubborn = ready(server, "polite"), ready(server, "stubborn")
    queued = server.submit("true")
    assert server.stop(number) == 0
    assert not server.task_processes()
    assert "Traceback" not in server.logged
    server.start()
    for task_id, signalled in ((polite, None), (stubborn, "SIGKILL")):
        task = server.get(f"/tasks/{task_id}")
        assert (task["Status"], task["Error"]["code"]) == ("Failed", "shutdown")
        assert task["Error"].get("signal") == signalled
    assert server.get(f"/tasks/{polite}/result")["Output"] == "bye"
    assert server.await_status(queued, "Completed", "Failed") == "Completed"


def test_a_second_signal_ends_the_grace(serve: Callable[..., Server], workers: Path) -> None:
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    say = """print('{"type":"progress","percent":1}', flush=True); signal.pause()"""
    write_worker(workers, "immovable", f"{ignore}; {say}", kill_grace="1h")
    server = serve()
    task_id = ready(server, "immovable")
    server.process.send_signal(signal.SIGTERM)
    wait_for(lambda: "stopping:" in server.logged, "it drains")
    assert server.stop() == 0
    server.start()
    error = server.get(f"/tasks/{task_id}")["Error"]
    assert (error["code"], error["signal"]) == ("shutdown", "SIGKILL")


def test_who_waits_is_answered(serve: Callable[..., Server]) -> None:
    """A client that waits for a running task gets its end; one whose task is queued gets 202."""
    import threading

    server = serve(TASKY_MAX_TASKS="1")
    answers = {}

    def ask(worker: str) -> None:
        answers[worker] = server.request("POST", f"/workers/{worker}?wait=60s", {})

    threads = [threading.Thread(target=ask, args=("polite",))]
    threads[0].start()
    wait_for(lambda: server.get("/workers/polite")["running"], "polite runs")
    threads.append(threading.Thread(target=ask, args=("true",)))
    threads[1].start()
    wait_for(lambda: server.get("/workers/true")["queued"], "true waits")
    wait_for(
        lambda: server.get("/tasks/?worker=polite")["Tasks"][0].get("Progress"), "polite is up"
    )
    assert server.stop() == 0
    for thread in threads:
        thread.join()
    assert answers["polite"].status == 200
    assert answers["polite"].json["Error"]["code"] == "shutdown"
    assert answers["true"].status == 202
    assert answers["true"].json["Status"] == "Queued"


def test_open_connections_do_not_hold_it(serve: Callable[..., Server]) -> None:
    """One that has had its answer, one that has said nothing yet, one in the middle of a request."""
    server = serve()
    with contextlib.ExitStack() as connections:
        for begun in (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"", b"POST /tasky"):
            connection = connections.enter_context(socket.create_connection(server.address))
            connection.sendall(begun)
        first = connections.enter_context(socket.create_connection(server.address))
        first.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert first.recv(12) == b"HTTP/1.1 200"
        assert server.stop() == 0
        assert "Traceback" not in server.logged


def test_a_draining_server_takes_no_task(serve: Callable[..., Server]) -> None:
    server = serve()
    ready(server, "stubborn")
    server.process.send_signal(signal.SIGTERM)
    wait_for(lambda: "stopping:" in server.logged, "it drains")
    answer = server.request("POST", "/workers/true", {})
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert server.request("GET", "//readyz").status == 503
    assert server.stop() == 0


def test_no_thread_takes_a_signal_but_the_main_one(serve: Callable[..., Server]) -> None:
    """One that came to another while the process becomes another program (tasky upgrade) would be lost. The spawner's
    may: its workers have its mask, and it has ended by then."""
    server = serve()
    server.run("true")
    threads = Path(f"/proc/{server.process.pid}/task")
    takes = [
        thread.name
        for thread in threads.iterdir()
        if not blocked(thread / "status") >> (signal.SIGTERM - 1) & 1
    ]
    main = str(server.process.pid)
    assert len(takes) <= 2
    assert len(list(threads.iterdir())) > 10
    wait_for(lambda: not blocked(threads / main / "status"), "it waits for signals")


def blocked(status: Path) -> int:
    lines = status.read_text().splitlines()
    (mask,) = (line.split()[1] for line in lines if line.startswith("SigBlk:"))
    return int(mask, 16)
