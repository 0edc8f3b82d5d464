"""Server-Sent Events as they are on the wire (https://html.spec.whatwg.org/#server-sent-events), and their data."""

from __future__ import annotations

from typing import Any, Final

from ..model.states import State
from ..model.task import Progress
from ..service.happenings import Happening, Kind
from ..store import LogLine
from .documents import Document, add_duration, dump, log_document, progress_document

MEDIA_TYPE: Final = "text/event-stream"
#: How long a client should wait before it comes back.
RETRY: Final = b"retry: 2000\n"
BEAT: Final = b":\n\n"
#: Of a progress message in an event, in characters: the status has all of it.
_LONGEST_MESSAGE: Final = 2000


def event(name: str, data: bytes, id_: str = "") -> bytes:
    """`data` is one line of JSON, with or without its end."""
    head = f"id: {id_}\nevent: {name}\ndata: " if id_ else f"event: {name}\ndata: "
    return b"%s%s\n\n" % (head.encode(), data.removesuffix(b"\n"))


def farewell(reason: str) -> bytes:
    """The last event of a stream that the server ends before its time."""
    return event("bye", dump({"Reason": reason}))


def log(line: LogLine) -> bytes:
    return event("log", dump(log_document(line)), str(line.n))


def lines(task_id: str, last: int, ranges: str) -> bytes:
    return event("lines", dump({"TaskId": task_id, "Last": last, "Lines": ranges}))


def status(
    task_id: str,
    state: State,
    progress: Progress | None,
    *,
    duration: int | None = None,
    **members: Any,
) -> Document:
    """As the route /status has it."""
    document: Document = {"TaskId": task_id, **members, "Status": state}
    add_duration(document, duration)
    if progress is not None:
        document["Progress"] = progress_document(short(progress))
    return document


def progress(task_id: str, latest: Progress, **members: Any) -> Document:
    return {"TaskId": task_id, **members, **progress_document(short(latest))}


def short(latest: Progress) -> Progress:
    message = latest.message
    if message is None or len(message) <= _LONGEST_MESSAGE:
        return latest
    return Progress(percent=latest.percent, message=f"{message[:_LONGEST_MESSAGE]}…")


def happening(one: Happening) -> bytes:
    """The data of a STATUS or a PROGRESS."""
    if one.kind is Kind.PROGRESS:
        assert one.progress is not None
        return dump(progress(one.task_id, one.progress, Worker=one.worker))
    return dump(
        status(one.task_id, one.state, one.progress, duration=one.duration, Worker=one.worker)
    )
