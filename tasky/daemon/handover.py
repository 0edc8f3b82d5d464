"""What a server leaves to the code that takes its place in the same process: a document, and the descriptors in it.

It is in memory only (memfd_create(2)), since the secrets of tasks are in it. Whatever its version, `version`,
`descriptors`, `old` and `returned` mean the same: so code that does not know the rest can give it back.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..errors import TaskyError

#: Of the document: another one where code that reads it could misunderstand it.
VERSION: Final = 1
_VARIABLE: Final = "TASKY_HANDOVER"

#: The folder that our code came from, wherever it is moved to.
_HOME: Final = os.open(sys.prefix, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


class Handover:
    """One that was taken, or is about to be given."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document: Final = document
        #: Too late for going back: what is handed over has been used.
        self.consumed = False

    @classmethod
    def take(cls, environ: MutableMapping[str, str]) -> Handover | None:
        """What this process was executed with, if anything: no worker sees it."""
        number = environ.pop(_VARIABLE, None)
        if number is None:
            return None
        try:
            with open(int(number), "rb") as file:  # noqa: PTH123 - a descriptor
                file.seek(0)
                handover = cls(json.load(file))
            for fd in handover.descriptors:
                os.set_inheritable(fd, False)
        except (OSError, ValueError) as error:
            raise TaskyError(f"{_VARIABLE}={number} is not for you: {error}") from error
        return handover

    @property
    def is_rehearsal(self) -> bool:
        """It only shows what a real one would be."""
        return bool(self.document["rehearsal"])

    @property
    def descriptors(self) -> list[int]:
        found: list[int] = self.document["descriptors"]
        return found

    def check_version(self) -> None:
        version = self.document["version"]
        if version != VERSION:
            raise TaskyError(
                f"this code does not know how to go on: it is handed version {version}, and knows"
                f" {VERSION}"
            )

    def written(self) -> int:
        """The descriptor of a file in memory with the document."""
        fd = os.memfd_create("tasky-handover")
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(json.dumps(self.document).encode())
        return fd

    def execute(self, command: Sequence[str]) -> None:
        """Becomes other code. Returns only by an OSError."""
        file = self.written()
        inherited = [file, *self.descriptors]
        for fd in inherited:
            os.set_inheritable(fd, True)
        try:
            os.execve(command[0], list(command), os.environ | {_VARIABLE: str(file)})
        finally:
            for fd in inherited:
                os.set_inheritable(fd, False)
            os.close(file)

    def go_back(self, error: Exception) -> None:
        """Becomes the code that has handed over, since this one cannot go on. Returns where that cannot be."""
        old = self.document["old"]
        if old is None or self.consumed or self.is_rehearsal or self.document["returned"]:
            return
        self.document["returned"] = str(error) or repr(error)
        self.execute(old)


def environment(file: int) -> dict[str, str]:
    """For a process that gets `file`, of `Handover.written`."""
    return os.environ | {_VARIABLE: str(file)}


def own_command() -> list[str]:
    """What this process was executed as: so the same path, with whatever code is there by now."""
    return [sys.executable, *sys.orig_argv[1:]]


def moved_command() -> list[str] | None:
    """The same with the code that runs now, where that was moved away to make room for other code; else None."""
    home = str(Path(f"/proc/self/fd/{_HOME}").readlink())
    python = sys.executable.replace(sys.prefix, home, 1)
    if home == sys.prefix or not Path(python).exists():
        return None
    inside = f"{sys.prefix}/"
    return [
        python,
        *(f"{home}/{each[len(inside):]}" if each.startswith(inside) else each
          for each in sys.orig_argv[1:]),
    ]  # fmt: skip
