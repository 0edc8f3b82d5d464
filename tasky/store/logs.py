"""The logs of the tasks that run: what is to be written to them, and which of them are open. Lives in the scribe."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Final

from .folders import Folders
from .log_writer import LogWriter, Segment

_OPEN: Final = 512  # logs that hold descriptors, two each

log = logging.getLogger(__name__)


class Logs:
    """A full disk loses lines of a log (which says so when it can), and nothing else."""

    def __init__(self, folders: Folders, max_log: int, most: int = _OPEN) -> None:
        self._folders: Final = folders
        self._max_log: Final = max_log
        self._most: Final = most
        self._writers: Final[dict[str, LogWriter]] = {}
        self._open: Final[OrderedDict[str, LogWriter]] = OrderedDict()  # the latest used one last

    def write(self, task_id: str, segments: list[Segment]) -> None:
        """Append to the task's log."""
        writer = self._writers.get(task_id)
        if writer is None:
            writer = LogWriter(self._folders.name(task_id), self._max_log)
            self._writers[task_id] = writer
        healthy = writer.lost == 0
        try:
            writer.write(segments)
        except OSError as error:
            if healthy:  # said once, not for each write of a full disk
                log.error("task=%s lines of its log are lost: %s", task_id, error)
        self._touch(task_id, writer)

    def finish(self, task_id: str) -> LogWriter | None:
        """Close the task's log for good, and give its writer, which knows whether anything was lost. None: no line
        was written since the server started."""
        writer = self._writers.pop(task_id, None)
        if writer is not None:
            self._open.pop(task_id, None)
            writer.close()
        return writer

    def close(self) -> None:
        for task_id in list(self._writers):
            self.finish(task_id)

    def _touch(self, task_id: str, writer: LogWriter) -> None:
        self._open[task_id] = writer
        self._open.move_to_end(task_id)
        if len(self._open) > self._most:
            _, oldest = self._open.popitem(last=False)
            oldest.close()  # it opens its files again when it is written to
