"""The parts below HTTP put together in one process: a real store, a real supervisor, real workers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasky.config import Catalogue
from tasky.model.containment import Kind
from tasky.model.task import Task
from tasky.service import History, Service
from tasky.service.events import Hub
from tasky.store import Store
from tasky.store.connections import BUSY_TIMEOUT
from tasky.supervisor import Observers, Supervisor, choose
from tests.helpers import PATIENCE, wait_for, write_definition

_SECOND = 1_000_000_000


class Assembly:
    """Workers are added before `start`, or followed by `reload`."""

    def __init__(self, root: Path) -> None:
        self.workers = root / "workers.d"
        self.state = root / "state"
        self.workers.mkdir(exist_ok=True)

    def add(self, name: str, script: str, **definition: Any) -> None:
        """A worker that is a shell script: it starts in a millisecond."""
        program = self.workers / f"{name}.sh"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        write_definition(self.workers, name, command=[f"./{name}.sh"], **definition)

    def start(
        self, *, max_tasks: int = 64, max_queued: int = 1000, busy_timeout: float = BUSY_TIMEOUT
    ) -> None:
        self.hub = Hub()
        self.catalogue = Catalogue(self.workers, 10 * _SECOND)
        self.catalogue.load()
        self.store = Store.open(
            self.state,
            max_log=16 << 20,
            busy_timeout=busy_timeout,
            on_logged=self.hub.logged,
        )
        history = History()
        self.observers = Observers(self.hub, history)
        self.containment = choose(Kind.AUTO, self.state)
        self.supervisor = Supervisor(
            self.store,
            self.catalogue.definitions,
            containment=self.containment,
            max_tasks=max_tasks,
            max_queued=max_queued,
            max_line=1 << 20,
            observer=self.observers,
        )
        self.supervisor.start()
        self.service = Service(
            self.store, self.supervisor, self.catalogue, self.hub, history=history
        )

    def reload(self) -> None:
        self.catalogue.reload()
        self.supervisor.reload(self.catalogue.definitions)

    def stop(self) -> None:
        self.supervisor.drain()
        self.supervisor.kill_now()
        assert self.supervisor.join(PATIENCE), "the supervisor does not end"
        self.supervisor.close()
        self.containment.close()
        self.store.close()

    def await_state(self, task_id: str, *states: str) -> Task:
        def reached() -> Task | None:
            task = self.service.task(task_id)
            return task if task.state in states else None

        found = wait_for(reached, f"{task_id} is {states}")
        assert found is not None
        return found

    def await_log(self, task_id: str, text: str) -> None:
        """Until the log has a line with `text`."""

        def there() -> bool:
            return any(text in line.text for line in self.service.log(task_id).lines())

        wait_for(there, f"{text!r} in the log of {task_id}")


#: Workers that the tests share: name, script, the rest of the definition.
ECHO = 'read -r line\nprintf \'{"type":"result","output":%s}\\n\' "$line"'
HOLD = "echo ready; exec sleep 600"
STUBBORN = "trap '' TERM; echo ready; while :; do sleep 600; done"
FAIL = 'echo "no space left" >&2; exit 3'
