"""What is kept on disk: tasks in SQLite, their logs and files in folders. The only importer of sqlite3."""

from . import tasks
from .backup import Backup, back_up
from .glance import Glance, glance, is_used, room_needed, sqlite_is_sound, sqlite_version
from .ids import TaskIds
from .inspection import Finding, Inspection, inspect
from .log import LogLine, LogReader, Stream
from .paging import Query
from .pruning import Pruned, doomed, prune
from .reader import QueuedRow, Reader
from .scribe import Remains, Scribe
from .store import Store
from .writer import Writer

__all__ = [
    "Backup",
    "Finding",
    "Glance",
    "Inspection",
    "LogLine",
    "LogReader",
    "Pruned",
    "Query",
    "QueuedRow",
    "Reader",
    "Remains",
    "Scribe",
    "Store",
    "Stream",
    "TaskIds",
    "Writer",
    "back_up",
    "doomed",
    "glance",
    "inspect",
    "is_used",
    "prune",
    "room_needed",
    "sqlite_is_sound",
    "sqlite_version",
    "tasks",
]
