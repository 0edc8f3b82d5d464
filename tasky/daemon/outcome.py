"""How the latest upgrade went: a small file in the state directory, for whoever has asked for it."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

_NAME: Final = "upgrade"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The upgrades of a state directory are numbered. `reason` says why the old code goes on; None where the new one
    does, with so many tasks, after no request was answered for so many milliseconds."""

    number: int
    old: str
    new: str | None = None
    reason: str | None = None
    tasks: int = 0
    paused_ms: int = 0

    def write(self, state_dir: Path) -> None:
        file = state_dir / _NAME
        new = file.with_suffix(".new")
        try:
            fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "w") as stream:
                json.dump(asdict(self), stream)
            new.replace(file)
        except OSError as error:
            log.error("how the upgrade went cannot be written: %s", error)

    @classmethod
    def read(cls, state_dir: Path) -> Outcome | None:
        """The latest one, if there was any."""
        try:
            return cls(**json.loads((state_dir / _NAME).read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
