"""One attempt to deliver a notification: a POST to an address that was looked at, within a limit of time.

http.client does it, without what it would do by itself: it connects to nothing (the socket comes from here, so that no
second look-up of the name can lead elsewhere), follows nothing, and knows no proxy. A library with more in it would
have to be talked out of all of that.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, BinaryIO, Final

from .. import __version__
from ..model.addresses import Reach, reach
from ..model.delivery import Answer
from ..model.notify import Url

#: Seconds for all of it: look-up, connection, request, answer.
TIMEOUT: Final = 10.0
#: As much of an answer's body is read, so that the receiver can finish its sentence; nothing is made of it.
_MOST_READ: Final = 64 << 10
_PIECE: Final = 16 << 10
#: Seconds for one address of several; the last one gets what is left.
_EACH: Final = 3.0


class _Refused(Exception):
    """The name leads to no address that may be connected to."""


class Post:
    """An attempt that can be cut off by another thread."""

    def __init__(self, url: Url, may_be: Callable[[Reach], bool]) -> None:
        """`may_be` says which kinds of addresses may be connected to."""
        self._url: Final = url
        self._may_be: Final = may_be
        self._lock: Final = threading.Lock()
        self._socket: socket.socket | None = None
        self._cut = False

    def send(self, body: bytes, headers: Mapping[str, str], timeout: float = TIMEOUT) -> Answer:
        """What the receiver answered, or why there is no answer. `timeout` is in seconds. Never raises for what the
        network or the receiver do."""
        deadline = time.monotonic() + timeout
        try:
            with self._connect(deadline) as connection:
                return self._exchange(_Timed(connection, deadline), body, headers)
        except _Refused as error:
            return Answer(error=str(error), hopeless=True)
        except TimeoutError:
            return Answer(error=f"no answer within {timeout:g} s")
        except ssl.SSLCertVerificationError as error:
            return Answer(error=f"its certificate is not valid: {error.verify_message}")
        except ssl.SSLError as error:
            return Answer(error=f"no TLS: {(error.reason or 'closed').lower().replace('_', ' ')}")
        except socket.gaierror as error:
            return Answer(error=f"the host has no address: {error.strerror}")
        except UnicodeError:
            return Answer(error="the host has no address: no name for a resolver")
        except OSError as error:
            return Answer(error=(error.strerror or "the connection broke").lower())
        except http.client.HTTPException as error:
            return Answer(error=f"no HTTP answer ({type(error).__name__})")

    def cut(self) -> None:
        """Ends it now. Any thread."""
        with self._lock:
            self._cut = True
            if self._socket is not None:
                _shut(self._socket)

    @property
    def is_cut(self) -> bool:
        return self._cut

    # ------------------------------------------------------------------ the connection

    def _connect(self, deadline: float) -> socket.socket:
        addresses = self._addresses()
        while True:
            family, address = addresses.pop(0)
            until = min(deadline, time.monotonic() + _EACH) if addresses else deadline
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                self._watch(connection)
                connection.settimeout(_left(until))
                connection.connect(address)
            except OSError:
                connection.close()
                if not addresses or self._cut:
                    raise
            else:
                return self._secured(connection, deadline)

    def _secured(self, connection: socket.socket, deadline: float) -> socket.socket:
        if self._url.scheme == "http":
            return connection
        with connection:  # the other one takes its descriptor over
            secured = _tls().wrap_socket(
                connection, server_hostname=self._url.host, do_handshake_on_connect=False
            )
        try:
            self._watch(secured)
            secured.settimeout(_left(deadline))
            secured.do_handshake()
        except BaseException:
            secured.close()
            raise
        return secured

    def _watch(self, connection: socket.socket) -> None:
        """So that it can be cut."""
        with self._lock:
            if self._cut:
                raise ConnectionAbortedError
            self._socket = connection

    def _addresses(self) -> list[tuple[socket.AddressFamily, Any]]:
        """Those of the host that may be connected to; _Refused if it has others only."""
        found = socket.getaddrinfo(self._url.host, self._url.port, type=socket.SOCK_STREAM)
        allowed: list[tuple[socket.AddressFamily, Any]] = [
            (family, address)
            for family, _, _, _, address in found
            if self._may_be(reach(str(address[0])))
        ]
        if not allowed:
            raise _Refused("refused: the host's address is of this machine or a private network")
        return allowed

    # ------------------------------------------------------------------ request and answer

    def _exchange(self, timed: _Timed, body: bytes, headers: Mapping[str, str]) -> Answer:
        url = self._url
        connection = http.client.HTTPConnection(url.host, url.port)
        connection.auto_open = 0
        connection.sock = timed  # as much of a socket as it needs
        fixed = {
            "Host": url.authority,
            "User-Agent": f"Tasky/{__version__}",
            "Content-Type": "application/json",
            "Connection": "close",
        }
        connection.request("POST", url.target, body, {**fixed, **headers})
        response = connection.getresponse()
        answer = Answer(response.status, retry_after=response.getheader("Retry-After"))
        with response, contextlib.suppress(OSError, http.client.HTTPException):
            response.read(_MOST_READ)  # the status is what counts
        return answer


class _Timed:
    """A socket whose every step has what is left of one limit of time: a receiver that sends a byte now and then does
    not get any further."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection: Final = connection
        self._deadline: Final = deadline

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        for start in range(0, len(view), _PIECE):
            self._connection.settimeout(_left(self._deadline))
            self._connection.sendall(view[start : start + _PIECE])

    def makefile(self, _mode: str) -> BinaryIO:
        return io.BufferedReader(_Reading(self._connection, self._deadline))

    def close(self) -> None:
        """Done by who made it."""


class _Reading(io.RawIOBase):
    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection: Final = connection
        self._deadline: Final = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_left(self._deadline))
        return self._connection.recv_into(buffer)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it was not connected, or is no more
        socket.socket.shutdown(connection, socket.SHUT_RDWR)  # ssl's own would also drop the TLS


@cache
def _tls() -> ssl.SSLContext:
    """With the system's authorities, or those that SSL_CERT_FILE and SSL_CERT_DIR name."""
    return ssl.create_default_context()
