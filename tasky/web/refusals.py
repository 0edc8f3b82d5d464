"""What is answered before the application is asked, in the form of all other errors."""

from __future__ import annotations

import functools

from waitress.task import ErrorTask
from waitress.utilities import Error

from .defences import HEADERS
from .documents import dump
from .problems import MEDIA_TYPE, problem, status_line

_DETAILS = {
    408: "the request came too slowly",
    413: "the body is larger than is allowed",
    431: "the request line and headers are larger than is allowed",
    500: "something went wrong on the server; its log says what",
    507: "the disk is full: nothing can be stored",
    503: "there are too many connections",
}


class ProblemTask(ErrorTask):  # type: ignore[misc]  # waitress has no types
    """Answers to a request that could not be read."""

    def execute(self) -> None:
        error: Error = self.request.error
        body = dump(problem(error.code, _DETAILS.get(error.code, str(error.body))))
        self.status = status_line(error.code)
        more = getattr(error, "headers", [])
        self.response_headers += [("Content-Type", MEDIA_TYPE), *HEADERS, *more]
        self.set_close_on_finish()
        self.channel.lingers = True
        self.content_length = len(body)
        self.write(body)


@functools.cache
def last_words(status: int) -> bytes:
    """An answer without a request, in one piece."""
    body = dump(problem(status, _DETAILS[status]))
    headers = [
        ("Content-Type", MEDIA_TYPE),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
        *HEADERS,
    ]
    if status == 503:
        headers.append(("Retry-After", "1"))
    lines = [f"HTTP/1.1 {status_line(status)}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode() + body
