"""What a line is about, beside its message: the task, the worker, the client, the request, and what else is known.

log.error("its end cannot be stored: %s", error, extra=about(task=task_id, worker=name))
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

Fields = Mapping[str, Any]

#: Those that every form shows first, in this order.
FIRST: Final = ("task", "worker", "client", "request")

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:@/+*-]{1,200}", re.ASCII)
_LONGEST: Final = 200
_NONE: Final[Fields] = {}

#: Of the request that this thread answers.
_request: ContextVar[Fields] = ContextVar("request", default=_NONE)


def about(
    *,
    task: str | None = None,
    worker: str | None = None,
    client: str | None = None,
    said: bool = False,
    **others: Any,
) -> dict[str, Any]:
    """For `extra=`. What is None is left out. `said`: the message has it all, for whoever reads text."""
    fields = {"task": task, "worker": worker, "client": client, **others}
    known = {key: value for key, value in fields.items() if value is not None}
    return {"fields": known, "said": said}


def in_request(**fields: str) -> None:
    """All that this thread says from now on is about that request, too."""
    _request.set({**_request.get(), **fields})


def out_of_request() -> None:
    _request.set(_NONE)


def gather(record: logging.LogRecord) -> None:
    """Adds what the thread knows; to be called in it."""
    own: Fields = getattr(record, "fields", _NONE)
    known = {**_request.get(), **own}
    record.__dict__["fields"] = {key: known[key] for key in (*FIRST, *known) if key in known}


def fields_of(record: logging.LogRecord) -> Fields:
    found: Fields = getattr(record, "fields", _NONE)
    return found


def shown(value: Any) -> str:
    """A value of `key=value`: as it is if it is plain, else as a JSON string in ASCII."""
    text = str(value)[:_LONGEST]
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
