"""A typed client of the HTTP API, on the standard library. It needs nothing of the server.

with Client("http://127.0.0.1:8888") as client:
    submitted = client.submit("sleeper", {"seconds": 1}, wait=30)
    print(submitted["Status"])
"""

from .address import DEFAULT_URL
from .client import Client
from .documents import (
    AttemptDocument,
    ErrorDocument,
    FileDocument,
    LogDocument,
    MadeTokenDocument,
    NotificationDocument,
    ProgressDocument,
    ResultDocument,
    StatusDocument,
    SubmittedDocument,
    TaskDocument,
    TokenDocument,
    WhoamiDocument,
    WorkerDocument,
)
from .errors import (
    ApiError,
    BadAddress,
    BadAnswer,
    BadRequest,
    BadToken,
    ClientError,
    Conflict,
    ConnectionLost,
    Forbidden,
    Invalid,
    Misdirected,
    NoAnswer,
    NoServer,
    NotFound,
    TooLarge,
    TooMany,
    Unauthorized,
    Unavailable,
    UnreadableFile,
)
from .events import (
    DroppedEvent,
    Event,
    LogEvent,
    ProgressEvent,
    ResetEvent,
    ResultEvent,
    StatusEvent,
)
from .forms import Attachment
from .reconnect import EventStream

__all__ = [
    "DEFAULT_URL",
    "ApiError",
    "Attachment",
    "AttemptDocument",
    "BadAddress",
    "BadAnswer",
    "BadRequest",
    "BadToken",
    "Client",
    "ClientError",
    "Conflict",
    "ConnectionLost",
    "DroppedEvent",
    "ErrorDocument",
    "Event",
    "EventStream",
    "FileDocument",
    "Forbidden",
    "Invalid",
    "LogDocument",
    "LogEvent",
    "MadeTokenDocument",
    "Misdirected",
    "NoAnswer",
    "NoServer",
    "NotFound",
    "NotificationDocument",
    "ProgressDocument",
    "ProgressEvent",
    "ResetEvent",
    "ResultDocument",
    "ResultEvent",
    "StatusDocument",
    "StatusEvent",
    "SubmittedDocument",
    "TaskDocument",
    "TokenDocument",
    "TooLarge",
    "TooMany",
    "Unauthorized",
    "Unavailable",
    "UnreadableFile",
    "WhoamiDocument",
    "WorkerDocument",
]
