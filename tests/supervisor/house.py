"""A Store and a Supervisor on a folder of the test's, with what the tests ask of them again and again."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasky.model.containment import Kind
from tasky.model.params import Parameters
from tasky.model.states import TERMINAL, State
from tasky.model.task import NewTask, Task
from tasky.model.worker import Protocol, WorkerDefinition
from tasky.store import LogLine, Store
from tasky.supervisor import Observer, Submission, Supervisor, choose
from tasky.supervisor.containment.home import find
from tests.helpers import PATIENCE, STATES, all_pids, task_processes, wait_for

SECOND = 1_000_000_000
MILLISECOND = 1_000_000
BEHAVE = str(Path(__file__).resolve().parent.parent / "workers" / "behave.sh")


def behaving(name: str, mode: str, *arguments: object, **keys: Any) -> WorkerDefinition:
    """A worker that does what tests/workers/behave.sh does in `mode`."""
    return WorkerDefinition(name=name, command=(BEHAVE, mode, *map(str, arguments)), **keys)


def program(name: str, *command: str, **keys: Any) -> WorkerDefinition:
    """An ordinary program."""
    return WorkerDefinition(name=name, command=command, protocol=Protocol.TEXT, **keys)


def speaker(name: str, *command: str, **keys: Any) -> WorkerDefinition:
    """A program that speaks the protocol."""
    return WorkerDefinition(name=name, command=command, **keys)


class House:
    """Open until `close`, which waits for all tasks' processes; `kill` ends them at once."""

    def __init__(
        self,
        folder: Path,
        *workers: WorkerDefinition,
        max_tasks: int = 64,
        max_queued: int = 1000,
        max_line: int = 1 << 20,
        max_log: int = 4 << 20,
        containment: Kind = Kind.AUTO,
        observer: Observer | None = None,
    ) -> None:
        observer = observer or Observer()
        self.folder = folder
        STATES.append(folder)
        self.definitions = {worker.name: worker for worker in workers}
        self.store = Store.open(folder, max_log=max_log, on_logged=observer.logged)
        self.containment = choose(containment, folder)
        self.supervisor = Supervisor(
            self.store,
            dict(self.definitions),
            containment=self.containment,
            max_tasks=max_tasks,
            max_queued=max_queued,
            max_line=max_line,
            observer=observer,
        )
        self.supervisor.start()
        self._open = True

    def close(self) -> None:
        if self._open:
            self._open = False
            self.supervisor.drain()
            self.supervisor.kill_now()
            drained = self.supervisor.join(PATIENCE)
            self.supervisor.close()
            self.containment.close()
            self.store.close()
            assert drained, "the supervisor ends"

    def drained(self) -> None:
        """Waits for the end of a drain that the test began, then closes."""
        assert self.supervisor.join(PATIENCE), "it is drained"
        self.close()

    # ------------------------------------------------------------------ workers and tasks

    def define(self, *definitions: WorkerDefinition) -> None:
        self.definitions.update({definition.name: definition for definition in definitions})
        self.supervisor.reload(dict(self.definitions))

    def behave(self, mode: str, *arguments: object, **keys: Any) -> str:
        """Defines a worker named after its mode; gives the name."""
        self.define(behaving(mode, mode, *arguments, **keys))
        return mode

    def new(self, worker: str, params: Mapping[str, Any] | None = None, **options: Any) -> NewTask:
        definition = self.definitions[worker]
        return NewTask(
            id=self.store.ids.new(),
            worker=worker,
            params=definition.parameters.check(params or {}),
            created=time.time_ns(),
            secrets=tuple(sorted(definition.parameters.secrets)),
            **options,
        )

    def submit(self, worker: str, params: Mapping[str, Any] | None = None, **options: Any) -> str:
        return self.admit(self.new(worker, params, **options)).task_id

    def admit(self, new: NewTask, *, watch: bool = False) -> Submission:
        return self.supervisor.submit(new, self.definitions[new.worker], watch=watch)

    def run(self, worker: str, params: Mapping[str, Any] | None = None, **options: Any) -> Task:
        return self.ended(self.submit(worker, params, **options))

    def start(self, worker: str, params: Mapping[str, Any] | None = None, **options: Any) -> str:
        """Submits, and gives the id when the worker has said that it is ready."""
        task_id = self.submit(worker, params, **options)
        self.pid(task_id)
        return task_id

    # ------------------------------------------------------------------ what becomes of them

    def task(self, task_id: str) -> Task:
        task = self.store.reader.get(task_id)
        assert task is not None, f"{task_id} is stored"
        return task

    def state(self, task_id: str) -> State:
        return self.task(task_id).state

    def ended(self, task_id: str) -> Task:
        """The task as stored, when it has ended."""
        watcher = self.supervisor.watch(task_id)
        if watcher is not None:
            ended = watcher.wait(PATIENCE)
            assert ended is not None, f"{task_id} ends; it is {self.state(task_id)}"
        task = self.task(task_id)
        assert task.state in TERMINAL
        return task

    def pid(self, task_id: str) -> int:
        """The worker's process, when it has said that it is ready."""

        def said() -> str | None:
            progress = self.supervisor.progress(task_id)
            return progress.message if progress else None

        return int(wait_for(said, f"the worker of {task_id} is ready") or 0)

    def log(self, task_id: str) -> list[LogLine]:
        return list(self.store.log(task_id).lines())

    def folder_of(self, task_id: str) -> Path:
        return Path(self.store.folders.name(task_id))

    def processes(self) -> list[int]:
        """Those of this house's tasks."""
        return task_processes(self.folder)


def canceled(house: House, task_id: str, grace: int | None = None) -> Task:
    house.supervisor.cancel(task_id, grace)
    return house.ended(task_id)


def process_state(pid: int) -> str:
    """R, S, D, T, Z, ...; X for a process that is not there."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def cgroup_of(pid: int) -> Path | None:
    """The folder of its cgroup, if it is one of Tasky's."""
    path = Path(f"/proc/{pid}/cgroup").read_text().rpartition("0::")[2].strip()
    home = find()
    return Path(home.folder, os.path.relpath(path, home.name)) if "/tasky-" in path else None


def stands_still(pid: int) -> bool:
    """Whether it, and what is in its group, is stopped, or frozen with its cgroup."""
    leaf = cgroup_of(pid)
    if leaf is not None:
        return "frozen 1" in (leaf / "cgroup.events").read_text()
    return all(process_state(member) == "T" for member in group(pid))


def group(pgid: int) -> list[int]:
    """The members of a process group that are no zombies."""
    found = []
    for pid in all_pids():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == pgid and fields[0] != "Z":
            found.append(pid)
    return found


def open_fds() -> list[str]:
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the one that lists them
            found.append(str(entry.readlink()))
    return sorted(found)


def thread_names() -> list[str]:
    """But for what another test's browser has: its driver is a process of asyncio's."""
    names = (thread.name for thread in threading.enumerate())
    return sorted(name for name in names if not name.startswith("asyncio-"))


class Gate:
    """A FIFO that workers wait at, each for a word of its own, which may be there before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDWR)

    def open(self, word: str = "go", times: int = 1) -> None:
        """Lets as many workers through."""
        os.write(self._fd, f"{word}\n".encode() * times)

    def close(self) -> None:
        os.close(self._fd)

    def __str__(self) -> str:
        return str(self._path)


def parameters(**schemas: Mapping[str, Any]) -> Parameters:
    return Parameters(schemas)
