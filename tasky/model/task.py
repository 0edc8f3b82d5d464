"""The records of a task: as submitted, as stored, and how it ended. Pure.

Times are nanoseconds since the epoch (UTC), durations are nanoseconds; both are integers, so that nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .notify import Hook, Notification
from .states import State


class FailureCode(StrEnum):
    """Why a task failed, as the API spells it."""

    WORKER = "worker"  #: it sent an error message
    EXIT = "exit"  #: non-zero exit status
    SIGNAL = "signal"  #: killed by a signal that we did not send
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    PROTOCOL = "protocol"
    SPAWN = "spawn"  #: could not be started
    LOST = "lost"  #: the supervisor died under it
    SHUTDOWN = "shutdown"  #: the server was stopped under it
    STEP = "step"  #: of a chain: one of its steps failed


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What a failed task's `Error` says. `signal` is a name such as SIGSEGV."""

    code: FailureCode
    message: str
    exit_code: int | None = None
    signal: str | None = None
    details: Any = None

    def as_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {"code": str(self.code), "message": self.message}
        if self.exit_code is not None:
            document["exit_code"] = self.exit_code
        if self.signal is not None:
            document["signal"] = self.signal
        if self.details is not None:
            document["details"] = self.details
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Failure:
        return cls(**{**document, "code": FailureCode(document["code"])})


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a task says it is: percent is 0..100."""

    percent: float | None = None
    message: str | None = None

    def as_json(self) -> dict[str, Any]:
        pairs = (("percent", self.percent), ("message", self.message))
        return {key: value for key, value in pairs if value is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """A file that a task left: `path` is relative to its files folder, `size` in bytes."""

    path: str
    name: str
    media_type: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Idempotency:
    """A client's Idempotency-Key, with a digest of the worker and the body that it came with."""

    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a chain a task is: the chain's task, the attempt of that, the step, which of its items (from 0),
    which attempt of that."""

    parent: str
    run: int
    step: str
    item: int
    attempt: int


@dataclass(frozen=True, slots=True)
class NewChain:
    """The work of a task that is a chain: the document of its plan; `resumes` is the chain that failed and whose
    finished tasks it takes over, `halted` why it was stopped, if it was."""

    plan: Mapping[str, Any]
    resumes: str | None = None
    halted: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NewTask:
    """A task as submitted: parameters already checked, defaults filled in. `secrets` names those that are masked in
    every answer, whatever the worker's definition says later. `by` is the name of who submitted it, None where
    nobody is known."""

    id: str
    worker: str
    params: Mapping[str, Any]
    created: int
    priority: int = 0
    labels: tuple[tuple[str, str], ...] = ()
    not_before: int | None = None
    timeout: int | None = None
    idempotency: Idempotency | None = None
    restart_of: str | None = None
    secrets: tuple[str, ...] = ()
    notify: tuple[Hook, ...] = ()
    by: str | None = None
    chain: NewChain | None = None
    part: Part | None = None
    #: The time of the worker's schedule for which it is made.
    due: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One operating-system process of a task. `number` counts from 1."""

    number: int
    started: int
    finished: int | None = None
    exit_code: int | None = None
    signal: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a task ended. `output` is JSON text, or None where there is none; `duration` is measured by the
    monotonic clock from the first start (None if it never started)."""

    state: State
    finished: int
    duration: int | None = None
    output: str | None = None
    failure: Failure | None = None
    progress: Progress | None = None
    artifacts: tuple[Artifact, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """What somebody did to a task, such as `cancel`."""

    time: int
    by: str
    action: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A task as stored."""

    id: str
    worker: str
    state: State
    created: int
    params: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    labels: tuple[tuple[str, str], ...] = ()
    not_before: int | None = None
    timeout: int | None = None
    restart_of: str | None = None
    secrets: tuple[str, ...] = ()
    started: int | None = None
    finished: int | None = None
    duration: int | None = None
    progress: Progress | None = None
    output: str | None = None
    failure: Failure | None = None
    artifacts: tuple[Artifact, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    notifications: tuple[Notification, ...] = ()
    by: str | None = None
    actions: tuple[Action, ...] = ()
    part: Part | None = None
    #: The time of a schedule for which it was made.
    due: int | None = None
