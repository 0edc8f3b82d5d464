"""A process that waits for a task: started before there was one, or kept after another."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

from ..errors import SpawnError
from ..logs import about
from ..model.worker import WorkerDefinition
from ..store import Store
from .containment import Containment, proc
from .exchange import exchange
from .identity import identity
from .launch import Launch, Opening
from .reaping import look
from .spawner import Spawned, spawn
from .stdin import unread_bytes

#: What its program was when it was started: each file that the command names.
Program: TypeAlias = tuple[tuple[int, int, int] | None, ...]


_LAST_WORDS: Final = 4096
#: A process is looked at so often until it sleeps, after pauses that double, in s: 50 ms in all.
_LOOKS: Final = 9
_FIRST_PAUSE: Final = 0.0001


class Standby:
    """Belongs to the pool, or to whoever has taken it from there: never to two threads."""

    def __init__(
        self, process_id: str, definition: WorkerDefinition, spawned: Spawned, folder: str, era: int
    ) -> None:
        self.process_id: Final = process_id
        self.definition: Final = definition
        self.spawned: Final = spawned
        #: Which of the pool's times it is of: one of a former is not kept.
        self.era: Final = era
        #: Tasks that it was given.
        self.served = 0
        #: The one that it has or had, and the one before.
        self.task: str | None = None
        self.former: str | None = None
        #: Where it was started.
        self.folder: Final = folder
        self._program: Final = program_of(definition)

    @property
    def pid(self) -> int:
        return self.spawned.pid

    @property
    def outputs(self) -> tuple[int, int]:
        """Its stdout and stderr, which are open as long as it waits."""
        stdout, stderr = self.spawned.stdout, self.spawned.stderr
        assert stdout is not None
        assert stderr is not None
        return stdout, stderr

    @property
    def about(self) -> dict[str, Any]:
        """For a line of the log."""
        return about(worker=self.definition.name)

    @property
    def is_worn(self) -> bool:
        """It has served as many tasks as one may."""
        reuse = self.definition.reuse
        return self.served >= (1 if reuse is None else reuse.tasks)

    @property
    def is_outdated(self) -> bool:
        """Its program is another by now."""
        return program_of(self.definition) != self._program

    def is_silent(self) -> bool:
        """It lives, and has said nothing since its last task. What one says before its first is of that task."""
        spawned = self.spawned
        if self.served:
            self._let_it_rest()
        if look(spawned.pidfd) is not None:
            return False
        return not self.served or not any(map(unread_bytes, self.outputs))

    def _let_it_rest(self) -> None:
        """Until it sleeps, as one does that waits for its task; for a moment at the most. So one that has more to say
        after its answer has said it; and one that waits for a processor would do nothing with a task anyway."""
        for number in range(_LOOKS):
            seen = proc.stat(self.pid)
            if seen is None or seen.state not in "RD":
                return
            time.sleep(_FIRST_PAUSE * 2**number)

    def last_words(self) -> str:
        """The last line on its stderr."""
        with contextlib.suppress(BlockingIOError):
            lines = os.read(self.outputs[1], _LAST_WORDS).split(b"\n")
            return next((line.decode(errors="replace") for line in reversed(lines) if line), "")
        return ""

    def close_stdin(self) -> None:
        if self.spawned.stdin is not None:
            self.spawned.stdin.close()

    def give(self, launch: Launch) -> None:
        """Its task. Raises OSError, and is of no use then."""
        stdin = self.spawned.stdin
        assert stdin is not None, "it reads its task"
        if self.definition.reuse is None:
            take_over(self.folder, launch.workdir)
        else:
            launch.give_folder(identity(self.definition))
        self.served += 1
        self.former, self.task = self.task, launch.task_id
        self.spawned.tree.serve(launch.task_id)
        stdin.give(launch.task_line(), self.definition.reuse is not None or launch.keeps_stdin_open)
        stdin.flush()
        if stdin.done:
            stdin.close()


def start(
    store: Store,
    containment: Containment,
    definition: WorkerDefinition,
    era: int,
    wanted: Callable[[], bool],
) -> Standby:
    """In the spawner's thread. Raises what `spawn` does."""
    process_id = store.ids.new()
    folder = store.folders.create(process_id)
    opening = Opening(
        task_id=process_id, definition=definition, params={}, attempt=1, workdir=folder, masker=None
    )
    try:
        spawned = spawn(opening, containment, wanted)
    except SpawnError:
        store.scribe.clear(process_id)
        raise
    return Standby(process_id, definition, spawned, folder, era)


def program_of(definition: WorkerDefinition) -> Program:
    return tuple(_version(element) for element in definition.command if element.startswith("/"))


def _version(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - done for every task
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def take_over(folder: str, workdir: str) -> None:
    """The folder that the process works in becomes the work folder of its task, with what is in that already. Its
    former name, which the process may have kept (as a shell, or Node.js, does), leads there: at no moment nowhere, for
    it may be about to go there."""
    for name in os.listdir(workdir):  # noqa: PTH208 - files that came with the task: most have none
        Path(workdir, name).rename(f"{folder}/{name}")
    name = os.path.basename(workdir)  # noqa: PTH119
    os.rmdir(workdir)  # noqa: PTH106
    try:
        os.symlink(name, workdir)  # noqa: PTH211
        if not exchange(folder, workdir):  # then the former name is not there for a moment
            os.unlink(workdir)  # noqa: PTH108
            os.rename(folder, workdir)  # noqa: PTH104
            os.symlink(name, folder)  # noqa: PTH211
    except OSError:
        with contextlib.suppress(OSError):  # as it was, for another process
            os.unlink(workdir)  # noqa: PTH108
        with contextlib.suppress(OSError):
            os.mkdir(workdir, stat.S_IRWXU)  # noqa: PTH102
        raise
