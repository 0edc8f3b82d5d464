"""Events as lines: JSON for programs, words for people."""

from __future__ import annotations

import json
import time
from typing import Any

from ..client import (
    DroppedEvent,
    Event,
    LogDocument,
    LogEvent,
    ProgressEvent,
    ResetEvent,
    ResultEvent,
    StatusEvent,
)
from ..model.states import LIVE
from .ids import short
from .shapes import brief_duration, failure, progress, status_style
from .terminal import one_line


def as_json(event: Event) -> str:
    """In ASCII, as all JSON of the command line. `id` is what --after goes on behind."""
    document = {"event": event.name, "task_id": event.task_id, "id": event.id, "data": event.data}
    return json.dumps(document, separators=(",", ":"))


def log_text(document: LogDocument) -> str:
    """As the API's text has it."""
    text = document["Text"]
    if "Level" in document:
        members = (f" {key}={_member(value)}" for key, value in document.get("Fields", {}).items())
        text = f"{document['Level']}: {text}{''.join(members)}"
    return text


def _member(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def as_line(event: Event, *, coloured: bool) -> str:
    """Empty where the next event says it better: of a task that ends, the result."""
    match event:
        case StatusEvent(data=status):
            text = _state(status["Status"], coloured) if status["Status"] in LIVE else ""
        case ProgressEvent(data=found):
            text = progress({"TaskId": event.task_id, "Status": "", "Progress": found})
        case LogEvent(data=document):
            text = f"| {one_line(log_text(document))}"
        case ResultEvent(data=result):
            words = [_state(result["Status"], coloured), brief_duration(result.get("Seconds"))]
            words += [failure(result["Error"])] if "Error" in result else []
            text = "  ".join(filter(None, words))
        case DroppedEvent():
            text = f"{event.count} events were left out here: this reader is too slow"
        case ResetEvent():
            text = "events may be missing here: the server does not have those from before"
        case _:
            text = one_line(f"{event.name} {json.dumps(event.data, ensure_ascii=False)}")
    return _placed(event, text) if text else ""


def _state(state: str, coloured: bool) -> str:
    return status_style(state) if coloured else state


def _placed(event: Event, text: str) -> str:
    worker = event.data.get("Worker", "") if isinstance(event.data, dict) else ""
    words = (time.strftime("%H:%M:%S"), short(event.task_id), one_line(str(worker)), text)
    return "  ".join(filter(None, words))
