"""What is kept on disk: tasks in SQLite, their logs and files in folders. The only importer of sqlite3."""

from . import tasks
from .ids import TaskIds
from .log import LogLine, LogReader, Stream
from .paging import Query
from .reader import QueuedRow, Reader
from .scribe import Remains, Scribe
from .store import Store
from .writer import Writer

__all__ = [
    "LogLine",
    "LogReader",
    "Query",
    "QueuedRow",
    "Reader",
    "Remains",
    "Scribe",
    "Store",
    "Stream",
    "TaskIds",
    "Writer",
    "tasks",
]
