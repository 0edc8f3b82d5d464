"""What can go wrong between a client and its server."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

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


class ApiError(ClientError):
    """The server refused: its problem document (RFC 9457), or as much of one as it sent.

    `errors` has one entry for each thing wrong with what was sent. `document` is the whole of it.
    """

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        self.status = status  # type: ignore[misc]  # each answer has its own, where the tree has one for each class
        self.document = document
        self.title = _text(document.get("title")) or _phrase(status)
        self.detail = _text(document.get("detail")) or _text(document.get("Error"))
        self.errors = _violations(document.get("errors"))
        super().__init__(self.detail or f"{status} {self.title}")


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
