"""Every error that Tasky raises on purpose, one tree, one sentence each. Imports nothing of ours.

A class's docstring is its default message. Each carries the HTTP status that the API answers with, so that the
mapping is read here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


class TaskyError(Exception):
    """Tasky could not do what was asked."""

    status: ClassVar[int] = 500

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())

    @property
    def message(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong with what a client sent.

    `pointer` is an RFC 6901 JSON pointer into the body ("" is the body itself); for a query parameter or a header it
    is empty and `parameter` names it.
    """

    detail: str
    pointer: str = ""
    parameter: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a configuration file: where (line and column count from 1) and what to do about it."""

    file: Path
    line: int
    key: str
    message: str
    column: int = 1

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else f"{self.file}"
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class ConfigError(TaskyError):
    """The configuration has mistakes."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class BadRequest(TaskyError):
    """The request is not understood."""

    status = 400


class Invalid(TaskyError):
    """What was sent is not valid."""

    status = 422

    def __init__(self, violations: Sequence[Violation], message: str | None = None) -> None:
        super().__init__(message or "; ".join(violation.detail for violation in violations))
        self.violations = tuple(violations)


class InvalidParams(Invalid):
    """The parameters do not fit the worker."""


class IdempotencyConflict(TaskyError):
    """This Idempotency-Key was used before with another worker or body."""

    status = 422


class Unauthorized(TaskyError):
    """Who are you? Give a token: Authorization: Bearer tsk_..."""

    status = 401


class TooManyFailures(TaskyError):
    """Too many failed logins from this address: wait a little."""

    status = 429

    retry_after: int = 60  #: seconds


class Forbidden(TaskyError):
    """This is not allowed to you."""

    status = 403


class NotFound(TaskyError):
    """There is no such thing."""

    status = 404


class UnknownWorker(NotFound):
    """There is no such worker. `near` is the one that was probably meant; without it the message is `plain`."""

    def __init__(self, message: str = "There is no such worker.", near: str | None = None) -> None:
        super().__init__(f"{message}; did you mean {near}?" if near else message)
        self.plain = message
        self.near = near


class UnknownTask(NotFound):
    """There is no such task."""


class Conflict(TaskyError):
    """The state of the thing does not allow this."""

    status = 409


class WrongState(Conflict):
    """The task's state does not allow this. `state` is the task's state as the API names it."""

    def __init__(self, message: str, state: str) -> None:
        super().__init__(message)
        self.state = state


class WorkerDisabled(Conflict):
    """The worker is disabled."""


class IllegalTransition(TaskyError):
    """A state change outside the table: a mistake of ours, never of a client."""


class QueueFull(TaskyError):
    """The queue is full."""

    status = 429
    retry_after: ClassVar[int] = 5


class ShuttingDown(TaskyError):
    """The server is shutting down."""

    status = 503
    retry_after: ClassVar[int] = 10


class HostRefused(Forbidden):
    """The server sends no notifications to this host."""


class SpawnError(TaskyError):
    """The worker's program could not be started."""


class NoMetrics(TaskyError):
    """The metrics need the package prometheus-client: pip install 'tasky[metrics]'"""

    status = 501


class StoreError(TaskyError):
    """The store cannot be used."""


class StoreLocked(StoreError):
    """Another server uses this state directory."""


class BackupError(TaskyError):
    """The backup cannot be made."""


class StoreDamaged(StoreError):
    """The database is damaged."""


class StoreFull(StoreError):
    """The disk is full: nothing can be stored."""

    status = 507


class StoreBusy(StoreError):
    """The store is busy."""

    status = 503
    retry_after: ClassVar[int] = 5
