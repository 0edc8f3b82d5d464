"""Whether the code that is installed now could go on in the place of the one that runs: tried out by a process of its
own, before anything is touched."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from .. import __version__
from ..config import Catalogue, Settings
from ..errors import TaskyError
from ..store import must_know
from ..supervisor import check
from .handover import Handover, environment
from .own import descriptors_lacking

log = logging.getLogger(__name__)

_PATIENCE: Final = 60.0  # seconds
_BUG: Final = 70  # the exit status of an error that was not expected: see cli.exits
_LONGEST: Final = 300  # characters of a reason


class Rehearsal:
    """Has `command` rehearse with `document`, in a thread; then `done` is called, and it has a `version`, or a `reason`
    why not."""

    def __init__(
        self, command: Sequence[str], document: dict[str, Any], done: Callable[[], None]
    ) -> None:
        self.version: str | None = None
        self.reason: str | None = None
        self._command: Final = command
        self._handover: Final = Handover(document)
        self._done: Final = done
        # Not in the main thread: what is listed as a child of that, the kernel has given us.
        self._thread: Final = threading.Thread(target=self._run, name="rehearsal", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        return self.version is not None or self.reason is not None

    def _run(self) -> None:
        try:
            self.version = self._rehearse()
        except (OSError, ValueError, LookupError, TypeError) as error:
            self.reason = f"the new code cannot be executed: {error}"
        except subprocess.TimeoutExpired:
            self.reason = f"the new code did not say within {_PATIENCE:g} seconds that it can go on"
        except TaskyError as error:
            self.reason = error.message
        self._done()

    def _rehearse(self) -> str:
        file = self._handover.written()
        try:
            ended = subprocess.run(
                self._command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PATIENCE,
                env=environment(file),
                pass_fds=[file],
                check=False,
            )
        finally:
            os.close(file)
        if ended.returncode != 0:
            said = ended.stderr.decode(errors="replace").strip().splitlines()
            log.error("the new code cannot go on: %s", "\n".join(said[-30:]))
            raise TaskyError(f"the new code cannot start: {_reason(said, ended.returncode)}")
        return str(json.loads(ended.stdout)["version"])


def _reason(said: Sequence[str], status: int) -> str:
    """What it has said itself; of an error that it did not expect, the last line of that."""
    if not said:
        return f"exit status {status}"
    if status == _BUG and len(said) > 1:
        return said[-2][:_LONGEST]
    return " ".join(said).removeprefix("tasky: ")[:_LONGEST]


def rehearse(settings: Settings, handover: Handover) -> None:
    """In the process of the new code. Raises what keeps it from going on; else prints its version."""
    handover.check_version()
    document = handover.document
    if document["state_dir"] != str(settings.state_dir.absolute()):
        raise TaskyError("the settings name another state directory: that takes a restart")
    if lack := descriptors_lacking(settings.max_tasks):
        raise TaskyError(lack)
    Catalogue(
        settings.workers_dir, settings.kill_grace, check_owners=not settings.insecure_perms
    ).load()
    must_know(settings.state_dir)
    check(document["supervisor"])
    sys.stdout.write(json.dumps({"version": __version__}))
