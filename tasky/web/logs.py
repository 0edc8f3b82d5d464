"""/tasks/{id}/log: as text, or as JSON lines; all of it, or what somebody looks at or for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, Final

import falcon

from ..errors import Invalid, Violation
from ..model.access import Need
from ..service import Service
from ..store import LogLine, LogReader, search
from . import options
from .documents import dump, line_ranges, log_document
from .follow import Follow, Tail
from .query import Option, Options, read_query
from .resource import Answer, Resource, operation
from .source import Budget, send, validity

TEXT: Final = "text/plain"
JSONL: Final = "application/jsonl"
LAST_LINE: Final = "Tasky-Last-Line"
LINES: Final = "Tasky-Lines"
SEARCHED: Final = "Tasky-Searched"
#: The most of an answer that is held in memory.
_CHUNK: Final = 64 << 10

LOG: Final[Options] = {
    "after": Option(options.count, about="Only the lines behind that one."),
    "tail": Option(options.count, about="Only the last so many."),
    "attempt": Option(options.count, about="Only what that attempt wrote."),
    "limit": Option(options.lines, about="At most so many, the first of them."),
    "search": Option(
        options.text,
        about="Only lines with this text, in upper or lower case; see the header Tasky-Searched.",
    ),
    "cut": Option(options.length, about="Of each line only so many characters."),
    "follow": Option(options.switch, about="Goes on until the task has ended."),
}


class Log(Resource):
    """The lines that there are at the moment of the request, of all attempts or of one. `Tasky-Last-Line` is the number
    of the last of them: a client gives it as `after` to go on. With `follow`, those that come until the task has ended,
    too. `Tasky-Lines` has the numbers of all of them (`1-500,9000-9800`): what is not among them was dropped. With
    `limit` one reads any part of a large log; with `search` one looks through it, part by part."""

    def __init__(self, service: Service, budget: Budget) -> None:
        self._service: Final = service
        self._budget: Final = budget

    @operation(
        "The log of a task, as text or as JSON lines.",
        Need.READ,
        LOG,
        answers={200: Answer("Its lines.", "Log", (TEXT, JSONL), (LAST_LINE, LINES, SEARCHED))},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        values = read_query(req, LOG)
        _refuse_together(values)
        reader = self._service.log(task_id)
        first, last = _place(reader, values.get("attempt"))
        after = max(first, values.get("after", 0), last - values.get("tail", last))
        jsonl = req.client_prefers((TEXT, JSONL)) == JSONL
        resp.content_type = JSONL if jsonl else f"{TEXT}; charset=utf-8"
        resp.set_header("Vary", "Accept")
        resp.set_header(LAST_LINE, str(last))
        resp.set_header(LINES, line_ranges(reader.spans(), first, last))
        resp.set_header(SEARCHED, str(last))
        resp.set_header("Content-Security-Policy", "default-src 'none'; sandbox")
        if req.method == "HEAD":
            resp.stream = ()
            return
        render = _cutting(as_json if jsonl else as_text, values.get("cut"))
        if values.get("follow"):
            tail = Tail(reader, render, after, attempt=values.get("attempt"))
            send(req, resp, self._budget, Follow(self._service, task_id, tail, validity(req)))
            return
        lines: Iterable[LogLine]
        limit = values.get("limit")
        if "search" in values:
            most = options.MAX_LIMIT if limit is None else limit
            text = values["search"]
            found = search(reader, text, as_shown, after=after, last=last, limit=most)
            resp.set_header(SEARCHED, str(found.searched))
            lines = found.lines
        else:
            lines = islice(_until(reader, after, last), limit)
        _send(resp, _chunks(lines, render))


def _refuse_together(values: dict[str, Any]) -> None:
    """What never ends has no part that could be told beforehand."""
    if values.get("follow"):
        violations = [
            Violation(f"{name}: not together with follow", parameter=name)
            for name in ("limit", "search")
            if name in values
        ]
        if violations:
            raise Invalid(violations)


def _place(reader: LogReader, attempt: int | None) -> tuple[int, int]:
    """The lines wanted: those behind the first number, up to the second."""
    return (0, reader.last()) if attempt is None else reader.span(attempt)


def _until(reader: LogReader, after: int, last: int) -> Iterator[LogLine]:
    """What comes while the answer goes out belongs to the next one."""
    if after < last:
        for line in reader.lines(after=after):
            if line.n > last:
                return
            yield line


def _send(resp: falcon.Response, chunks: Iterator[bytes]) -> None:
    """One chunk has a Content-Length, and the connection lives on; more of them are streamed."""
    first = next(chunks, b"")
    second = next(chunks, None)
    if second is None:
        resp.data = first
    else:
        resp.stream = _chain(first, second, chunks)


def _chain(first: bytes, second: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield second
    yield from chunks


def _chunks(lines: Iterable[LogLine], render: Render) -> Iterator[bytes]:
    pieces: list[bytes] = []
    size = 0
    for line in lines:
        piece = render(line)
        pieces.append(piece)
        size += len(piece)
        if size >= _CHUNK:
            yield b"".join(pieces)
            pieces.clear()
            size = 0
    if pieces:
        yield b"".join(pieces)


Render = Callable[[LogLine], bytes]


def _cutting(render: Render, most: int | None) -> Render:
    if most is None:
        return render

    def cut(line: LogLine) -> bytes:
        if len(line.text) > most:
            whole = len(line.text)
            line = replace(line, text=f"{line.text[:most]}…", length=whole)
        return render(line)

    return cut


def as_shown(line: LogLine) -> str:
    """The line itself; of a log message its level, its message, and its further members as key=value."""
    if line.level is None:
        return line.text
    fields = "".join(f" {key}={_value(value)}" for key, value in (line.fields or {}).items())
    return f"{line.level}: {line.text}{fields}"


def as_text(line: LogLine) -> bytes:
    return f"{as_shown(line)}\n".encode("utf-8", "backslashreplace")


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def as_json(line: LogLine) -> bytes:
    return dump(log_document(line))
