"""webhook (Debian's package, in Go): a process for each request, as fast as a server can be that keeps nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from ..bench import System
from .processes import answers, free_port, running

NAME: Final = "webhook"
SYSTEM: Final = System(
    NAME,
    "Debian's package `webhook`, a server in Go: one process a request",
    "nothing",
    lambda: "" if shutil.which("webhook") else "the Debian package webhook",
)


class Webhook(NamedTuple):
    port: int
    pid: int

    def path(self, hook: str, *, wait: bool = True) -> str:
        return f"/hooks/{hook}" if wait else f"/hooks/{hook}-later"


@contextmanager
def webhook(folder: Path, commands: Mapping[str, Sequence[str]]) -> Iterator[Webhook]:
    """With a hook for each of the commands, which waits and answers with its output; and one that does not wait."""
    hooks = [
        {
            "id": f"{name}{'' if wait else '-later'}",
            "execute-command": command[0],
            "include-command-output-in-response": wait,
            "pass-arguments-to-command": [
                {"source": "string", "name": argument} for argument in command[1:]
            ],
        }
        for name, command in commands.items()
        for wait in (True, False)
    ]
    file = folder / "hooks.json"
    file.write_text(json.dumps(hooks))
    port = free_port()
    with running(
        "webhook", "-hooks", file, "-ip", "127.0.0.1", "-port", str(port), folder=folder
    ) as process:
        answers(port, process)
        yield Webhook(port, process.pid)
