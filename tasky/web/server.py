"""Waitress on a socket of ours, in a thread of its own, with an orderly end.

Limits are set here and not left to waitress: its default body is 1 GiB, its default host every interface, and a client
that sends a byte every half a minute may keep its connection for ever.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import stat
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from waitress import wasyncore
from waitress.server import create_server

from ..errors import TaskyError
from .channel import ProblemChannel
from .spool import Forms
from .streams import Streams

log = logging.getLogger(__name__)

#: Connections that wait to be accepted. Of more, the kernel drops the first packet, which comes again after a second.
_BACKLOG: Final = 4096
_CONNECTIONS: Final = 1000
_MAX_HEADER: Final = 16 << 10  # bytes
_NEVER: Final = 1 << 40  # for waitress' own limits where ours are finer
_LOOK: Final = 1.0  # seconds between two looks for clients that are too slow
_REST: Final = 30.0  # seconds that the loop sleeps at the most where there are none
_ACCEPTS: Final = 128  # connections accepted in one turn of the loop
_WARN: Final = 60.0  # seconds between two warnings of too many connections
_LAST_ANSWERS: Final = 5.0  # seconds that answers under way have at the end
_LAST_REQUESTS: Final = 2.0  # seconds that what was accepted has to get its answer under way
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
    """Answers on `sock` from `start` to `stop`. `max_body` and `max_form`, that of a multipart/form-data, are in bytes.
    `forms` says which of those are taken. Of more than so many `connections` those are
    closed that have kept us waiting for the longest; streams have a budget of their own."""

    def __init__(
        self,
        app: Application,
        sock: socket.socket,
        *,
        threads: int,
        max_body: int,
        max_form: int = 0,
        forms: Forms | None = None,
        connections: int = _CONNECTIONS,
        streams: Streams | None = None,
        handed: Iterable[int] = (),
    ) -> None:
        """`handed` are the connections that another server of this process has left (see `hand_over`)."""
        self._limits: Final[dict[str, Any]] = {
            "max_body": max_body,
            "max_form": max_form,
            "streams": streams,
            "forms": forms,
            "rests": self._is_resting,
        }
        self._connections: Final = connections
        self._next_look = self._next_warning = 0.0
        self._map: Final[dict[int, Any]] = {}
        self._server: Final = create_server(
            app,
            map=self._map,
            sockets=[sock],
            threads=threads,
            backlog=_BACKLOG,
            connection_limit=_NEVER,
            channel_timeout=_NEVER,
            max_request_body_size=_NEVER,
            max_request_header_size=_MAX_HEADER,
            asyncore_use_poll=True,
            ident="",
            clear_untrusted_proxy_headers=False,  # see web.peer, which knows whom to trust
            log_socket_errors=False,
            expose_tracebacks=False,
        )
        self._server.handle_accept = self._accept
        for fd in handed:
            self._go_on(fd)
        self._running = True
        self._turns = 0  # of the loop
        self._rests = False
        self._settled = 0  # the turn after which nothing new comes in
        self._thread: Final = threading.Thread(target=self._run, name="http", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def leave_the_rest(self) -> None:
        """Accepts nothing more, so that new connections wait in the socket, and gives those that are in a moment: their
        requests are on their way. For a socket that outlives this server."""
        self._server.accepting = False
        accepted = self._turns + 2  # the turn under way may be accepting some
        deadline = time.monotonic() + _LAST_REQUESTS
        while (now := time.monotonic()) < deadline:
            channels = list(self._server.active_channels.values())
            if self._turns >= accepted and not any(one.is_young(now) for one in channels):
                return
            self._server.pull_trigger()
            time.sleep(0.01)

    def rest(self) -> int:
        """Takes nothing more: new connections wait in the socket, new requests in their connections. Gives how many
        requests are under way. To be called again until there are none, or no more time; then `hand_over`, or else
        `work`."""
        self._server.accepting = False
        self._rests = True
        if not self._settled:
            self._settled = self._turns + 2  # the turn under way may be reading some
        self._server.pull_trigger()
        channels = list(self._server.active_channels.values())
        under_way = sum(not channel.is_at_rest for channel in channels)
        return under_way + (self._turns < self._settled)

    def _is_resting(self) -> bool:
        return self._rests

    def work(self) -> None:
        """After `rest`."""
        self._settled = 0
        self._rests = False
        self._server.accepting = True
        self._server.pull_trigger()

    def hand_over(self) -> list[int]:
        """Ends without closing the socket; gives the descriptors of the connections for a server that goes on with
        them. Those in the middle of a request are closed."""
        self._server.task_dispatcher.shutdown(timeout=_LAST_REQUESTS)
        self._end_loop()
        channels = list(self._server.active_channels.values())
        left = [channel.leave() for channel in channels if channel.is_at_rest]
        self._close_channels()
        return left

    def stop(self) -> None:
        """Accepts nothing more, lets the answers under way go out, closes."""
        self._server.accepting = False
        self._server.pull_trigger()
        self._server.task_dispatcher.shutdown(timeout=_LAST_ANSWERS)
        self._end_loop()
        self._close_channels()
        self._server.socket.close()

    def _end_loop(self) -> None:
        self._running = False
        self._server.pull_trigger()
        self._thread.join()

    def _run(self) -> None:
        while self._running:
            timeout = _LOOK if self._server.active_channels else _REST
            wasyncore.loop(timeout=timeout, use_poll=True, map=self._map, count=1)
            self._turns += 1
            now = time.monotonic()
            if now >= self._next_look:
                self._next_look = now + _LOOK
                self._close_slow(now)

    def _close_slow(self, now: float) -> None:
        for channel in list(self._server.active_channels.values()):
            if channel.is_overdue(now):
                channel.give_up(408)

    def _accept(self) -> None:
        """In place of waitress' own, which takes one connection in each turn of its loop: a turn takes the longer the
        more connections there are, so a crowd would come in slower than it queues up."""
        server = self._server
        with contextlib.suppress(OSError):
            for _ in range(_ACCEPTS):
                connection = server.accept()
                if connection is None:
                    break
                self._take(*connection)
        surplus = len(server.active_channels) - self._connections
        if surplus > 0:
            self._warn()
            _make_room(list(server.active_channels.values()), surplus)

    def _take(self, sock: socket.socket, address: Any) -> None:
        server = self._server
        server.set_socket_options(sock)
        address = server.fix_addr(address)
        ProblemChannel(server, sock, address, server.adj, map=self._map, **self._limits)

    def _go_on(self, fd: int) -> None:
        sock = socket.socket(fileno=fd)
        try:
            self._take(sock, sock.getpeername())
        except OSError:  # its client has gone
            sock.close()

    def _warn(self) -> None:
        now = time.monotonic()
        if now >= self._next_warning:
            self._next_warning = now + _WARN
            log.warning(
                "more than %d connections: those that have waited the longest are closed",
                self._connections,
            )

    def _close_channels(self) -> None:
        """What a client has not read yet is sent as far as its socket takes it. The trigger stays open: a thread that
        did not end in time may still pull it."""
        for channel in list(self._server.active_channels.values()):
            channel.close_when_flushed = True
            channel.handle_write()
            if channel.connected:
                channel.handle_close()


def _make_room(channels: list[ProblemChannel], surplus: int) -> None:
    """Closes those whose clients have said nothing whole for the longest, of the address that has the most: so a flood
    of connections drives itself out, and whoever sends a request at once is answered. Where all others are being
    answered, it is the newest that have to come again."""
    ((address, _),) = Counter(channel.addr[0] for channel in channels).most_common(1)
    waiting = [channel for channel in channels if channel.is_waiting]
    waiting.sort(key=lambda channel: (channel.addr[0] != address, channel.waiting_since))
    for channel in waiting[:surplus]:
        channel.give_up(503)
