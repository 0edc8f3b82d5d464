"""The ends of the server, by a stop or by SIGKILL, and what must hold when it is there again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.helpers import Answer
from tests.machine.driver import Driver, together
from tests.machine.life import Life, Worker


class Crashes(Driver):
    """Each of these ends with a server that runs, and all that follows."""

    def stop(self) -> None:
        deaf = [life for life in self.house.with_process if life.manner == "stubborn"]
        if deaf:
            self.begin_stop()
        for life in deaf:
            if life.state != "Canceling":
                self.puppet(life).hears_sigterm()
        assert self.server.stop() == 0, "said twice, it ends every grace"
        for life in self.house.with_process:
            life.stopped(bool(deaf))
        self.house.restarts()
        self.server.start()
        self.settle()

    def crash(self, exits: Life | None) -> None:
        """`exits`: whose worker ends while no server is there."""
        self.server.kill()
        if exits is not None:
            self.puppet(exits).begins("exit", code=0)
        self.server.start()
        self.settle_after_crash()

    def crash_while_asked(self, life: Life, what: str) -> None:
        answer = self.killed_during(partial(self.request, life, what))
        is_canceled = self.server.status(life.task_id) == "Canceled"
        request = what.partition("?")[0]
        assert answer is None or answer.status == life.answer(request)
        if request == "cancel":
            assert is_canceled or answer is None, "who was answered can rely on it"
            if is_canceled:
                life.asked(request)
        self.settle_after_crash()

    def crash_while_submitted(self, worker: Worker, manner: str) -> None:
        """Who is not answered asks again with the same key: it is one task."""
        if self.is_full:
            return
        post = partial(self.post, worker, manner, key=self.key())
        first = self.killed_during(post)
        second = post()
        assert second.status in ((200,) if first else (200, 201))
        assert first is None or first.json["TaskId"] == second.json["TaskId"]
        if second.status == 201:  # all others had their turn before
            self.settle_after_crash()
        life = self.house.add(second.json["TaskId"], worker, manner, 0)
        attempts = self.document(life)["Attempts"]
        if any(attempt.get("Error", {}).get("code") == "lost" for attempt in attempts):
            life.starts()
        if second.status == 200:
            self.settle_after_crash()
        self.settle()

    def killed_during(self, request: Callable[[], Answer]) -> Any:
        """What was still answered, if anything. The server is there again."""
        answers = together(request, self.server.process.kill)
        self.server.kill()
        self.server.start()
        return answers[0]
