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
    ProgressDocument,
    ResultDocument,
    StatusDocument,
    SubmittedDocument,
    TaskDocument,
    WorkerDocument,
)
from .errors import ApiError, BadAddress, BadAnswer, ClientError, ConnectionLost, NoAnswer, NoServer

__all__ = [
    "DEFAULT_URL",
    "ApiError",
    "AttemptDocument",
    "BadAddress",
    "BadAnswer",
    "Client",
    "ClientError",
    "ConnectionLost",
    "ErrorDocument",
    "FileDocument",
    "LogDocument",
    "NoAnswer",
    "NoServer",
    "ProgressDocument",
    "ResultDocument",
    "StatusDocument",
    "SubmittedDocument",
    "TaskDocument",
    "WorkerDocument",
]
