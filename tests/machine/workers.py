"""What workers do: say something, leave a daemon, end."""

from __future__ import annotations

import json
import signal
from typing import Any

from tests.machine.checks import log
from tests.machine.driver import Driver
from tests.machine.life import Life


class Workers(Driver):
    """Each of these ends when the server has heard of it."""

    def say(self, life: Life, message: dict[str, Any]) -> None:
        puppet, before = self.puppet(life), len(log(self.server, life))
        match message:
            case {"type": "text", "text": text}:
                puppet.does("say", line=text)
            case _:
                puppet.does("say", line=json.dumps(message))
        match message:
            case {"type": "text" | "log"}:
                self.awaits(lambda: len(log(self.server, life)) > before, "it is in the log")
            case {"type": "progress", "percent": percent}:
                self.awaits(lambda: self._percent(life) == percent, "it is its progress")
        life.says(message)

    def _percent(self, life: Life) -> Any:
        return self.document(life).get("Progress", {}).get("Percent")

    def leave_a_daemon(self, life: Life) -> None:
        self.puppet(life).does("leave a daemon")

    def exit(self, life: Life, code: int) -> None:
        self.puppet(life).begins("exit", code=code)
        life.process_ends("exit" if code else "success")
        self.settle()

    def die(self, life: Life, number: signal.Signals) -> None:
        self.puppet(life).begins("die", signal=int(number))
        life.process_ends("signal")
        self.settle()

    def killed(self, life: Life) -> None:
        """By somebody else; it may be paused."""
        self.puppet(life).kill()
        life.process_ends("signal")
        self.settle()
