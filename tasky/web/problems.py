"""Errors as `application/problem+json` (RFC 9457), with the older API's `Error` text beside it.

What is our fault is told in general words; the log has the rest.
"""

from __future__ import annotations

import logging
from typing import Any, Final

import falcon
from falcon.constants import COMBINED_METHODS

from ..errors import Invalid, TaskyError, Unauthorized, UnknownWorker, Violation, WrongState
from ..logs import about
from .documents import dump
from .principal import principal_of

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
#: Those that falcon knows, and so finds the allowed ones for; WEBSOCKET is a name of its own for something else.
_METHODS: Final = frozenset(COMBINED_METHODS) - {"WEBSOCKET"}
_OUR_FAULT: Final = "something went wrong on the server; its log says what"
_DETAILS: Final = {
    404: "there is nothing here; the API begins at /tasky/v1/",
    501: "there is no such method",
}


class TooLarge(TaskyError):
    """The body is too large."""

    status = 413


class PreconditionFailed(TaskyError):
    """The file is not the one that the request is about."""

    status = 412


class RangeNotSatisfiable(TaskyError):
    """The file has no such bytes."""

    status = 416


class UnsupportedMediaType(TaskyError):
    """The body must be JSON: Content-Type: application/json."""

    status = 415


class ForeignHost(TaskyError):
    """This server does not answer to the name in the request's Host: the setting allowed_hosts adds names."""

    status = 421


class ForeignOrigin(TaskyError):
    """A page of another origin must not do this: the setting cors_origins allows origins."""

    status = 403


def status_line(status: int) -> str:
    """Such as `404 Not Found`, in the words of RFC 9110."""
    return str(falcon.code_to_http_status(status))


def problem(status: int, detail: str, **members: Any) -> dict[str, Any]:
    """The document. Its type is about:blank, so its title is the status' phrase."""
    return {
        "type": "about:blank",
        "title": status_line(status)[4:],
        "status": status,
        "detail": detail,
        **members,
        "Error": detail,
    }


def add_error_handlers(app: falcon.App[Any, Any]) -> None:
    app.add_error_handler(TaskyError, _ours)
    app.add_error_handler(falcon.HTTPError, _falcons)
    app.add_error_handler(Exception, _unexpected)


def _answer(resp: falcon.Response, document: dict[str, Any]) -> None:
    resp.status = document["status"]
    resp.content_type = MEDIA_TYPE
    resp.text = None
    resp.stream = None
    resp.data = dump(document)


def _ours(
    req: falcon.Request, resp: falcon.Response, error: TaskyError, params: dict[str, Any]
) -> None:
    members: dict[str, Any] = {}
    detail = error.message
    if isinstance(error, Invalid):
        members["errors"] = [_violation(item) for item in error.violations]
    elif isinstance(error, UnknownWorker):
        if error.near is not None and not principal_of(req).sees_worker(error.near):
            detail = error.plain
    elif isinstance(error, WrongState):
        if "task_id" in params:
            members["TaskId"] = params["task_id"]
        members["Status"] = error.state
    if error.status >= 500:
        # The message of such an error may name files of the server.
        log.error("%s %r: %s", req.method, req.path, error, extra=_about(params))
        detail = _OUR_FAULT if error.status == 500 else (type(error).__doc__ or "").strip()
    if isinstance(error, Unauthorized):  # RFC 6750, 3
        resp.set_header("WWW-Authenticate", 'Bearer realm="tasky"')
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        resp.set_header("Retry-After", str(retry_after))
    _answer(resp, problem(error.status, detail, **members))


def _violation(violation: Violation) -> dict[str, str]:
    document = {"detail": violation.detail, "pointer": violation.pointer}
    if violation.parameter is not None:
        document["parameter"] = violation.parameter
    return document


def _falcons(
    req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, _params: dict[str, Any]
) -> None:
    """No route, no such method, or a header that falcon could not read."""
    status = error.status_code
    if req.method not in _METHODS:
        status = 501
    if error.headers is not None:
        resp.set_headers(error.headers)
    detail = _DETAILS.get(status, error.description or error.title or "")
    if status == 405:
        detail = f"{req.method} is not possible here: there is {resp.get_header('Allow')}"
    _answer(resp, problem(status, detail))


def _unexpected(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]
) -> None:
    log.error("%s %r", req.method, req.path, exc_info=error, extra=_about(params))
    _answer(resp, problem(500, _OUR_FAULT))


def _about(params: dict[str, Any]) -> dict[str, Any]:
    """The task or the worker of the path."""
    return about(task=params.get("task_id"), worker=params.get("name"))
