"""The shape of every document of the API: one JSON Schema (2020-12) for each kind, by name. They refer to each other as
`#/components/schemas/NAME`, where the description of the API has them. tests/web/described.py holds every answer
against them.

They leave objects open: a later version may add members, and clients must not mind.
"""

from __future__ import annotations

from typing import Any, Final

from ..logs import LEVELS
from ..model.chain.records import StepState
from ..model.notify import Delivery, End
from ..model.schedule import CatchUp, Overlap
from ..model.states import State
from ..model.task import FailureCode
from ..service import Window
from . import options
from .query import Schema

TEXT: Final[Schema] = {"type": "string"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
TASK_ID: Final[Schema] = {
    "type": "string",
    "pattern": "^[0-9a-f]{32}$",
    "description": "32 hexadecimal digits; they sort by creation.",
}
TIME: Final[Schema] = {
    "type": "string",
    "format": "date-time",
    "description": "RFC 3339, in UTC with microseconds.",
}
DURATION: Final[Schema] = {
    "type": "string",
    "pattern": "^-?(?:[0-9]+h)?(?:[0-9]+m)?(?:[0-9]+(?:\\.[0-9]+)?(?:s|ms|µs|ns))$",
    "description": "In the form of Go's Duration, such as 1m0.5s.",
}
ERROR_TEXT: Final = "The detail once more, as the older API had it."


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def record(
    about: str, required: dict[str, Schema], optional: dict[str, Schema] | None = None
) -> Schema:
    """An object with these members."""
    return {
        "type": "object",
        "description": about,
        "properties": required | (optional or {}),
        "required": [*required],
    }


def only(schema: Schema) -> Schema:
    """The same without further members: for what clients send."""
    return schema | {"additionalProperties": False}


def told(schema: Schema, about: str) -> Schema:
    return schema | {"description": about}


_SCOPE: Final[Schema] = {
    "type": "string",
    "pattern": "^(?:admin|(?:read|cancel)(?::[A-Za-z0-9_*?\\[\\]!-]{1,64})?|run:[A-Za-z0-9_*?\\[\\]!-]{1,64})$",
    "description": "admin, or read, run or cancel with a colon and the worker's name, or a pattern of names.",
    "examples": ["run:copyfile"],
}
_ENDED: Final[dict[str, Schema]] = {
    "Duration": told(DURATION, "From the first start to the end; absent before the end."),
    "Seconds": {"type": "number", "minimum": 0, "description": "The same as a number."},
}
_STATUS: Final[Schema] = {"type": "string", "enum": [*State]}
_TASK: Final[dict[str, Schema]] = {
    "TaskId": TASK_ID,
    "Worker": TEXT,
    "Status": _STATUS,
    "Created": TIME,
    "Priority": {"type": "integer", "minimum": -10, "maximum": 10},
    "Labels": {"type": "object", "additionalProperties": TEXT},
}
_TASK_OPTIONAL: Final[dict[str, Schema]] = {
    **_ENDED,
    "Started": TIME,
    "Finished": TIME,
    "Progress": ref("Progress"),
    "NotBefore": told(TIME, "It does not start before."),
    "Timeout": told(DURATION, "As given at its submission; for each attempt."),
    "RestartOf": told(TASK_ID, "The task of which this is a restart."),
    "Scheduled": told(TIME, "The time of its worker's schedule for which it was made."),
    "Parent": told(TASK_ID, "The chain of which this is a part."),
    "Step": told(TEXT, "Of the chain."),
    "Item": told(COUNT, "Of the step, where that is done for each of several; from 0."),
    "By": told(TEXT, "Who submitted it, where there is authentication."),
    "Error": ref("TaskError"),
}
#: What came of the tasks that ended.
_ENDS: Final[dict[str, Schema]] = {"Completed": COUNT, "Failed": COUNT, "Canceled": COUNT}
_SECONDS: Final[Schema] = {"type": "number", "minimum": 0}
_OUTPUT: Final[Schema] = {"description": "Its result: any JSON, null too."}
_WORKER: Final[dict[str, Schema]] = {
    "name": TEXT,
    "description": TEXT,
    "status": {"type": "string", "enum": ["Enabled", "Disabled"]},
    "max_tasks": told(COUNT, "At the same time; 0: no limit of its own."),
    "running": COUNT,
    "queued": COUNT,
}
_WORKER_OPTIONAL: Final[dict[str, Schema]] = {
    "config_objects": {
        "type": "object",
        "description": "Each parameter with its default, or an empty text.",
    },
    "waiting": told(COUNT, "Processes that wait for a task, where it has `warm` or `reuse`."),
    "next_run": told(
        TIME, "When it is due next, where it has a schedule, as long as it is enabled."
    ),
}

_TOKEN: Final[dict[str, Schema]] = {"name": TEXT, "scopes": array(TEXT), "created": TIME}
_TOKEN_OPTIONAL: Final[dict[str, Schema]] = {
    "expires": TIME,
    "last_used": told(TIME, "To the minute."),
}
SCHEMAS: Final[dict[str, Schema]] = {
    "Created": record(
        "A task that was made, or that the Idempotency-Key led to.", {"TaskId": TASK_ID}
    ),
    "TaskStatus": record(
        "How a task is doing.",
        {"TaskId": TASK_ID, "Status": _STATUS},
        {**_ENDED, "Progress": ref("Progress")},
    ),
    "RecentTask": record(
        "How a task went, or goes.",
        {"TaskId": TASK_ID, "Status": _STATUS, "Created": TIME},
        _ENDED,
    ),
    "TaskResult": record(
        "What a finished task has given.",
        {
            "TaskId": TASK_ID,
            "Status": {"type": "string", "enum": ["Completed", "Failed", "Canceled"]},
        },
        {"Output": _OUTPUT, "Error": ref("TaskError")},
    ),
    "CreatedOrResult": {"anyOf": [ref("TaskResult"), ref("Created")]},
    "Task": record(
        "Everything about a task but its log.",
        {
            **_TASK,
            "Params": {"type": "object", "description": 'A secret one is "******".'},
            "Attempts": array(ref("Attempt")),
            "Artifacts": array(ref("Artifact")),
        },
        {
            **_TASK_OPTIONAL,
            "Steps": told(array(ref("Step")), "Of a chain."),
            "Actions": array(ref("Action")),
            "Notifications": array(ref("Notification")),
            "Output": _OUTPUT,
        },
    ),
    "Chain": {
        "type": "object",
        "description": "A chain: see docs/chains.md.",
        "required": ["chain"],
        "properties": {
            "chain": {
                "type": "object",
                "description": "The steps, by their names.",
                "minProperties": 1,
                "additionalProperties": {"type": "object"},
            },
            "finally": {
                "type": "object",
                "description": "Steps for the end, whatever comes before.",
                "additionalProperties": {"type": "object"},
            },
            "output": {"description": "Of the chain; that of its last step, if not given."},
            "params": {"type": "object", "description": "Values for its expressions."},
        },
        "additionalProperties": False,
    },
    "Step": record(
        "A step of a chain.",
        {
            "Name": TEXT,
            "Worker": TEXT,
            "Status": {"type": "string", "enum": [*StepState]},
            "Tasks": array(ref("StepTask")),
        },
        {
            "Needs": array(TEXT),
            "Finally": told({"type": "boolean"}, "It comes at the end, whatever was before."),
            "ForEach": told({"type": "boolean"}, "It is done for each element of a list."),
            "Total": told(COUNT, "How many tasks it is to have."),
            "Ended": COUNT,
            "Failed": COUNT,
            "Hidden": told(COUNT, "Tasks that are left out here."),
            "Error": ref("TaskError"),
        },
    ),
    "StepTask": record(
        "A task of a step.",
        {"TaskId": TASK_ID, "Status": _STATUS},
        {"Item": told(COUNT, "From 0."), "Attempt": told(COUNT, "Of the step, from 1.")},
    ),
    "Action": record(
        "What somebody did to a task.",
        {"Time": TIME, "By": TEXT, "Action": told(TEXT, "Such as cancel.")},
    ),
    "Notification": record(
        "Somebody who is told of the task's end.",
        {
            "Url": told(TEXT, "Without its query."),
            "Event": {"type": "string", "enum": [*End]},
            "Status": {"type": "string", "enum": [*Delivery]},
            "Attempts": COUNT,
        },
        {
            "LastStatus": told(COUNT, "The HTTP status of the last answer."),
            "LastError": TEXT,
            "NextAt": told(TIME, "When it is tried next."),
        },
    ),
    "Login": only(record("A token.", {"token": TEXT})),
    "WhoAmI": record(
        "Who one is.",
        {
            "name": {"type": ["string", "null"], "description": "null without authentication."},
            "with": {
                "enum": ["token", "session", "proxy", None],
                "description": "How that is known.",
            },
            "scopes": array(TEXT),
        },
    ),
    "Tokens": told(array(ref("Token")), "Sorted by name."),
    "Token": record("What is known of a token.", _TOKEN, _TOKEN_OPTIONAL),
    "MadeToken": record(
        "A token, this one time.",
        {**_TOKEN, "token": told(TEXT, "The token itself: it is not shown again.")},
        _TOKEN_OPTIONAL,
    ),
    "NewToken": only(
        record(
            "A token to be made.",
            {
                "name": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"},
                "scopes": array(_SCOPE) | {"minItems": 1},
            },
            {
                "expires": told(
                    options.LIFETIME | {"type": ["string", "null"]},
                    "How long it is good for; without it, for ever.",
                )
            },
        )
    ),
    "TaskSummary": record("A task without what may be big.", _TASK, _TASK_OPTIONAL),
    "TaskPage": record(
        "Tasks, newest first.",
        {"Tasks": array(ref("TaskSummary"))},
        {"Next": told(TASK_ID, "There are more: give this as `after`.")},
    ),
    "Progress": record(
        "What a task last said of itself.",
        {},
        {"Percent": {"type": "number", "minimum": 0, "maximum": 100}, "Message": TEXT},
    ),
    "Attempt": record(
        "One process of a task.",
        {"Number": {"type": "integer", "minimum": 1}, "Started": TIME},
        {
            "Finished": TIME,
            "ExitCode": {"type": "integer"},
            "Signal": told(TEXT, "A name, such as SIGKILL."),
            "Error": ref("TaskError"),
        },
    ),
    "TaskError": record(
        "Why a task has failed.",
        {"code": {"type": "string", "enum": [*FailureCode]}, "message": TEXT},
        {
            "exit_code": {"type": "integer"},
            "signal": TEXT,
            "details": {"description": "What the worker said beside the message."},
        },
    ),
    "Artifact": record(
        "A file that a task left.",
        {"Path": TEXT, "Name": TEXT, "MediaType": TEXT, "Size": told(COUNT, "In bytes.")},
    ),
    "Files": record("The files that a task left.", {"Files": array(ref("Artifact"))}),
    "File": {"type": "string", "format": "binary", "description": "The bytes of the file."},
    "Log": {
        "type": "string",
        "description": "A line for each line. As JSON lines, each is a LogLine.",
    },
    "LogLine": record(
        "A line of a log.",
        {
            "N": told({"type": "integer", "minimum": 1}, "Counts from 1, over all attempts."),
            "Time": TIME,
            "Stream": {"type": "string", "enum": ["stdout", "stderr", "log", "tasky"]},
            "Attempt": {"type": "integer", "minimum": 0},
            "Text": TEXT,
        },
        {
            "Level": TEXT,
            "Fields": {"type": "object"},
            "Length": told(
                COUNT, "Of the whole text, in characters, where only its beginning is here."
            ),
        },
    ),
    "Workers": told(array(ref("WorkerSummary")), "Sorted by name."),
    "WorkerSummary": record(
        "A worker.",
        _WORKER,
        {
            **_WORKER_OPTIONAL,
            "recent": told(array(ref("RecentTask")), "Its latest tasks, the newest first."),
        },
    ),
    "Worker": record(
        "Everything about a worker.",
        {
            **_WORKER,
            "usage": TEXT,
            "schema": {"type": "object", "description": "The JSON Schema of its parameters."},
            "timeout": {
                "anyOf": [DURATION, {"type": "null"}],
                "description": "A task fails after so long; null: never.",
            },
        },
        {
            **_WORKER_OPTIONAL,
            "steps": told(array(ref("WorkerStep")), "Of a chain."),
            "schedule": ref("Schedule"),
            "warm": told(COUNT, "So many processes are kept waiting for a task."),
            "reuse": record(
                "How long a process is kept for further tasks.", {"tasks": COUNT, "idle": DURATION}
            ),
        },
    ),
    "Schedule": record(
        "When a worker is run by itself: cron and time_zone, or every.",
        {
            "params": {"type": "object", "description": 'A secret one is "******".'},
            "overlap": {"type": "string", "enum": [*Overlap]},
            "catch_up": {"type": "string", "enum": [*CatchUp]},
            "next": told(array(TIME), "The next times, as long as it is enabled."),
        },
        {"cron": TEXT, "time_zone": TEXT, "every": DURATION},
    ),
    "WorkerStep": record(
        "A step of a chain, as it is defined.",
        {
            "name": TEXT,
            "worker": TEXT,
            "needs": told(array(TEXT), "The steps that it waits for."),
            "finally": {"type": "boolean"},
        },
    ),
    "Parameters": {
        "type": "object",
        "description": "The parameters of the worker, as its schema says.",
    },
    "Nothing": {"type": "object", "maxProperties": 0, "description": "No parameters."},
    "Health": record("The server answers.", {"status": {"const": "ok"}}),
    "LogLevel": only(
        record(
            "How much the server's own log has.", {"level": {"type": "string", "enum": [*LEVELS]}}
        )
    ),
    "Readiness": record(
        "Whether the server takes tasks; to strangers the status only.",
        {"status": {"type": "string", "enum": ["ready", "degraded", "blocked", "draining"]}},
        {
            "draining": {"type": "boolean"},
            "containment": {"type": "string", "enum": ["cgroup", "process-group"]},
            "controllers": array(TEXT),
            "troubles": array(record("What is wrong.", {"kind": TEXT, "detail": TEXT})),
            "problems": array(ref("Mistake")),
        },
    ),
    "Mistake": record(
        "A mistake that the last reload found in a definition.",
        {"file": TEXT, "line": COUNT, "key": TEXT, "message": TEXT},
    ),
    "Definitions": record(
        "The workers' files, as they were read.",
        {
            "definitions": array(
                record(
                    "One in force.",
                    {
                        "name": TEXT,
                        "file": TEXT,
                        "definition": {
                            "type": "object",
                            "description": "The keys of the file; not those that say what would hold anyway.",
                        },
                    },
                )
            ),
            "problems": array(ref("Mistake")),
        },
    ),
    "Findings": record(
        "What a look at everything has found.",
        {
            "findings": array(
                record(
                    "One thing that was looked at.",
                    {
                        "verdict": told(
                            TEXT, "ok, warning, problem; or skipped: it could not be looked at."
                        ),
                        "subject": told(TEXT, "A word for what was looked at."),
                        "message": told(TEXT, "What is there, and what to do about it."),
                    },
                )
            )
        },
    ),
    "Overview": record(
        "What runs and waits, and what has ended lately.",
        {
            "Time": told(TIME, "Now."),
            "Window": {"type": "string", "enum": [*Window]},
            "Step": told(COUNT, "How many seconds a point stands for."),
            "Running": COUNT,
            "Queued": COUNT,
            "Points": array(
                record(
                    "A step of time, the oldest first; the last one goes on.",
                    {"Time": told(TIME, "When it began."), **_ENDS},
                    {
                        "Running": told(
                            COUNT, "The most at a time; missing where the server did not run."
                        ),
                        "Queued": told(COUNT, "The most at a time."),
                    },
                )
            ),
            "Workers": array(
                record(
                    "A worker with tasks, in the whole window.",
                    {"Worker": TEXT, "Running": COUNT, "Queued": COUNT, **_ENDS},
                    {
                        "MeanSeconds": told(_SECONDS, "Of those that ran."),
                        "LongestSeconds": _SECONDS,
                    },
                )
            ),
        },
    ),
    "Event": record(
        "A Server-Sent Event. The data of `status` is a TaskStatus, of `progress` a Progress, of `log` a LogLine, of"
        " `lines` how far a log goes, of `result` a TaskResult.",
        {
            "event": {
                "type": "string",
                "enum": ["status", "progress", "log", "lines", "result", "dropped", "reset", "bye"],
            },
            "data": {"type": "string", "contentMediaType": "application/json"},
        },
        {"id": told(TEXT, "What Last-Event-ID may have."), "retry": COUNT},
    ),
    "Metrics": {"type": "string", "description": "The text format of Prometheus, or OpenMetrics."},
    "OpenApi": {"type": "object", "description": "An OpenAPI 3.1 document."},
    "Page": {"type": "string", "description": "A page, or what belongs to it."},
    "Problem": record(
        "An error (RFC 9457).",
        {
            "type": {"const": "about:blank"},
            "title": TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": TEXT,
            "Error": told(TEXT, ERROR_TEXT),
        },
        {
            "errors": array(ref("Violation")),
            "TaskId": told(TASK_ID, "Whose state is in the way."),
            "Status": _STATUS,
        },
    ),
    "Violation": record(
        "One thing that is wrong with what was sent.",
        {
            "detail": TEXT,
            "pointer": told(TEXT, "A JSON pointer into the body; empty: the whole of it."),
        },
        {"parameter": told(TEXT, "The option or header, if it is one.")},
    ),
}

#: Of answers.
HEADERS: Final[dict[str, dict[str, Any]]] = {
    "Location": {
        "description": "The task.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Tasky-Last-Line": {
        "description": "The number of the last line that there is; give it as `after` to go on.",
        "schema": COUNT,
    },
    "Tasky-Lines": {
        "description": "The numbers of all lines that there are; those of lines that were dropped are not among them.",
        "schema": TEXT | {"examples": ["1-500,9000-9800"]},
    },
    "Tasky-Searched": {
        "description": "With `search`, the number of the last line that was looked at: if there are more, give it as"
        " `after` to look on.",
        "schema": COUNT,
    },
    "ETag": {"description": "What If-None-Match may have.", "schema": TEXT},
    "Set-Cookie": {"description": "The session.", "schema": TEXT},
    "Content-Range": {"description": "Which bytes these are.", "schema": TEXT},
}

#: In paths: by what stands before them.
PLACES: Final[dict[str, Schema]] = {
    "workers/name": {
        "type": "string",
        "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        "description": "The worker's name.",
        "examples": ["copyfile"],
    },
    "tokens/name": {"type": "string", "description": "The name of a token."},
    "tasks/task_id": TASK_ID | {"examples": ["01a20eb8170970a7b9abef1f8a938382"]},
    "files/path": {
        "type": "string",
        "minLength": 1,
        "description": "The file's Path; its slashes may be percent-encoded.",
        "examples": ["out.csv"],
    },
    "page/path": {
        "type": "string",
        "minLength": 1,
        "description": "As the page has it: a version, and the path of a file.",
        "examples": ["0123456789abcdef/app.js"],
    },
    "docs/file": {
        "type": "string",
        "enum": ["docs.css", "docs.js"],
        "description": "What the page consists of.",
        "examples": ["docs.js"],
    },
}

#: The groups of operations, in their order: a resource belongs to that of its module, unless it says otherwise.
TAGS: Final[dict[str, str]] = {
    "workers": "What can be run, and running it.",
    "chains": "Several tasks as one.",
    "tasks": "Looking at tasks, and acting on them.",
    "logs": "What a task wrote.",
    "events": "What happens, while it happens.",
    "files": "What a task left.",
    "auth": "Who one is, and who may do what.",
    "metrics": "Figures for Prometheus.",
    "health": "Whether the server is well.",
    "docs": "What the API is like.",
    "page": "The web page, which uses all of this.",
}
