"""Reading a request's body: JSON, and no more of it than is allowed."""

from __future__ import annotations

import codecs
from typing import Any, Final

import falcon

from ..errors import BadRequest, Invalid, Violation
from ..model.strict_json import loads
from .problems import TooLarge, UnsupportedMediaType

_JSON: Final = "application/json"
_UTF8: Final = frozenset({"utf-8", "utf8", "us-ascii"})


def read_object(req: falcon.Request, max_body: int) -> dict[str, Any]:
    """The body's object; an empty body is an empty one."""
    data = _read(req, max_body)
    if not data:
        return {}
    _check_media_type(req)
    return read_json_object(data)


def read_json_object(data: bytes) -> dict[str, Any]:
    """BadRequest for what is not JSON, Invalid for what is no object."""
    try:
        value = loads(data.removeprefix(codecs.BOM_UTF8))
    except ValueError as error:
        raise BadRequest(f"the body is not valid JSON: {_reason(error)}") from None
    if not isinstance(value, dict):
        raise Invalid([Violation("the body must be a JSON object: the parameters")])
    return value


def expect_nothing(req: falcon.Request, max_body: int) -> None:
    """For actions that take no parameters."""
    if read_object(req, max_body):
        raise Invalid([Violation("this takes no parameters: the body must be empty, or {}")])


def _read(req: falcon.Request, max_body: int) -> bytes:
    length = req.content_length
    if length is None:
        return b""
    if length > max_body:
        raise TooLarge(f"the body is larger than the {max_body} bytes that are allowed")
    data: bytes = req.stream.read(length)
    if len(data) < length:
        raise BadRequest("the body is shorter than its Content-Length says")
    return data


def _check_media_type(req: falcon.Request) -> None:
    if req.content_type == _JSON and "HTTP_CONTENT_ENCODING" not in req.env:
        return
    if req.env.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("the body must not be compressed")
    media_type, _, parameters = (req.content_type or "").partition(";")
    if media_type.strip().lower() != _JSON:
        raise UnsupportedMediaType
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip(' "').lower() not in _UTF8:
            raise UnsupportedMediaType("the body must be JSON in UTF-8")


def _reason(error: ValueError) -> str:
    text = str(error)
    # Python's own advice on it is not for clients.
    return "a number has too many digits" if "set_int_max_str_digits" in text else text
