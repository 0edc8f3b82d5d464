"""A connection of waitress as we want it: what it answers by itself, before the application is asked, in the form of
all other errors; HEAD; and no loop that runs hot."""

from __future__ import annotations

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import Error

from .documents import dump
from .problems import MEDIA_TYPE, problem, status_line

_DETAILS = {
    413: "the body is larger than is allowed",
    431: "the request line and headers are larger than is allowed",
    500: "something went wrong on the server; its log says what",
}


class ProblemTask(ErrorTask):  # type: ignore[misc]  # waitress has no types
    """Answers to a request that could not be read."""

    def execute(self) -> None:
        error: Error = self.request.error
        body = dump(problem(error.code, _DETAILS.get(error.code, str(error.body))))
        self.status = status_line(error.code)
        self.response_headers += [
            ("Content-Type", MEDIA_TYPE),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        ]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class RequestTask(WSGITask):  # type: ignore[misc]
    """The answer to HEAD has no body, also where that of GET would come in chunks: waitress would send the last,
    empty one."""

    def finish(self) -> None:
        if self.request.command == "HEAD":
            if not self.wrote_header:
                self.write(b"")
            self.chunked_response = False
        super().finish()


class ProblemChannel(HTTPChannel):  # type: ignore[misc]
    task_class = RequestTask
    error_task_class = ProblemTask

    def writable(self) -> bool:
        """Not while a thread is at it: that one pulls the trigger if it leaves something. waitress would say yes, and
        its loop would go round and round, with the interpreter's lock, until that thread gets this lock to go on."""
        if self.will_close or self.close_when_flushed:
            return True
        if not self.total_outbufs_len or not self.outbuf_lock.acquire(blocking=False):
            return False
        self.outbuf_lock.release()
        return bool(self.total_outbufs_len)
