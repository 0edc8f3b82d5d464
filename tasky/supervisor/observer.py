"""Who wants to know what happens to tasks, without having a say in it: event streams, metrics, notifications."""

from __future__ import annotations

from ..model.chain.records import StepView
from ..model.states import State
from ..model.task import Outcome, Progress


class Observer:
    """Told of everything, in whatever thread it happens; this one does not care. A method returns at once (what is to
    be done is put on a queue of its own), raises nothing, and calls nothing of the supervisor or the store. Of one
    task, they come in the order in which things happened; the lines that `logged` was called for and the latest
    progress come before the end. Times are in ns."""

    def queued(self, task_id: str, worker: str) -> None:
        """A new task is stored. Where a slot is free, `started` follows at once."""

    def started(self, task_id: str, worker: str, attempt: int, waited_ns: int) -> None:
        """An attempt is stored as Running, and its process is about to be made. It has waited so long since it could
        have started: since it was submitted, its `at`, or the end of the pause before another attempt."""

    def spawned(self, seconds: float) -> None:
        """A process was made, which took so long."""

    def took(self, worker: str, warm: bool) -> None:
        """A task has got a process that waited for one: its first (`warm`), or another one after that."""

    def changed(self, task_id: str, worker: str, state: State) -> None:
        """The task has a new state, stored or (on a full disk) in force; also its first one, and its last."""

    def progressed(self, task_id: str, worker: str, progress: Progress) -> None:
        """The latest that the worker has said. May be called thousands of times a second."""

    def stepped(self, task_id: str, worker: str, step: StepView) -> None:
        """A step of a chain is not where it was. It may be told again as it is."""

    def logged(self, task_id: str) -> None:
        """There are more lines in the task's log, on disk. May be called thousands of times a second."""

    def ended(
        self, task_id: str, worker: str, outcome: Outcome, run_ns: int, waited_ns: int
    ) -> None:
        """The end is stored. `run_ns` is counted from the first start (0: it never started, or the server died under
        it); `waited_ns` is that of the last attempt, or how long it waited for nothing."""

    def owed(self, task_id: str) -> None:
        """Somebody is to be told of the task's end, which is stored, and so is that. Not called for what a start finds
        and settles."""


class Observers(Observer):
    """Several as one."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def add(self, observer: Observer) -> None:
        """One more, from now on."""
        self._observers = (*self._observers, observer)

    def queued(self, task_id: str, worker: str) -> None:
        for observer in self._observers:
            observer.queued(task_id, worker)

    def started(self, task_id: str, worker: str, attempt: int, waited_ns: int) -> None:
        for observer in self._observers:
            observer.started(task_id, worker, attempt, waited_ns)

    def spawned(self, seconds: float) -> None:
        for observer in self._observers:
            observer.spawned(seconds)

    def took(self, worker: str, warm: bool) -> None:
        for observer in self._observers:
            observer.took(worker, warm)

    def changed(self, task_id: str, worker: str, state: State) -> None:
        for observer in self._observers:
            observer.changed(task_id, worker, state)

    def progressed(self, task_id: str, worker: str, progress: Progress) -> None:
        for observer in self._observers:
            observer.progressed(task_id, worker, progress)

    def stepped(self, task_id: str, worker: str, step: StepView) -> None:
        for observer in self._observers:
            observer.stepped(task_id, worker, step)

    def logged(self, task_id: str) -> None:
        for observer in self._observers:
            observer.logged(task_id)

    def ended(
        self, task_id: str, worker: str, outcome: Outcome, run_ns: int, waited_ns: int
    ) -> None:
        for observer in self._observers:
            observer.ended(task_id, worker, outcome, run_ns, waited_ns)

    def owed(self, task_id: str) -> None:
        for observer in self._observers:
            observer.owed(task_id)
