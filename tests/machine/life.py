"""What a task's life must be, said once more as the contract (section 2) has it: nothing of tasky is imported here.

A `Life` is one task as it should be; `House` has all of them, the slots they share, and whose turn it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

ENDED: Final = ("Completed", "Failed", "Canceled")
HAS_PROCESS: Final = ("Running", "Paused", "Canceling")
#: What a request answers in each state, and the state that it leads to. Where there is none: 409, and nothing happens.
REQUESTS: Final[dict[str, dict[str, tuple[int, str]]]] = {
    "cancel": {
        "Queued": (202, "Canceled"),
        "Running": (202, "Canceling"),
        "Paused": (202, "Canceling"),
        "Canceling": (202, "Canceling"),
    },
    "pause": {"Running": (200, "Paused"), "Paused": (200, "Paused")},
    "resume": {"Running": (200, "Running"), "Paused": (200, "Running")},
    "delete": {"Completed": (204, ""), "Failed": (204, ""), "Canceled": (204, "")},
}
NOTHING: Final = object()


@dataclass(frozen=True)
class Worker:
    """`delayed`: what is tried again waits for longer than any test."""

    name: str
    max_tasks: int = 0
    attempts: int = 1
    retried: Sequence[str] = ()
    delayed: bool = False

    def __repr__(self) -> str:
        return self.name


@dataclass(eq=False)
class Try:
    """One attempt: how it ended, and what it has said."""

    failure: str | None = None
    over: bool = False
    #: Pairs of a stream and a line.
    logged: list[tuple[str, str]] = field(default_factory=list)
    result: Any = NOTHING
    #: What it may have sent as its last result, killed while it was about to.
    perhaps: Any = NOTHING
    progress: float | None = None
    error: str | None = None
    #: What was kept of it in memory only is lost.
    killed_with_server: bool = False

    @property
    def text(self) -> str:
        return "\n".join(line for stream, line in self.logged if stream == "stdout")


@dataclass(eq=False)
class Life:
    """`number`: its place among all submissions."""

    number: int
    task_id: str
    worker: Worker
    manner: str
    priority: int
    state: str = "Queued"
    attempts: list[Try] = field(default_factory=list)
    held_back: bool = False  #: waits for the time of its next attempt
    steps_back: bool = False  #: its attempt has failed just now: those that waited before go first
    hasty: bool = False  #: has a timeout
    document: Any = None  #: the first answer about it that said that it has ended

    def __repr__(self) -> str:
        return f"task {self.number}"

    @property
    def told(self) -> str:
        attempt = len(self.attempts)
        return f"{self} ({self.worker.name}, {self.manner}), {self.state}, attempt {attempt}"

    @property
    def has_process(self) -> bool:
        return self.state in HAS_PROCESS

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def now(self) -> Try:
        return self.attempts[-1]

    @property
    def changes_nothing(self) -> list[str]:
        """The requests that are refused in its state, or that it has carried out already."""
        return [
            request
            for request, states in REQUESTS.items()
            if states.get(self.state, (409, self.state))[1] == self.state
        ]

    def answer(self, request: str) -> int:
        """The status that a request is answered with."""
        return REQUESTS[request].get(self.state, (409, ""))[0]

    def asked(self, request: str) -> None:
        """What was asked for was accepted."""
        self.state = REQUESTS[request][self.state][1]

    def starts(self) -> None:
        assert self.state == "Queued", self.state
        self.state = "Running"
        self.attempts.append(Try())

    def says(self, message: dict[str, Any]) -> None:
        match message:
            case {"type": "result", "output": output}:
                self.now.result = output
            case {"type": "error", "code": code}:
                self.now.error = code
            case {"type": "progress", "percent": percent}:
                self.now.progress = percent
            case {"type": "log", "message": text}:
                self.now.logged.append(("log", text))
            case {"type": "text", "text": text}:
                self.now.logged.append(("stdout", text))

    def canceled(self, at_once: bool) -> None:
        """A cancel was accepted. `at_once`: SIGKILL follows SIGTERM."""
        was = self.state
        self.asked("cancel")
        if not self.has_process:
            return
        if was != "Canceling":
            self.terminated(at_once)
        if at_once and self.has_process:
            self.process_ends("signal")

    def terminated(self, at_once: bool = False, how: str = "signal") -> None:
        """It gets SIGTERM."""
        if self.manner == "polite" and at_once:
            self.now.perhaps = "bye"  # if it had the time
        elif self.manner == "polite":
            self.now.result = "bye"
        if self.manner != "stubborn" or at_once:
            self.process_ends(how)

    def stopped(self, at_once: bool) -> None:
        """The server was stopped. `at_once`: its grace may have been ended."""
        if self.state == "Canceling":
            self.process_ends("shutdown")
        else:
            self.terminated(at_once, "shutdown")

    def process_ends(self, how: str) -> None:
        """`how`: `success`, `exit` or `signal`, as the process itself ended; or what was done to it: `timeout`, `lost`,
        `shutdown`."""
        assert self.has_process, self.state
        self.now.over = True
        if self.state == "Canceling":
            self.state = "Canceled"
            return
        said_so = self.now.error is not None and how in ("success", "exit", "signal")
        failure = "worker" if said_so else how
        if failure == "success":
            self.state = "Completed"
            return
        self.now.failure = failure
        again = self._is_tried_again(failure)
        self.state = "Queued" if again else "Failed"
        self.held_back = again and self.worker.delayed
        self.steps_back = again
        if again:  # what counts is the last attempt's
            self.now.result = self.now.perhaps = NOTHING

    def _is_tried_again(self, failure: str) -> bool:
        cause = "lost" if failure == "shutdown" else failure
        return len(self.attempts) < self.worker.attempts and cause in self.worker.retried


class House:
    """All tasks, and `slots` for those with a process."""

    def __init__(self, slots: int) -> None:
        self.lives: list[Life] = []
        self._slots = slots
        self._submitted = 0

    def __iter__(self) -> Iterator[Life]:
        return iter(self.lives)

    def add(self, task_id: str, worker: Worker, manner: str, priority: int) -> Life:
        self._submitted += 1
        life = Life(self._submitted, task_id, worker, manner, priority)
        self.lives.append(life)
        return life

    def able_to(self, request: str) -> list[Life]:
        """Those whose state it would change."""
        return [life for life in self.lives if request not in life.changes_nothing]

    @property
    def alive(self) -> list[Life]:
        return [life for life in self.lives if not life.ended]

    @property
    def with_process(self) -> list[Life]:
        return [life for life in self.lives if life.has_process]

    @property
    def awake(self) -> list[Life]:
        """Their processes can do something."""
        return [life for life in self.with_process if life.state != "Paused"]

    @property
    def obedient(self) -> list[Life]:
        """Awake, and SIGTERM ends them."""
        return [life for life in self.awake if life.manner == "obedient"]

    @property
    def patient(self) -> list[Life]:
        return [life for life in self.lives if not life.hasty]

    def would_start(self, worker: Worker) -> bool:
        """A task of this worker that comes now."""
        waiting = [life for life in self.lives if life.state == "Queued" and not life.held_back]
        return not waiting and self._has_slot(worker)

    def starts(self) -> list[Life]:
        """Starts whoever may: the highest priority first, of the same the one that was submitted first."""
        started = self._take_turns([life for life in self.lives if not life.steps_back])
        self.restarts()
        return started + self._take_turns(self.lives)

    def restarts(self) -> None:
        """A server that was started knows only how urgent and how old its tasks are."""
        for life in self.lives:
            life.steps_back = False

    def _take_turns(self, lives: list[Life]) -> list[Life]:
        started = []
        while ready := [life for life in lives if self._may_start(life)]:
            life = min(ready, key=lambda life: (-life.priority, life.number))
            life.starts()
            started.append(life)
        return started

    def _may_start(self, life: Life) -> bool:
        return life.state == "Queued" and not life.held_back and self._has_slot(life.worker)

    def _has_slot(self, worker: Worker) -> bool:
        running = self.with_process
        limit = worker.max_tasks
        same = [life for life in running if life.worker is worker]
        return len(running) < self._slots and (not limit or len(same) < limit)
