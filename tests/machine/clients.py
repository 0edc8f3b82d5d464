"""What clients ask for: each way to submit, to cancel, to pause; alone, twice, and while the worker exits."""

from __future__ import annotations

from functools import partial

from tests.machine.driver import Driver, together
from tests.machine.life import Life, Worker


class Clients(Driver):
    """Each of these ends when all that follows from it has happened, too."""

    # ------------------------------------------------------------------ submissions

    def submit(self, worker: Worker, manner: str, priority: int = 0) -> None:
        answer = self.post(worker, manner, priority)
        assert answer.status == 201
        self.house.add(answer.json["TaskId"], worker, manner, priority)
        self.settle()

    def submit_twice(self, worker: Worker, manner: str) -> None:
        """With the same key: it is one task."""
        key = self.key()
        first, second = (self.post(worker, manner, key=key) for _ in range(2))
        assert (first.status, second.status) == (201, 200)
        assert first.json["TaskId"] == second.json["TaskId"]
        other = "polite" if manner == "obedient" else "obedient"
        assert self.post(worker, other, key=key).status == 422
        self.house.add(first.json["TaskId"], worker, manner, 0)
        self.settle()

    def submit_what_takes_too_long(self, worker: Worker) -> None:
        if not self.house.would_start(worker):
            return  # its clock would run at some later time
        answer = self.post(worker, "obedient", query="&timeout=100ms")
        assert answer.status == 201
        life = self.house.add(answer.json["TaskId"], worker, "obedient", 0)
        life.hasty = True
        while life in self.house.starts():
            life.process_ends("timeout")
        self.settle()

    def restart(self, life: Life) -> None:
        """A new task like this one."""
        answer = self.request(life, "restart")
        assert answer.status == 201
        self.house.add(answer.json["TaskId"], life.worker, life.manner, life.priority)
        self.settle()

    # ------------------------------------------------------------------ requests

    def delete(self, life: Life) -> None:
        if self.is_accepted(life, "delete"):
            self.house.lives.remove(life)
            assert self.server.request("GET", f"/tasks/{life.task_id}").status == 404

    def pause(self, life: Life) -> None:
        if self.is_accepted(life, "pause"):
            life.asked("pause")

    def resume(self, life: Life) -> None:
        if self.is_accepted(life, "resume"):
            life.asked("resume")

    def cancel(self, life: Life) -> None:
        if self.is_accepted(life, "cancel"):
            if life.manner == "stubborn" and life.state in ("Running", "Paused"):
                self.puppet(life).hears_sigterm()
            life.canceled(at_once=False)
            self.settle()

    def cancel_at_once(self, life: Life) -> None:
        if self.is_accepted(life, "cancel", "?grace=0s"):
            life.canceled(at_once=True)
            self.settle()

    def cancel_twice(self, life: Life) -> None:
        """At the same time."""
        answers = together(*[partial(self.request, life, "cancel?grace=0s")] * 2)
        statuses = sorted(answer.status for answer in answers)
        assert statuses in ([202, 202], [202, 409])
        life.canceled(at_once=True)
        self.settle()

    # ------------------------------------------------------------------ and the worker exits at the same time

    def cancel_while_it_exits(self, life: Life, code: int) -> None:
        exits = partial(self.puppet(life).begins, "exit", code=code)
        answer, _ = together(partial(self.request, life, "cancel"), exits)
        assert answer.status in (202, 409)
        if answer.status == 409:
            life.process_ends("exit" if code else "success")
        else:
            self.was_canceled(life)
        self.settle()

    def was_canceled(self, life: Life) -> None:
        """The exit may have come first, and another attempt after it."""
        before = len(life.attempts)
        attempts = self.await_end(life)["Attempts"]
        if "Error" in attempts[before - 1]:
            life.process_ends("exit")
        if len(attempts) > before:
            life.starts()
        life.canceled(at_once=True)

    def pause_while_it_exits(self, life: Life, code: int) -> None:
        """Frozen before it exits, it does so when it is resumed."""
        exits = partial(self.puppet(life).begins, "exit", code=code)
        answer, _ = together(partial(self.request, life, "pause"), exits)
        assert answer.status in (200, 409)
        assert self.request(life, "resume").status in (200, 409)
        life.process_ends("exit" if code else "success")
        self.settle()
