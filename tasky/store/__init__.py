"""What is kept on disk: tasks in SQLite, their logs and files in folders. The only importer of sqlite3."""

from . import chains, notifications, schedules, sessions, tasks
from .backup import Backup, back_up
from .faults import here as sqlite_faults
from .glance import Contents, Glance, glance, lock_holder, room_needed, sqlite_version
from .ids import TaskIds
from .inspection import Finding, Inspection, inspect
from .log import LogLine, LogReader, Stream
from .log_search import search
from .opening import must_know
from .paging import Query
from .pruning import Pruned, doomed, prune
from .reader import EndRow, QueuedRow, Reader
from .scribe import Remains, Scribe
from .store import Figures, Store
from .tokens import Tokens, new_secret
from .uploads import Staged
from .writer import Writer

__all__ = [
    "Backup",
    "Contents",
    "EndRow",
    "Figures",
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
    "Staged",
    "Store",
    "Stream",
    "TaskIds",
    "Tokens",
    "Writer",
    "back_up",
    "chains",
    "doomed",
    "glance",
    "inspect",
    "lock_holder",
    "must_know",
    "new_secret",
    "notifications",
    "prune",
    "room_needed",
    "schedules",
    "search",
    "sessions",
    "sqlite_faults",
    "sqlite_version",
    "tasks",
]
