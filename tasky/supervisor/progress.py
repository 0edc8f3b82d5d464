"""Progress is read from memory; now and then the latest of all tasks is stored, for the time after a crash."""

from __future__ import annotations

from typing import Final

from ..crash import Point, crash_at
from ..errors import TaskyError
from ..store import Store, tasks
from .loop import Loop
from .register import Register

_INTERVAL: Final = 1_000_000_000  # ns


class ProgressSaver:
    """For the loop's thread."""

    def __init__(self, store: Store, register: Register, loop: Loop) -> None:
        self._store: Final = store
        self._register: Final = register
        self._loop: Final = loop
        self._awake = False

    def wake(self) -> None:
        """A task has started: saves again and again, as long as any runs."""
        if not self._awake:
            self._awake = True
            self._loop.later(_INTERVAL, self._save)

    def _save(self) -> None:
        self._awake = False
        lives = self._register.lives()
        changed = [pair for live in lives if (pair := live.unsaved_progress()) is not None]
        if changed:
            self._store.writer.post(tasks.save_progress(changed), durable=False, done=_saved)
        if lives:
            self.wake()


def _saved(_: object, _error: TaskyError | None) -> None:
    crash_at(Point.PROGRESS_STORED)
