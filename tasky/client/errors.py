"""What can go wrong between a client and its server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from ..errors import TaskyError, Violation


class ClientError(TaskyError):
    """The server could not be asked."""


class BadAddress(ClientError):
    """This is no address of a server."""


class NoServer(ClientError):
    """There is no server at that address."""


class ConnectionLost(ClientError):
    """The connection was lost before the answer came."""


class NoAnswer(ClientError):
    """The server did not answer in time."""


class BadAnswer(ClientError):
    """What came back is no answer of a Tasky server."""


class BadToken(ClientError):
    """This is no token: one is of printable ASCII characters, without blanks."""


class UnreadableFile(ClientError):
    """A file that is to be sent cannot be read."""


class ApiError(ClientError):
    """The server refused: its problem document (RFC 9457), or as much of one as it sent.

    `errors` has one entry for each thing wrong with what was sent. `document` is the whole of it. `retry_after` is how
    many seconds the server wants to be left alone, where it says so. Statuses that a program tells apart have a class.
    """

    def __init__(
        self, status: int, document: dict[str, Any], retry_after: float | None = None
    ) -> None:
        self.status = status  # type: ignore[misc]  # each answer has its own, where the tree has one for each class
        self.document = document
        self.retry_after = retry_after
        self.title = _text(document.get("title")) or _phrase(status)
        self.detail = _text(document.get("detail")) or _text(document.get("Error"))
        self.errors = _violations(document.get("errors"))
        super().__init__(self.detail or f"{status} {self.title}")


class BadRequest(ApiError):
    """400: the request is not understood."""


class Unauthorized(ApiError):
    """401: there is no token, or it is none that the server knows, or it is no longer valid."""


class Forbidden(ApiError):
    """403: the token has not the scope for this."""


class NotFound(ApiError):
    """404: there is no such worker, task or file, or the token may not see it."""


class Conflict(ApiError):
    """409: the state of the task or worker does not allow this."""


class TooLarge(ApiError):
    """413: more than the server takes."""


class Misdirected(ApiError):
    """421: the server does not go by this host name."""


class Invalid(ApiError):
    """422: the parameters, or options, are not valid; `errors` says each thing that is wrong."""


class TooMany(ApiError):
    """429: the queue is full, or there were too many tries."""


class Unavailable(ApiError):
    """503: the server is shutting down, busy, or has no stream left."""


_CLASSES: Final[Mapping[int, type[ApiError]]] = MappingProxyType(
    {
        400: BadRequest,
        401: Unauthorized,
        403: Forbidden,
        404: NotFound,
        409: Conflict,
        413: TooLarge,
        421: Misdirected,
        422: Invalid,
        429: TooMany,
        503: Unavailable,
    }
)


def api_error(status: int, document: dict[str, Any], retry_after: float | None = None) -> ApiError:
    """Of the status's class, if it has one."""
    return _CLASSES.get(status, ApiError)(status, document, retry_after)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "error"


def _violations(entries: object) -> Sequence[Violation]:
    if not isinstance(entries, list):
        return ()
    return tuple(_violation(entry) for entry in entries if isinstance(entry, dict))


def _violation(entry: dict[str, Any]) -> Violation:
    return Violation(
        _text(entry.get("detail")),
        pointer=_text(entry.get("pointer")),
        parameter=_text(entry.get("parameter")) or None,
    )
