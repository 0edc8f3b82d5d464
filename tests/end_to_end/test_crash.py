"""kill -9 of the server: what was answered is there, nothing is stuck, no process is left."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable

import pytest

from tests.helpers import Server, wait_for

CLIENTS = 20


class Submitters:
    """Threads that submit without a pause until the server is gone; `answered` holds the ids they were told."""

    def __init__(self, server: Server, worker: str) -> None:
        self.answered: list[str] = []
        self._address = server.address
        self._path = f"/tasky/v1/workers/{worker}"
        self._threads = [threading.Thread(target=self._submit) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def join(self) -> list[str]:
        for thread in self._threads:
            thread.join()
        return self.answered

    def _submit(self) -> None:
        connection = http.client.HTTPConnection(*self._address, timeout=30)
        try:
            while True:
                connection.request("POST", self._path, b"{}", {"Content-Type": "application/json"})
                response = connection.getresponse()
                body = response.read()
                assert response.status == 201, body
                self.answered.append(json.loads(body)["TaskId"])
        except (OSError, http.client.HTTPException):
            pass  # the server was killed
        finally:
            connection.close()


@pytest.mark.parametrize("round_", range(3))
def test_no_answered_task_is_lost(serve: Callable[..., Server], round_: int) -> None:
    server = serve()
    submitters = Submitters(server, "true")
    wait_for(lambda: len(submitters.answered) > 50 * (round_ + 1), "tasks are being answered")
    server.kill()
    answered = submitters.join()
    assert len(set(answered)) == len(answered)
    server.start()
    for task_id in answered:
        status = server.await_status(task_id, "Completed", "Failed")
        if status == "Failed":
            assert server.get(f"/tasks/{task_id}/result")["Error"]["code"] == "lost"
    for state in ("Queued", "Running", "Paused", "Canceling"):
        wait_for(
            lambda state=state: not server.get(f"/tasks/?status={state}")["Tasks"],
            f"none is {state}",
        )


def test_running_tasks_are_lost_and_queued_ones_run(serve: Callable[..., Server]) -> None:
    server = serve(TASKY_MAX_TASKS="2")
    running = [server.submit("sleep"), server.submit("stubborn")]
    queued = [server.submit("true") for _ in range(5)]
    wait_for(lambda: len(server.task_processes()) == 2, "both run")
    server.kill()
    assert server.task_processes(), "the kill did not reach them"
    server.start()
    assert not server.task_processes() or all(
        server.status(task_id) not in ("Running", "Queued") for task_id in running
    )
    for task_id in running:
        result = server.get(f"/tasks/{task_id}/result")
        assert (result["Status"], result["Error"]["code"]) == ("Failed", "lost")
    for task_id in queued:
        assert server.await_status(task_id, "Completed", "Failed") == "Completed"


def test_a_task_being_canceled_ends_as_canceled(server: Server) -> None:
    task_id = server.submit("stubborn")
    wait_for(lambda: server.get(f"/tasks/{task_id}").get("Progress"), "it is up")
    assert server.request("POST", f"/tasks/{task_id}/cancel").json["Status"] == "Canceling"
    server.kill()
    server.start()
    assert server.status(task_id) == "Canceled"
