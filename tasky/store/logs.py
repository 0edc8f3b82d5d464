"""The logs of the tasks that run: what is to be written to them, and which of them are open. Lives in the scribe."""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from collections.abc import Callable
from errno import ENOSPC
from typing import Final

from ..logs import about
from .folders import Folders
from .log_writer import LogWriter, Segment

_OPEN: Final = 512  # logs that hold descriptors, two each
_OWING: Final = 1000  # ended tasks whose logs could not say yet that they lack something

log = logging.getLogger(__name__)


class Logs:
    """A full disk loses lines of a log (which says so when it can), and nothing else. `has_room`: whether logs may take
    more of the disk."""

    def __init__(
        self,
        folders: Folders,
        max_log: int,
        has_room: Callable[[], bool] = lambda: True,
        most: int = _OPEN,
    ) -> None:
        self._folders: Final = folders
        self._max_log: Final = max_log
        self._has_room: Final = has_room
        self._most: Final = most
        self._writers: Final[dict[str, LogWriter]] = {}
        self._open: Final[OrderedDict[str, LogWriter]] = OrderedDict()  # the latest used one last
        self._owing: Final[OrderedDict[str, LogWriter]] = OrderedDict()

    def write(self, task_id: str, segments: list[Segment], attempt: int = 1) -> None:
        """Append to the task's log. An attempt comes after the `finish` of the one before it."""
        writer = self._writers.get(task_id)
        if writer is None:
            writer = self._writers[task_id] = self._begin(task_id, attempt)
        healthy = writer.lost == 0
        try:
            if not self._has_room():
                writer.lose(segments)
                raise OSError(ENOSPC, os.strerror(ENOSPC))
            writer.write(segments)
        except OSError as error:
            if healthy:  # said once, not for each write of a full disk
                which = about(task=task_id)
                log.error("lines of its log are lost: %s", error, extra=which)
        self._touch(task_id, writer)

    def _begin(self, task_id: str, attempt: int) -> LogWriter:
        writer = LogWriter(self._folders.name(task_id), self._max_log, attempt)
        owing = self._owing.pop(task_id, None)
        if owing is not None:  # what the attempt before could not say yet
            writer.lost = owing.lost
        return writer

    def finish(self, task_id: str) -> LogWriter | None:
        """Close the log of the task's attempt for good, and give its writer, which knows whether anything was lost.
        None: no line of it was written since the server started."""
        writer = self._writers.pop(task_id, None)
        if writer is not None:
            self._open.pop(task_id, None)
            writer.close()
            if writer.lost:
                self._owing[task_id] = writer
                if len(self._owing) > _OWING:
                    self._owing.popitem(last=False)
        return writer

    def forget(self, task_id: str) -> None:
        """The task is deleted."""
        self.finish(task_id)
        self._owing.pop(task_id, None)

    @property
    def owing(self) -> bool:
        """Some log could not say, when it was finished, that lines of it were lost."""
        return bool(self._owing)

    def pay(self) -> None:
        """Let those say it that can now."""
        for task_id, writer in list(self._owing.items()):
            writer.close()
            if writer.lost:
                return  # there still is no room
            del self._owing[task_id]

    def go_on(self, task_id: str, attempt: int, *, lost: int, complete: bool) -> None:
        """With a log that was open when others were closed."""
        writer = self._writers[task_id] = LogWriter(
            self._folders.name(task_id), self._max_log, attempt
        )
        writer.lost, writer.complete = lost, complete

    def close(self) -> list[tuple[str, int, int, bool]]:
        """Gives those that are not finished, for `go_on`: task, attempt, lines that are lost and whether none ever
        was."""
        left = []
        for task_id in list(self._writers):
            if writer := self.finish(task_id):
                left.append((task_id, writer.attempt, writer.lost, writer.complete))
        return left

    def _touch(self, task_id: str, writer: LogWriter) -> None:
        self._open[task_id] = writer
        self._open.move_to_end(task_id)
        if len(self._open) > self._most:
            _, oldest = self._open.popitem(last=False)
            oldest.close()  # it opens its files again when it is written to
