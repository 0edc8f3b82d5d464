"""What is told of a chain while it goes on: its steps, its progress, its log; and what it gave."""

from __future__ import annotations

import json
import time
from typing import Final

from ...model.chain.expression import Unusable
from ...model.task import Failure, FailureCode, Progress
from ...store import Store, Stream, chains
from ..observer import Observer
from .conduct import Conduct


class Teller:
    """For the conductor's thread."""

    def __init__(self, store: Store, observer: Observer) -> None:
        self._store: Final = store
        self._observer: Final = observer

    def tell(self, conduct: Conduct) -> None:
        """The steps that have changed: to the store, and to whoever looks on."""
        course = conduct.course
        changed = [course.view(name) for name in sorted(course.changed)]
        course.changed.clear()
        if not changed:
            return
        task, saved = conduct.task, chains.save_steps(conduct.task.id, conduct.run, changed)
        self._store.writer.post(saved, durable=False)
        for view in changed:
            self._observer.stepped(task.id, task.worker, view)
        progress = Progress(percent=course.percent(), message=course.message() or None)
        if progress != conduct.output.progress:
            conduct.output.progress = progress
            self._observer.progressed(task.id, task.worker, progress)

    def note(self, conduct: Conduct, text: str) -> None:
        """A line of its log."""
        conduct.output.logged = True
        line = f"{' '.join(text.split())}\n".encode(errors="backslashreplace")
        now = time.time_ns()
        self._store.scribe.append(conduct.task.id, Stream.TASKY, now, line, attempt=conduct.run)

    def conclude(self, conduct: Conduct) -> None:
        """Why it failed, or else what it gave. What the store raises is passed on."""
        conduct.failure = conduct.course.failure
        if conduct.failure is not None or conduct.reason is not None:
            return
        try:
            output = conduct.course.output()
            conduct.output.result = json.dumps(
                output, ensure_ascii=False, allow_nan=False, separators=(",", ":")
            )
        except Unusable as error:
            conduct.failure = Failure(code=FailureCode.STEP, message=f"output: {error}")
