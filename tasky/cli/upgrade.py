"""tasky upgrade"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ..errors import TaskyError
from .db import of_state_dir, settings_of
from .exits import Exit
from .invocation import Invocation, emit
from .terminal import complain, line

if TYPE_CHECKING:
    from ..daemon import Outcome

#: Seconds after which there should be an outcome: longer than all that a server waits for.
_PATIENCE: Final = 120.0
_LOOK: Final = 0.05


@click.command()
@of_state_dir
def upgrade(invocation: Invocation, config: Path | None, state_dir: str | None) -> int:
    """Have the running server go on with the code that is installed now: no task ends by that.

    The server is told by a signal (SIGUSR2), so this is for its user or root, on its machine. First the new code is
    tried out. Then the server executes it in its own process: its workers stay its children, connections wait. The exit
    status is 1 where the old code goes on; why is told, and in the server's log.
    """
    from ..daemon import Outcome

    folder = settings_of(config, state_dir).state_dir
    before = Outcome.read(folder)
    process = _server(folder)
    if not process:
        raise TaskyError(f"no server runs with the state directory {folder}")
    _ask(process)
    outcome = _await(folder, process, 0 if before is None else before.number)
    _tell(invocation, outcome)
    return Exit.OK if outcome.reason is None else Exit.FAILED


def _server(folder: Path) -> int:
    """Its process; 0 where there is none."""
    from ..store import lock_holder

    try:
        return lock_holder(folder).pid
    except PermissionError as error:
        raise TaskyError("only the user of the server, or root, may upgrade it") from error


def _ask(process: int) -> None:
    try:
        pidfd = os.pidfd_open(process)
        try:
            if not _catches(process, signal.SIGUSR2):
                raise TaskyError(f"the server (process {process}) is too old for that: restart it")
            signal.pidfd_send_signal(pidfd, signal.SIGUSR2)
        finally:
            os.close(pidfd)
    except PermissionError as error:
        raise TaskyError("only the user of the server, or root, may upgrade it") from error
    except (ProcessLookupError, FileNotFoundError) as error:
        raise TaskyError(f"the server (process {process}) has just ended") from error


def _catches(process: int, number: signal.Signals) -> bool:
    """It would die of a signal that it does not know (proc(5), SigCgt)."""
    for status in Path(f"/proc/{process}/status").read_text().splitlines():
        name, _, value = status.partition(":")
        if name in ("SigCgt", "SigBlk") and int(value, 16) >> (number - 1) & 1:
            return True
    return False


def _await(folder: Path, process: int, before: int) -> Outcome:
    from ..daemon import Outcome

    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        # Looked at first: the last thing that it does may be to tell.
        lives = _server(folder) == process
        outcome = Outcome.read(folder)
        if outcome is not None and outcome.number > before:
            return outcome
        if not lives:
            raise TaskyError("the server has ended meanwhile: see its log")
        time.sleep(_LOOK)
    raise TaskyError(f"the server has not said within {_PATIENCE:g} seconds how it went")


def _tell(invocation: Invocation, outcome: Outcome) -> None:
    if invocation.json:
        emit(
            {
                "upgraded": outcome.reason is None,
                "old": outcome.old,
                "new": outcome.new,
                "reason": outcome.reason,
                "tasks": outcome.tasks,
                "paused_ms": outcome.paused_ms,
            }
        )
    elif outcome.reason is None:
        tasks = f"{outcome.tasks} running task{'' if outcome.tasks == 1 else 's'}"
        line(
            f"upgraded from {outcome.old} to {outcome.new}: {tasks} went on,"
            f" no request was answered for {outcome.paused_ms} ms"
        )
    else:
        complain(f"not upgraded, {outcome.old} goes on: {outcome.reason}")
