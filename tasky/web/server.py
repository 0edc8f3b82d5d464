"""Waitress on a socket of ours, in a thread of its own, with an orderly end.

Limits are set here and not left to waitress: its default body is 1 GiB and its default host every interface.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from waitress import wasyncore
from waitress.server import create_server

from ..errors import TaskyError
from .channel import ProblemChannel

log = logging.getLogger(__name__)

_BACKLOG: Final = 1024
_CONNECTIONS: Final = 1000
_MAX_HEADER: Final = 16 << 10  # bytes
_IDLE: Final = 30  # seconds that a connection may be silent
_LAST_ANSWERS: Final = 5.0  # seconds that answers under way have at the end
#: Whoever may use the socket may do everything: its folder's and its own permissions are the door.
_SOCKET_MODE: Final = 0o660

Application = Callable[..., Iterable[bytes]]


class AddressError(TaskyError):
    """The server cannot listen there."""


def listen_tcp(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any. AddressError says who has the port."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise AddressError(f"cannot listen on {host}: {error.strerror}") from error
    sock = socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise _address_error(f"{host}:{port}", error) from error
    return sock


def listen_unix(path: Path) -> socket.socket:
    """A listening unix socket; one that a dead server left is replaced, one that answers is not."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        before = os.umask(0o777 & ~_SOCKET_MODE)
        try:
            sock.bind(str(path))
        finally:
            os.umask(before)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise _address_error(f"unix:{path}", error) from error
    return sock


def _remove_stale(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise AddressError(f"cannot listen on unix:{path}: a file is in the way")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()


def _address_error(where: str, error: OSError) -> AddressError:
    advice = ""
    if error.errno == errno.EADDRINUSE:
        advice = ": is another server running? `listen:` or --listen choose another address"
    return AddressError(f"cannot listen on {where}: {os.strerror(error.errno or 0)}{advice}")


class HttpServer:
    """Answers on `sock` from `start` to `stop`. `max_body` is in bytes."""

    def __init__(
        self, app: Application, sock: socket.socket, *, threads: int, max_body: int
    ) -> None:
        self._map: Final[dict[int, Any]] = {}
        self._server: Final = create_server(
            app,
            map=self._map,
            sockets=[sock],
            threads=threads,
            backlog=_BACKLOG,
            connection_limit=_CONNECTIONS,
            channel_timeout=_IDLE,
            max_request_body_size=max_body,
            max_request_header_size=_MAX_HEADER,
            asyncore_use_poll=True,
            ident="",
            clear_untrusted_proxy_headers=True,
            log_socket_errors=False,
            expose_tracebacks=False,
        )
        self._server.channel_class = ProblemChannel
        self._running = True
        self._thread: Final = threading.Thread(target=self._run, name="http", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Accepts nothing more, lets the answers under way go out, closes."""
        self._server.accepting = False
        self._server.pull_trigger()
        self._server.task_dispatcher.shutdown(timeout=_LAST_ANSWERS)
        self._running = False
        self._server.pull_trigger()
        self._thread.join()
        self._close()

    def _run(self) -> None:
        while self._running:
            wasyncore.loop(timeout=_IDLE, use_poll=True, map=self._map, count=1)

    def _close(self) -> None:
        """What a client has not read yet is sent as far as its socket takes it. The trigger stays open: a thread that
        did not end in time may still pull it."""
        for channel in list(self._server.active_channels.values()):
            channel.close_when_flushed = True
            channel.handle_write()
            if channel.connected:
                channel.handle_close()
        self._server.socket.close()
