"""Reading a request: waitress' parser, and stricter than that. What two servers could read differently is refused:
behind a proxy it would be a way to smuggle a request past it (RFC 9112, 6.3 and 11.2).
"""

from __future__ import annotations

import io
import re
from typing import Any, Final

from waitress.parser import HTTPRequestParser, ParsingError
from waitress.utilities import BadRequest, Error, RequestEntityTooLarge

from ..errors import TaskyError
from .spool import Forms, Refused

_FOLD: Final = re.compile(rb"\r\n[ \t]")
_TRANSFER_ENCODING: Final = re.compile(rb"\r\ntransfer-encoding:([^\r\n]*)", re.IGNORECASE)
_NOT_IN_A_TARGET: Final = re.compile(r"[\x00-\x20#\x7f]")
#: No body is that long, and Python reads no number of thousands of digits.
_ENDLESS: Final = re.compile(rb"\r\ncontent-length:[ \t]*[0-9]{19}", re.IGNORECASE)
#: Bytes of a chunk's size with its extensions, and of all that follows the last chunk.
_LONGEST_CONTROL: Final = 1024
_LONGEST_TRAILER: Final = 8192
_FORM: Final = "multipart/form-data"


class RequestParser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """One request. `began` is when its first byte came, or the connection; `max_body` and `max_form` (of a
    multipart/form-data) are in bytes. `forms` says which of those are taken; `peer` is the client's address."""

    def __init__(
        self,
        adj: object,
        began: float,
        max_body: int,
        max_form: int,
        forms: Forms | None = None,
        peer: str = "",
    ) -> None:
        super().__init__(adj)
        self._forms: Final = forms
        self._peer: Final = peer
        self.began: Final = began
        self._max_body: Final = max_body
        self._max_form = max_form

    def received(self, data: bytes) -> int:
        try:
            consumed: int = super().received(data)
        except (TaskyError, OSError) as error:  # of the spool
            consumed = len(data)
            self._refuse(Refused(error))
        if self.error is None and self.body_rcv is not None:
            self._check_size()
        if self.error is not None:
            # Nobody is asked to send the body of a request that is refused.
            self.completed, self.expect_continue = True, False
        return consumed

    def _refuse(self, error: Error) -> None:
        self.error = error

    def allowed(self, header: float, body: float, rate: float) -> float:
        """The moment by which more of it must have come: `header` seconds for all of the header, then `body` seconds
        and a second more for each `rate` bytes of the body."""
        if not self.headers_finished:
            return self.began + header
        return self.began + header + body + float(self.body_bytes_received) / rate

    def parse_header(self, header_plus: bytes) -> None:
        if _FOLD.search(header_plus):
            raise ParsingError("a header must not be folded into several lines")
        if _ENDLESS.search(header_plus):
            raise ParsingError("Content-Length is out of all bounds")
        codings = [value.strip(b" \t").lower() for value in _TRANSFER_ENCODING.findall(header_plus)]
        super().parse_header(header_plus)
        if self.version not in ("1.0", "1.1"):
            raise ParsingError("only HTTP/1.0 and HTTP/1.1 are spoken here")
        if _NOT_IN_A_TARGET.search(self.request_uri):
            raise ParsingError("there is a character in the request's target that must be encoded")
        if codings:
            self._check_codings(codings)
        if self._forms is not None and self.body_rcv is not None and self._is_form():
            self._spool(self._forms)

    def _check_codings(self, codings: list[bytes]) -> None:
        """Other codings than `chunked` have been refused with 501."""
        if codings != [b"chunked"]:
            raise ParsingError("Transfer-Encoding must be chunked, once")
        if self.version == "1.0" or "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Transfer-Encoding goes with HTTP/1.1, and without Content-Length")

    def _check_size(self) -> None:
        limit = self._max_form if self._is_form() else self._max_body
        if max(self.content_length, len(self.body_rcv.getbuf())) > limit:
            self.error = RequestEntityTooLarge("")
        elif self.chunked and self._has_long_lines():
            self.error = BadRequest("what is around the chunks of the body is too long")

    def _is_form(self) -> bool:
        media_type = str(self.headers.get("CONTENT_TYPE", "")).partition(";")[0]
        return media_type.strip().lower() == _FORM

    def _spool(self, forms: Forms) -> None:
        """Has the body of a large form wait where there is room, if it is one that is taken."""
        if not self.chunked and self.content_length <= self._max_body:
            return
        limit = forms.limit(self._environ())
        self._max_form = self._max_body if limit is None else limit
        if limit is not None and self.content_length <= limit:
            self.body_rcv.buf = forms.spool(self.content_length)

    def _environ(self) -> dict[str, Any]:
        """Of the head alone, as WSGI has it."""
        return {
            **{f"HTTP_{name}": value for name, value in self.headers.items()},
            "REQUEST_METHOD": self.command,
            "PATH_INFO": self.path,
            "QUERY_STRING": self.query,
            "REMOTE_ADDR": self._peer,
            "SERVER_NAME": "",
            "SERVER_PORT": "",
            "wsgi.url_scheme": self.url_scheme,
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
        }

    def _has_long_lines(self) -> bool:
        receiver = self.body_rcv
        return (
            len(receiver.control_line) > _LONGEST_CONTROL
            or len(receiver.trailer) > _LONGEST_TRAILER
        )
