"""What a crash left of tasks that have ended, found in the quiet moments after a start.

The files of a task go after its row: a server that dies in between leaves what was kept of a task that does not exist,
or the work folder of one that has ended.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Generator, Iterable
from typing import Final

from ..errors import StoreError
from ..model.states import TERMINAL, State
from .folders import Folders
from .trash import Trash

_SLICE: Final = 64  # tasks between two turns of the scribe
_FORGOTTEN: Final = frozenset[State | None]([None])
_ENDED: Final = _FORGOTTEN | TERMINAL

_StateOf = Callable[[str], State | None]


def tidy(
    folders: Folders, state_of: _StateOf, trash: Trash, uploaded: Iterable[str] = ()
) -> Generator[bool, None, None]:
    """Goes through all tasks' folders once; yields True now and then, to be continued later. `uploaded` are those of
    the files of submissions, listed before the first came in: they are there before their tasks are."""
    yield from _take(uploaded, _ENDED, state_of, trash)
    yield from _take(folders.at_work(), _ENDED, state_of, trash)
    for shard in folders.shards():
        yield from _take(folders.kept_in(shard), _FORGOTTEN, state_of, trash)


def _take(
    listed: Iterable[str], states: Collection[State | None], state_of: _StateOf, trash: Trash
) -> Generator[bool, None, None]:
    """Move the folders of tasks in one of `states` into the trash."""
    # A task's row is there before its folders: what was listed and has no row after that is left over.
    for number, folder in enumerate(listed, 1):
        with contextlib.suppress(OSError, StoreError):  # the next start tries again
            if state_of(os.path.basename(folder)) in states:  # noqa: PTH119
                trash.take(folder)
        if number % _SLICE == 0:
            yield True
    yield True
