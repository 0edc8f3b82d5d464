"""How a process ended: by its pidfd and waitid, so exact, and no other process is ever touched. Never blocks."""

from __future__ import annotations

import contextlib
import errno
import logging
import os

from ..model.outcome import ExitStatus

log = logging.getLogger(__name__)


def look(pidfd: int) -> ExitStatus | None:
    """How the process ended, without reaping it; None while it cannot be told (a debugger is told first)."""
    try:
        return _status(os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOWAIT | os.WNOHANG))
    except ChildProcessError as error:
        log.error("a process was reaped by somebody else: %s", errno.errorcode[error.errno or 0])
        return ExitStatus(lost=True)


def reap(pidfd: int) -> None:
    """Gives the number of a process back that `look` has seen ended."""
    with contextlib.suppress(ChildProcessError):  # said by `look`
        os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)


def _status(result: os.waitid_result | None) -> ExitStatus | None:
    if result is None:
        return None
    if result.si_code == os.CLD_EXITED:
        return ExitStatus(code=result.si_status)
    return ExitStatus(signal=result.si_status)
