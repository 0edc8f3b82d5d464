"""What the rules of the state machine do to the server and its workers, and how they wait for what follows."""

from __future__ import annotations

import http.client
import signal
import sys
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any, ClassVar, Final, TypeVar

from hypothesis.stateful import rule

from tests.helpers import Answer, Server, wait_for
from tests.machine.checks import is_ended
from tests.machine.life import ENDED, REQUESTS, House, Life, Worker
from tests.machine.stage import PATIENCE, Puppet, Stage

SLOTS: Final = 2
MOST: Final = 8  #: tasks in an example
T = TypeVar("T")


def step(**strategies: Any) -> Callable[[Callable[..., None]], Any]:
    """A rule of the state machine that is in the example's story."""

    def decorate(function: Callable[..., None]) -> Any:
        @wraps(function)
        def told(self: Driver, **arguments: Any) -> None:
            shown = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
            self.story.append(f"{function.__name__}({shown})")
            function(self, **arguments)

        return rule(**strategies)(told)

    return decorate


class Driver:
    """`house` is how all should be; `settle` waits until it is."""

    server: ClassVar[Server]
    stage: ClassVar[Stage]

    def __init__(self) -> None:
        super().__init__()
        self.house = House(SLOTS)
        self.story: Final[list[str]] = []

    def pick(self, number: int, lives: list[Life]) -> Life | None:
        """One of them; None if there is none."""
        life = lives[number % len(lives)] if lives else None
        self.story.append(f"  with {life and life.told}")
        return life

    @property
    def is_full(self) -> bool:
        return len(self.house.lives) >= MOST

    # ------------------------------------------------------------------ requests

    def post(
        self, worker: Worker, manner: str, priority: int = 0, key: str = "", query: str = ""
    ) -> Answer:
        headers = {"Idempotency-Key": key} if key else {}
        path = f"/workers/{worker.name}?priority={priority}{query}"
        return self.server.request("POST", path, {"manner": manner}, **headers)

    def request(self, life: Life, what: str) -> Answer:
        if what == "delete":
            return self.server.request("DELETE", f"/tasks/{life.task_id}")
        return self.server.request("POST", f"/tasks/{life.task_id}/{what}")

    def document(self, life: Life) -> Any:
        return self.server.get(f"/tasks/{life.task_id}")

    def key(self) -> str:
        """One that no other submission has."""
        return uuid.uuid4().hex

    def is_accepted(self, life: Life, what: str, query: str = "") -> bool:
        """Asks for it: it is accepted or refused as it should be."""
        answer = self.request(life, what + query)
        assert answer.status == life.answer(what), answer
        state = REQUESTS[what].get(life.state, (0, life.state))[1]
        assert not state or answer.json["Status"] == state
        return answer.status != 409

    # ------------------------------------------------------------------ workers

    def puppet(self, life: Life) -> Puppet:
        attempt = len(life.attempts)
        return self.stage.puppet(life.task_id, attempt, lambda: self._can_come(life))

    def _can_come(self, life: Life) -> None:
        document = self.document(life)
        assert not is_ended(document), f"{life} should be {life.state}: {document}"

    # ------------------------------------------------------------------ what follows

    def settle(self) -> None:
        """Waits until all is as the house has it, whoever may start having started."""
        for life in self.house.starts():
            self.puppet(life)
        for life in self.house:
            self.awaits(lambda life=life: self._is_settled(life), f"{life} is {life.state}")

    def _is_settled(self, life: Life) -> bool:
        document = self.document(life)
        reached = document["Status"] == life.state, len(document["Attempts"])
        if is_ended(document):
            assert reached == (True, len(life.attempts)), f"{life} is {document}, not {life.state}"
        return reached == (True, len(life.attempts))

    def settle_after_crash(self) -> None:
        """The server is up again."""
        for life in self.house.with_process:
            life.now.killed_with_server = True
            life.process_ends("lost")
        self.house.restarts()
        self.settle()

    def begin_stop(self) -> None:
        """Waits until the server has seen the signal: one that comes too soon after it would be the same."""
        before = len(self.server.log)
        self.server.process.send_signal(signal.SIGTERM)
        self.awaits(
            lambda: any("stopping: " in line for line in self.server.log[before:]), "it stops"
        )

    def await_end(self, life: Life) -> Any:
        return self.awaits(
            lambda: is_ended(document := self.document(life)) and document, f"{life} ends"
        )

    def clean_up(self) -> None:
        """Ends and deletes all tasks. If the example has failed, says how it went: a race may end otherwise when it is
        replayed."""
        error = sys.exception()
        if error is not None:
            error.add_note("\n".join([*self.story, "", "The server:", *self.server.log[-20:]]))
            if self.server.url:
                self.server.kill()
            self.server.start()
        for task in self.server.get("/tasks/?limit=1000")["Tasks"]:
            path = f"/tasks/{task['TaskId']}"
            self.server.request("POST", f"{path}/cancel?grace=0s")
            self.server.await_status(task["TaskId"], *ENDED)
            assert self.server.request("DELETE", path).status == 204
        self.stage.clear()

    def awaits(self, condition: Callable[[], T], what: str) -> T:
        return wait_for(condition, what, PATIENCE)


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Makes the calls at the same time; gives what they gave, None for one whose server was gone."""
    start = threading.Barrier(len(calls))

    def make(call: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return call()
        except (OSError, http.client.HTTPException):
            return None

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(make, calls))
