"""What the API answers with, as the types of its JSON.

A document may have members that are not named here: they are kept.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class WorkerDocument(TypedDict):
    """`schema` is the JSON Schema of the parameters; what is not required comes only with one worker's document."""

    name: str
    description: str
    config_objects: NotRequired[dict[str, Any]]
    usage: NotRequired[str]
    schema: NotRequired[dict[str, Any]]
    status: NotRequired[str]
    max_tasks: NotRequired[int]
    running: NotRequired[int]
    queued: NotRequired[int]
    waiting: NotRequired[int]
    next_run: NotRequired[str]
    warm: NotRequired[int]
    reuse: NotRequired[dict[str, Any]]
    timeout: NotRequired[str | None]
    steps: NotRequired[list[dict[str, Any]]]
    schedule: NotRequired[dict[str, Any]]


class ErrorDocument(TypedDict):
    """Why a task failed."""

    code: str
    message: str
    exit_code: NotRequired[int]
    signal: NotRequired[str]
    details: NotRequired[Any]


class ProgressDocument(TypedDict, total=False):
    """`Percent` is 0..100."""

    Percent: float
    Message: str


class StatusDocument(TypedDict):
    """`Duration` is text in Go's form; `Seconds` is the same as a number."""

    TaskId: str
    Status: str
    Duration: NotRequired[str]
    Seconds: NotRequired[float]
    Progress: NotRequired[ProgressDocument]


class ResultDocument(TypedDict):
    TaskId: str
    Status: str
    Output: NotRequired[Any]
    Error: NotRequired[ErrorDocument]
    Duration: NotRequired[str]
    Seconds: NotRequired[float]


class SubmittedDocument(TypedDict):
    """A new task. Where the submission waited: also its status, and its result if it has ended."""

    TaskId: str
    Status: NotRequired[str]
    Output: NotRequired[Any]
    Error: NotRequired[ErrorDocument]
    Duration: NotRequired[str]
    Seconds: NotRequired[float]


class AttemptDocument(TypedDict):
    """One process of a task. `Number` counts from 1."""

    Number: int
    Started: NotRequired[str]
    Finished: NotRequired[str]
    ExitCode: NotRequired[int]
    Signal: NotRequired[str]
    Error: NotRequired[ErrorDocument]


class FileDocument(TypedDict):
    """A file that a task left; `Path` goes to Client.file, `Size` is in bytes."""

    Path: str
    Name: str
    MediaType: str
    Size: int


class NotificationDocument(TypedDict):
    """Somebody who is told of a task's end: `Event` is completed, failed or canceled, `Status` Pending, Delivered or
    Failed."""

    Url: str
    Event: str
    Status: str
    Attempts: int
    LastStatus: NotRequired[int]
    LastError: NotRequired[str]
    NextAt: NotRequired[str]


class StepTaskDocument(TypedDict):
    """A task of a step: of which item (from 0), and which attempt."""

    TaskId: str
    Status: str
    Item: NotRequired[int]
    Attempt: NotRequired[int]


class StepDocument(TypedDict):
    """A step of a chain. `Total` tasks it is to have, of which so many have `Ended`, and so many of these `Failed`."""

    Name: str
    Worker: str
    Status: str
    Tasks: list[StepTaskDocument]
    Needs: NotRequired[list[str]]
    Finally: NotRequired[bool]
    ForEach: NotRequired[bool]
    Total: NotRequired[int]
    Ended: NotRequired[int]
    Failed: NotRequired[int]
    Hidden: NotRequired[int]
    Error: NotRequired[ErrorDocument]


class TaskDocument(TypedDict):
    """Times are RFC 3339 in UTC. A list leaves out what is big: Params, Attempts, Artifacts, Output."""

    TaskId: str
    Worker: str
    Status: str
    Created: str
    Started: NotRequired[str]
    Finished: NotRequired[str]
    Duration: NotRequired[str]
    Seconds: NotRequired[float]
    Progress: NotRequired[ProgressDocument]
    Priority: NotRequired[int]
    Labels: NotRequired[dict[str, str]]
    NotBefore: NotRequired[str]
    Timeout: NotRequired[str]
    RestartOf: NotRequired[str]
    Parent: NotRequired[str]
    Step: NotRequired[str]
    Item: NotRequired[int]
    Scheduled: NotRequired[str]
    Steps: NotRequired[list[StepDocument]]
    By: NotRequired[str]
    Params: NotRequired[dict[str, Any]]
    Attempts: NotRequired[list[AttemptDocument]]
    Artifacts: NotRequired[list[FileDocument]]
    Notifications: NotRequired[list[NotificationDocument]]
    Error: NotRequired[ErrorDocument]
    Output: NotRequired[Any]


class PageDocument(TypedDict):
    """`Next` is the cursor of the page that follows, if there is one."""

    Tasks: list[TaskDocument]
    Next: NotRequired[str]


class LogDocument(TypedDict):
    """A line of a log. Lines count from 1 over all streams. A message that the worker logged has a level, and its
    further members as fields."""

    N: int
    Time: str
    Stream: str
    Attempt: NotRequired[int]
    Text: str
    Level: NotRequired[str]
    Fields: NotRequired[dict[str, Any]]


class FilesDocument(TypedDict):
    Files: list[FileDocument]


#: `name` is None where nobody is known; `with` says by what one is.


class TokenDocument(TypedDict):
    name: str
    scopes: list[str]
    created: str
    expires: NotRequired[str]
    last_used: NotRequired[str]


class MadeTokenDocument(TokenDocument):
    token: str


WhoamiDocument = TypedDict(
    "WhoamiDocument", {"name": str | None, "with": str | None, "scopes": list[str]}
)
