"""How a task ended, decided in one place from what its process did and what it said. Pure.

Of several reasons the first in this order counts: that we ended it (cancel, timeout, shutdown, too much output); that
the kernel ended a process of it at its memory limit, unless the worker got over that; the worker's own error message; a
signal; the exit status.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .limits import Limits
from .states import Event
from .task import Failure, FailureCode
from .units import format_duration, format_size


class Reason(StrEnum):
    """Why we ended a process."""

    CANCEL = "cancel"
    TIMEOUT = "timeout"
    SHUTDOWN = "shutdown"
    OUTPUT = "output"
    PROTOCOL = "protocol"


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
    """Everything that decides how an attempt ended. `answered`: its process said so, and may live on: how that ends
    is of no matter. `broken`: what it did against the protocol."""

    status: ExitStatus
    answered: bool = False
    broken: str = ""
    reason: Reason | None = None
    error: WorkerError | None = None
    timeout: int | None = None
    limits: Limits = field(default_factory=Limits)
    out_of_memory: bool = False
    last_words: str = ""
    failure: Failure | None = None  #: of what has no process: it knows itself

    @property
    def is_good(self) -> bool:
        """As far as the worker can tell."""
        return self.error is None and (self.answered or self.status == ExitStatus(code=0))


def decide(ending: Ending) -> tuple[Event, Failure | None]:
    """What happens to the task, and why it failed if it did."""
    if ending.reason is None and ending.failure is not None:
        return Event.FAIL, ending.failure
    found = _cause(ending)
    if found is None:
        return Event.SUCCEED, None
    code, message = found
    return Event.FAIL, Failure(
        code=code,
        message=message,
        exit_code=ending.status.code or None,
        signal=ending.status.signal_name,
        details=ending.error.as_details() if ending.error and code is FailureCode.WORKER else None,
    )


def _cause(ending: Ending) -> tuple[FailureCode, str] | None:
    status = ending.status
    if ending.reason is not None:
        return _stopped(ending.reason, ending)
    if ending.is_good:
        return None
    if ending.out_of_memory:
        return FailureCode.MEMORY, _out_of_memory(ending.limits.memory)
    if ending.error is not None:
        return FailureCode.WORKER, ending.error.message
    if status.lost:
        return FailureCode.LOST, "its exit status was taken by another part of the process"
    if status.signal is not None:
        return FailureCode.SIGNAL, _with(f"killed by {status.signal_name}", ending.last_words)
    return FailureCode.EXIT, _with(f"exit status {status.code}", ending.last_words)


def _stopped(reason: Reason, ending: Ending) -> tuple[FailureCode, str]:
    match reason:
        case Reason.TIMEOUT:
            limit = format_duration(ending.timeout or 0)
            return FailureCode.TIMEOUT, f"it ran for longer than {limit}"
        case Reason.OUTPUT:
            limit = format_size(ending.limits.output or 0)
            return FailureCode.OUTPUT, f"it wrote more than {limit}"
        case Reason.SHUTDOWN:
            return FailureCode.SHUTDOWN, "the server was stopped while the task ran"
        case Reason.PROTOCOL:
            return FailureCode.PROTOCOL, ending.broken
        case Reason.CANCEL:
            return FailureCode.SIGNAL, "canceled"  # not shown: the task is Canceled


def _out_of_memory(limit: int | None) -> str:
    if limit is None:
        return "the system had no memory left for it"
    return f"it used more than {format_size(limit)} of memory"


def _with(message: str, last_words: str) -> str:
    return f"{message}: {last_words}" if last_words else message
