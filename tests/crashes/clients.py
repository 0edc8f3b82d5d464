"""Clients that want everything at once, and go on while the server dies and comes back."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.forms import file, form
from tests.helpers import PATIENCE, Answer

from .mortal import Caller
from .told import Fate, Known, Told
from .workers import CHAINED, KINDS, READER, SWITCH

#: Tasks of one client that have not ended, as far as it knows.
_MOST: Final = 12
#: Seconds between two tries where the server is not there, or has no room.
_PAUSE: Final = 0.003
_UNAVAILABLE: Final = frozenset({429, 503})
_HOUR: Final = 3600


class Client:
    """Submits, and looks after its own tasks. A submission is repeated with the same key until it is answered."""

    def __init__(self, socket: Path, told: Told, seed: int, *, switches: bool) -> None:
        self.failure: Exception | None = None
        self._caller: Final = Caller(socket)
        self._told: Final = told
        self._chance: Final = random.Random(seed)
        self._thread: Final = threading.Thread(target=self._work, daemon=True)
        self._enough: Final = threading.Event()
        self._hopeless = False
        self._open: Final[list[Fate]] = []
        self._ended: Final[list[Fate]] = []
        self._pending: tuple[str, Fate] | None = None
        self._actions: Final = [
            *(self._submit, self._submit, self._submit, self._run, self._look, self._look),
            *(self._cancel, self._cancel, self._pause, self._delete, self._again, self._restart),
            *([self._switch] if switches else []),
        ]

    def start(self) -> None:
        self._thread.start()

    def stop(self, *, hopeless: bool = False) -> None:
        """Has it end: once its last submission is answered, where there is hope of an answer. See `finish`."""
        self._hopeless = hopeless
        self._enough.set()

    def finish(self) -> None:
        """Waits for its end. Raises what went wrong in it."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "a client is not answered"
        if self.failure is not None:
            raise self.failure

    def _work(self) -> None:
        try:
            while not self._enough.is_set() or (self._pending and not self._hopeless):
                self._act()
        except Exception as error:  # noqa: BLE001 - told by `finish`
            self.failure = error
        finally:
            self._caller.__exit__()

    def _act(self) -> None:
        action: Callable[[], None] = self._chance.choice(self._actions)
        if self._pending is not None:
            action = self._send
        elif len(self._open) >= _MOST and action in (self._submit, self._run, self._restart):
            action = self._look
        try:
            action()
        except (OSError, http.client.HTTPException):
            time.sleep(_PAUSE)

    def _ask(self, method: str, path: str, expected: set[int], fate: Fate | None = None) -> Answer:
        """The answer; one that is not expected is a mistake of the server's."""
        return self._checked(self._caller.request(method, path), f"{method} {path}", expected, fate)

    def _checked(self, answer: Answer, what: str, expected: set[int], fate: Fate | None) -> Answer:
        if answer.status in _UNAVAILABLE:
            time.sleep(_PAUSE)
        elif answer.status == 404 and fate is not None:
            self._told.gone(fate)
        elif answer.status not in expected:
            task_id = fate.task_id if fate else ""
            self._told.mistake(task_id, f"{what}: {answer.status} {answer.body!r}")
        return answer

    # ------------------------------------------------------------------ new tasks

    def _submit(self) -> None:
        key = f"{self._chance.getrandbits(64):x}"
        fate = Fate("", self._chance.choice([*KINDS, CHAINED]), key)
        query = ""
        if self._chance.random() < 0.1:
            fate.later = True
            query = f"?at={time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + _HOUR))}"
        self._pending = (query, fate)
        self._send()

    def _send(self) -> None:
        assert self._pending is not None
        query, fate = self._pending
        assert fate.key is not None
        path = f"/workers/{fate.worker}{query}"
        headers, body = {"Idempotency-Key": fate.key}, b"{}"
        if fate.worker == READER:
            body, headers["Content-Type"] = form(file("file", fate.key.encode()))
        answer = self._caller.request("POST", path, body, **headers)
        answer = self._checked(answer, f"POST {path}", {200, 201, 202}, None)
        if answer.status in _UNAVAILABLE:
            return
        self._pending = None
        self._created(answer, fate)

    def _created(self, answer: Answer, fate: Fate) -> None:
        if answer.status not in (200, 201, 202):
            return
        fate.task_id = answer.json["TaskId"]
        if self._told.submitted(fate) is fate:
            self._open.append(fate)

    def _run(self) -> None:
        """Waits for the end, without a key: the task is stored with less care, and answered once it has ended."""
        fate = Fate("", "quick")
        answer = self._caller.request("POST", "/workers/quick?wait=2s", {})
        answer = self._checked(answer, "POST /workers/quick?wait", {200, 202}, None)
        self._created(answer, fate)
        if answer.status == 200:
            self._told.saw(fate, answer.json, Known())

    def _again(self) -> None:
        """The key of a task that exists gives that task."""
        fate = self._one(self._open + self._ended)
        if fate is None or fate.key is None or fate.delete_asked or fate.later or self._told.pruned:
            return
        self._pending = ("", Fate("", fate.worker, fate.key))
        self._send()

    def _restart(self) -> None:
        fate = self._one(self._ended)
        if fate is None or fate.delete_asked or fate.worker == READER:
            return
        path = f"/tasks/{fate.task_id}/restart"
        self._created(self._ask("POST", path, {201}, fate), Fate("", fate.worker))

    # ------------------------------------------------------------------ those that are there

    def _one(self, fates: list[Fate]) -> Fate | None:
        return self._chance.choice(fates) if fates else None

    def _look(self) -> None:
        fate = self._one(self._open)
        if fate is None:
            return
        before = fate.known
        answer = self._ask("GET", f"/tasks/{fate.task_id}", {200}, fate)
        if answer.status == 200:
            self._told.saw(fate, answer.json, before)
        if fate.end is not None or answer.status == 404:
            self._open.remove(fate)
            self._ended.append(fate)

    def _cancel(self) -> None:
        fate = self._one(self._open)
        if fate is None or self._chance.random() < 0.5:
            return
        grace = self._chance.choice(("", "?grace=20ms"))
        fate.cancel_asked = True
        if (
            self._ask("POST", f"/tasks/{fate.task_id}/cancel{grace}", {202, 409}, fate).status
            == 202
        ):
            fate.canceled = True

    def _pause(self) -> None:
        fate = self._one(self._open)
        if fate is None:
            return
        if self._ask("POST", f"/tasks/{fate.task_id}/pause", {200, 409}, fate).status == 200:
            self._ask("POST", f"/tasks/{fate.task_id}/resume", {200, 409}, fate)

    def _delete(self) -> None:
        fate = self._one(self._ended)
        if fate is None or fate.deleted:
            return
        if fate.worker == CHAINED:  # what was made for it goes with it
            answer = self._ask("GET", f"/tasks/{fate.task_id}", {200}, fate)
            if answer.status != 200:
                return
            self._told.goes_too(answer.json)
        fate.delete_asked = True
        if self._ask("DELETE", f"/tasks/{fate.task_id}", {204}, fate).status == 204:
            fate.deleted = True

    def _switch(self) -> None:
        """One client only does this: so it knows how the switch must stand."""
        answer = self._ask("GET", f"/workers/{SWITCH}", {200})
        if answer.status != 200:
            return
        self._told.switch_stands(answer.json["status"])
        wanted = self._chance.choice(("enable", "disable"))
        status = f"{wanted}d".capitalize()
        self._told.switch |= {status}
        if self._ask("POST", f"/workers/{SWITCH}/{wanted}", {200}).status == 200:
            self._told.switch = {status}


@contextmanager
def clients(socket: Path, told: Told, seed: int, count: int = 4) -> Iterator[None]:
    """Clients at work until the block ends."""
    all_ = [Client(socket, told, seed + number, switches=not number) for number in range(count)]
    for client in all_:
        client.start()
    hopeless = True
    try:
        yield
        hopeless = False
    finally:
        for client in all_:
            client.stop(hopeless=hopeless)
        for client in all_:
            client.finish()
