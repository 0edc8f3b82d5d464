"""One connection to a server, kept open between requests, and what to do when it breaks."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
)
from typing import Final

from .address import Address
from .errors import BadAnswer, ConnectionLost, NoAnswer, NoServer
from .forms import Form

_CHUNK: Final = 64 << 10
_LOST: Final = (ConnectionError, IncompleteRead)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`repeatable`: sent twice, it does what it does sent once, so it may be sent again when its connection breaks.
    `patience`: seconds that the answer may take beyond the usual."""

    method: str
    target: str
    body: bytes | Form | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    patience: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    media_type: str
    body: bytes
    retry_after: float | None = None
    etag: str = ""


class Transport:
    """Not for several threads at once. `headers` go with each request."""

    def __init__(
        self, address: Address, timeout: float, headers: Mapping[str, str] | None = None
    ) -> None:
        self.address: Final = address
        self._timeout: Final = timeout
        self._headers: Final = dict(headers or {})
        self._connection: HTTPConnection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def ask(self, request: Request) -> Answer:
        """The whole answer."""
        with self._errors(request):
            if not request.repeatable:
                self.close()  # one that has been idle may be dead, and this is sent once only
                return self._ask(request)
            try:
                return self._ask(request)
            except _LOST:
                self.close()
            return self._ask_again(request)

    @contextlib.contextmanager
    def stream(self, request: Request) -> Iterator[tuple[Answer, Iterator[bytes]]]:
        """The answer, and its body in pieces; the answer has the body itself if it tells of an error."""
        try:
            with self._errors(request):
                response = self._send(request)
                body = response.read() if response.status >= 400 else b""
            with response:
                yield _answer(response, body), self._pieces(request, response)
        finally:
            self.close()

    def _pieces(self, request: Request, response: HTTPResponse) -> Iterator[bytes]:
        while piece := self._piece(request, response):
            yield piece

    def _piece(self, request: Request, response: HTTPResponse) -> bytes:
        with self._errors(request):
            piece = response.read1(_CHUNK)
            if not piece and response.length:
                raise IncompleteRead(piece, response.length)
            return piece

    def _ask(self, request: Request) -> Answer:
        with self._send(request) as response:
            return _answer(response, response.read())

    def _ask_again(self, request: Request) -> Answer:
        try:
            return self._ask(request)
        except NoServer:
            if request.method == "GET":
                raise
            raise ConnectionLost(self._lost(request) + "; now no server is there") from None

    def _send(self, request: Request) -> HTTPResponse:
        connection = self._connected()
        assert connection.sock is not None
        connection.sock.settimeout(self._timeout + request.patience)
        # A server that refuses a body before its end may have said so before it closed.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(
                request.method,
                self.address.prefix + request.target,
                body=request.body,
                headers={"Accept": "application/json", **self._headers, **request.headers},
            )
        return connection.getresponse()

    def _connected(self) -> HTTPConnection:
        connection = self._connection
        if connection is None or connection.sock is None:
            self.close()
            connection = _open(self.address, self._timeout)
            self._connection = connection
        return connection

    @contextlib.contextmanager
    def _errors(self, request: Request) -> Iterator[None]:
        """Whatever breaks the connection, as an error of ours; the connection is not used again."""
        try:
            yield
        except TimeoutError:
            self.close()
            waited = self._timeout + request.patience
            late = f"no answer from {self.address} within {waited:g} s"
            raise NoAnswer(late + _doubt(request)) from None
        except _LOST as error:
            self.close()
            raise ConnectionLost(self._lost(request)) from error
        except (HTTPException, OSError) as error:
            self.close()
            raise BadAnswer(
                f"what {self.address} answers is not HTTP: is a Tasky server there?"
            ) from error
        except BaseException:  # such as Ctrl-C: the answer may still come, and is nobody's
            self.close()
            raise

    def _lost(self, request: Request) -> str:
        lost = f"the connection to {self.address} was lost before the answer had come"
        return lost + _doubt(request)


def _doubt(request: Request) -> str:
    return "" if request.method == "GET" else ": it may have been carried out or not"


def _answer(response: HTTPResponse, body: bytes) -> Answer:
    media_type = response.headers.get_content_type()
    headers = response.headers
    retry_after = _seconds(headers["Retry-After"])
    return Answer(response.status, media_type, body, retry_after, headers["ETag"] or "")


def _seconds(text: str | None) -> float | None:
    """Of Retry-After; a date there is as good as nothing."""
    return float(text) if text is not None and text.isascii() and text.isdigit() else None


class _UnixConnection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path: Final = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.settimeout(self.timeout)
            self.sock.connect(self._path)
        except BaseException:
            self.sock.close()
            self.sock = None
            raise


def _open(address: Address, timeout: float) -> HTTPConnection:
    """A connection that stands; NoServer, saying what to do, where there is none."""
    connection = _connection(address, timeout)
    connection.auto_open = 0
    try:
        connection.connect()
    except (ConnectionRefusedError, FileNotFoundError):
        raise NoServer(f"no server at {address}: is it running? (tasky serve)") from None
    except UnicodeError:  # a host name that no server of names could be asked for
        raise NoServer(f"no server at {address}: that is no host name") from None
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise NoServer(f"no server at {address}: {reason}") from None
    return connection


def _connection(address: Address, timeout: float) -> HTTPConnection:
    if address.socket is not None:
        return _UnixConnection(address.socket, timeout)
    kind = HTTPSConnection if address.secure else HTTPConnection
    return kind(address.host, address.port, timeout=timeout)
