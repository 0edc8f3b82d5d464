"""How a task ended, decided in one place from what its process did and what it said. Pure.

Of several reasons the first in this order counts: an exit that we had not asked for, cancel, timeout or shutdown;
then the worker's own error message; then the signal; then the exit status.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .states import Event
from .task import Failure, FailureCode
from .units import format_duration


class Reason(StrEnum):
    """Why we ended a process."""

    CANCEL = "cancel"
    TIMEOUT = "timeout"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """As the kernel gives it: an exit code, or the number of the signal that ended the process.

    `lost` means that somebody else took the status: such a process never counts as a success.
    """

    code: int | None = None
    signal: int | None = None
    lost: bool = False

    @property
    def signal_name(self) -> str | None:
        if self.signal is None:
            return None
        try:
            return signal.Signals(self.signal).name
        except ValueError:  # a real-time signal
            return f"SIG{self.signal}"


@dataclass(frozen=True, slots=True)
class WorkerError:
    """What the worker said in its error message."""

    message: str
    code: str | None = None
    details: Any = None

    def as_details(self) -> Any:
        """The worker's own code travels in the details: the task's `code` says who failed it."""
        if self.code is None:
            return self.details
        if isinstance(self.details, dict):
            return {"code": self.code, **self.details}
        return (
            {"code": self.code}
            if self.details is None
            else {"code": self.code, "details": self.details}
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """Everything that decides how an attempt ended."""

    status: ExitStatus
    reason: Reason | None = None
    error: WorkerError | None = None
    timeout: int | None = None
    last_words: str = ""


def decide(ending: Ending) -> tuple[Event, Failure | None]:
    """What happens to the task, and why it failed if it did."""
    failure = _failure(ending)
    return (Event.FAIL, failure) if failure else (Event.SUCCEED, None)


def _failure(ending: Ending) -> Failure | None:
    status = ending.status
    facts = {"exit_code": status.code or None, "signal": status.signal_name}
    if ending.reason is not None:
        return _stopped(ending, facts)
    if ending.error is not None:
        details = ending.error.as_details()
        return Failure(
            code=FailureCode.WORKER, message=ending.error.message, details=details, **facts
        )
    if status.lost:
        return Failure(
            code=FailureCode.LOST,
            message="its exit status was taken by another part of the process",
        )
    if status.signal is not None:
        message = _with_words(f"killed by {status.signal_name}", ending.last_words)
        return Failure(code=FailureCode.SIGNAL, message=message, **facts)
    if status.code:
        message = _with_words(f"exit status {status.code}", ending.last_words)
        return Failure(code=FailureCode.EXIT, message=message, **facts)
    return None


def _stopped(ending: Ending, facts: dict[str, Any]) -> Failure:
    if ending.reason is Reason.TIMEOUT:
        limit = format_duration(ending.timeout or 0)
        return Failure(code=FailureCode.TIMEOUT, message=f"it ran for longer than {limit}", **facts)
    if ending.reason is Reason.SHUTDOWN:
        message = "the server was stopped while the task ran"
        return Failure(code=FailureCode.SHUTDOWN, message=message, **facts)
    return Failure(
        code=FailureCode.SIGNAL, message="canceled", **facts
    )  # not shown: the task is Canceled


def _with_words(message: str, last_words: str) -> str:
    return f"{message}: {last_words}" if last_words else message
