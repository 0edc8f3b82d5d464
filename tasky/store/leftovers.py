"""What a crash left of tasks that have ended, found in the quiet moments after a start.

The files of a task go after its row: a server that dies in between leaves a folder that belongs to no task, or a work
folder whose task has ended.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator
from typing import Final

from ..errors import StoreError
from ..model.states import TERMINAL, State
from .folders import Folders
from .trash import Trash

_SLICE: Final = 64  # tasks between two turns of the scribe


def tidy(
    folders: Folders, state_of: Callable[[str], State | None], trash: Trash
) -> Generator[bool, None, None]:
    """Goes through all tasks' folders once; yields True now and then, to be continued later."""
    for shard in folders.shards():
        # A task's row is there before its folder: what is listed now and has no row after that is left over.
        for place, task_id in enumerate(folders.tasks_in(shard), 1):
            with contextlib.suppress(OSError, StoreError):  # the next start tries again
                _look(folders.name(task_id), state_of(task_id), trash)
            if place % _SLICE == 0:
                yield True
        yield True


def _look(folder: str, state: State | None, trash: Trash) -> None:
    if state is None:
        trash.take(folder)
    elif state in TERMINAL:
        remove_work(folder, trash)


def remove_work(folder: str, trash: Trash) -> None:
    """Remove the work folder of the task whose folder this is. Most are empty: then this is one call."""
    work = f"{folder}/work"
    try:
        os.rmdir(work)  # noqa: PTH106 - plain strings: this is done for every task
    except FileNotFoundError:
        pass
    except OSError:
        trash.take(work)
