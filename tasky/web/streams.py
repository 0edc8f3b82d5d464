"""The one thread for all streams: sockets that the HTTP server has handed over, and epoll.

A stream is written to as far as its socket takes it. What is kept for a reader that does not read is one piece (see
`source.CHUNK`) and what the kernel holds: it delays nobody. After each round of writing the thread rests for a time
that grows with the number of streams written to, and with what they took, so that hundreds of them leave the
interpreter to the API; what has come meanwhile goes out together.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from ..errors import TaskyError
from ..service.events import Hub
from .connection import Connection
from .source import BEAT, Budget, Stream

log = logging.getLogger(__name__)

#: Bytes that the kernel keeps for a stream (it takes twice as many for itself); it would let them grow to megabytes.
_KERNEL: Final = 128 << 10
#: Pieces for one stream in a round.
_PIECES: Final = 4
#: Seconds of rest for each stream that was written to. At least as long as the writing took, up to a limit.
_REST: Final = 0.0001
_LONGEST_REST: Final = 0.1
#: Seconds between two looks at the clock of every stream.
_SWEEP: Final = 1.0
#: Seconds after which a reader that has taken nothing is given up.
_PATIENCE: Final = 600.0
#: Seconds that streams have to take their last words.
_FAREWELL: Final = 2.0
_GONE: Final = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


class Streams:
    """`start` it, and `stop` it before the HTTP server. `take` is for any thread."""

    def __init__(self, hub: Hub, budget: Budget) -> None:
        self._hub: Final = hub
        self.budget: Final = budget
        self._epoll: Final = select.epoll()
        self._wakeup: Final = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wakeup, select.EPOLLIN)
        #: Nobody comes in, or writes to a descriptor, behind the end.
        self._gate: Final = threading.Lock()
        self._open = True
        self._arrived: Final[deque[Connection]] = deque()
        self._ready: Final[deque[Connection]] = deque()
        self._connections: Final[dict[int, Connection]] = {}
        self._woken = False  # and has not turned since
        self._due: float | None = None  # when the hub wants to be called, by the monotonic clock
        self._rest_until = self._next_sweep = 0.0
        self._thread: Final = threading.Thread(target=self._run, name="streams", daemon=True)

    def start(self) -> None:
        self._hub.attend(self._wake)
        self._thread.start()

    def stop(self) -> None:
        """No more streams; those that there are send what there is and say why they end, if they can do so at once."""
        self.budget.close()
        with self._gate:
            if not self._open:
                return
            self._open = False
        if self._thread.ident is not None:
            os.eventfd_write(self._wakeup, 1)
            self._thread.join()
            self._hub.leave(self._wake)
        for connection in (*self._arrived, *self._connections.values()):
            connection.stream.close()
            connection.sock.close()
        with self._gate:
            self._epoll.close()
            os.close(self._wakeup)

    def take(self, sock: socket.socket, stream: Stream, *, chunked: bool) -> None:
        """A socket, with its stream: the head of the answer was sent. Both are closed here."""
        with self._gate:
            if self._open:
                self._arrived.append(Connection(sock, stream, chunked))
                os.eventfd_write(self._wakeup, 1)
                return
        stream.close()
        sock.close()

    def _wake(self) -> None:
        with self._gate:
            if self._open:
                os.eventfd_write(self._wakeup, 1)

    def _may_write(self, connection: Connection) -> None:
        """Any thread."""
        if not connection.queued:
            connection.queued = True
            self._ready.append(connection)
            if threading.get_ident() != self._thread.ident:
                self._wake()

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        while self._open:
            try:
                self._turn()
            except Exception:
                log.exception("unexpected error in the streams")
        self._end()

    def _turn(self) -> None:
        for fd, events in self._epoll.poll(self._patience()):
            if fd == self._wakeup:
                os.eventfd_read(fd)
                self._woken = True
            elif connection := self._connections.get(fd):
                self._happened(connection, events)
        now = time.monotonic()
        if now < self._rest_until:
            return
        self._woken = False
        due = self._hub.turn()
        self._due = None if due is None else now + due
        while self._arrived:
            self._begin(self._arrived.popleft())
        began = time.thread_time()
        count = self._write_ready()
        now = time.monotonic()
        self._rest_until = now + max(_REST * count, min(time.thread_time() - began, _LONGEST_REST))
        if now >= self._next_sweep:
            self._next_sweep = now + _SWEEP
            self._sweep(now)

    def _patience(self) -> float:
        """How long to wait for something, in seconds; -1 for ever."""
        now = time.monotonic()
        if self._rest_until > now:
            return self._rest_until - now
        if self._ready or self._woken:
            return 0
        times = [self._next_sweep] if self._connections else []
        if self._due is not None:
            times.append(self._due)
        return max(0.0, min(times) - now) if times else -1

    def _happened(self, connection: Connection, events: int) -> None:
        if events & _GONE:
            self._drop(connection)
        elif connection.is_waiting:
            connection.is_waiting = False
            self._epoll.modify(connection.sock, select.EPOLLRDHUP)
            self._may_write(connection)

    def _begin(self, connection: Connection) -> None:
        with contextlib.suppress(OSError):  # it may be gone by now
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL)
        self._connections[connection.sock.fileno()] = connection
        self._epoll.register(connection.sock, select.EPOLLRDHUP)
        connection.stream.on_wake = partial(self._may_write, connection)
        self._may_write(connection)

    def _write_ready(self) -> int:
        """One round; gives how many there were."""
        count = len(self._ready)
        for _ in range(count):
            connection = self._ready.popleft()
            connection.queued = False  # before it reads: what comes now is for the next round
            self._write(connection)
        return count

    def _write(self, connection: Connection) -> None:
        """As much as there is, as its socket takes, and as it may in a round."""
        if connection.sock.fileno() != -1:  # else it was dropped meanwhile
            self._guard(self._write_some, connection)

    def _guard(self, action: Callable[[Connection], None], connection: Connection) -> None:
        """One stream's trouble is its own."""
        try:
            action(connection)
        except (
            OSError,
            TaskyError,
        ) as error:  # the client is gone, or a log, or the store does not answer
            log.debug("a stream ends: %s", error)
            self._drop(connection)
        except Exception:
            log.exception("unexpected error in a stream")
            self._drop(connection)

    def _write_some(self, connection: Connection) -> None:
        for _ in range(_PIECES):
            if not connection.send():
                self._wait(connection)
                return
            if connection.ending:
                self._finish(connection)
                return
            piece = connection.stream.source.read()
            if piece is None:
                connection.say_end()
            elif piece:
                connection.say(piece)
            elif not connection.stream.source.has_parts:
                return
        self._may_write(connection)

    def _wait(self, connection: Connection) -> None:
        if not connection.is_waiting:
            connection.is_waiting = True
            self._epoll.modify(connection.sock, select.EPOLLRDHUP | select.EPOLLOUT)

    def _sweep(self, now: float) -> None:
        """Whose reader takes nothing; who may not read any more; to whom nothing was said."""
        for connection in list(self._connections.values()):
            if connection.pending and now - connection.taken > _PATIENCE:
                self._drop(connection)
            elif now - connection.checked >= BEAT:
                connection.checked = now
                self._guard(self._check, connection)
            elif now - max(connection.taken, connection.beaten) >= BEAT:
                connection.beaten = now
                self._guard(self._beat, connection)

    def _check(self, connection: Connection) -> None:
        if not connection.stream.source.valid:
            self._part(connection, "revoked")

    def _beat(self, connection: Connection) -> None:
        source = connection.stream.source
        if (beat := source.beat()) and not connection.pending and not source.has_parts:
            connection.say(beat)
            self._may_write(connection)

    def _part(self, connection: Connection, reason: str) -> None:
        """Ends it with a last word, or breaks it off."""
        words = None
        if not connection.pending and not connection.stream.source.has_parts:
            words = connection.stream.source.farewell(reason)
        if words is None:
            self._drop(connection)
            return
        connection.say(words)
        connection.say_end()
        self._write(connection)

    def _finish(self, connection: Connection) -> None:
        """All was sent."""
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_WR)
            while connection.sock.recv(4096, socket.MSG_DONTWAIT):
                pass  # what the client said meanwhile: unread, it would make a reset of the end
        self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        fd = connection.sock.fileno()
        if self._connections.pop(fd, None) is not None:
            self._epoll.unregister(fd)
            connection.stream.close()
            connection.sock.close()

    def _end(self) -> None:
        """The server stops: tasks have ended, and whoever reads is told."""
        until = time.monotonic() + _FAREWELL
        self._epoll.unregister(self._wakeup)
        self._hub.turn()
        while self._arrived:
            self._begin(self._arrived.popleft())
        for connection in list(self._connections.values()):
            self._may_write(connection)
        while time.monotonic() < until and (self._ready or self._waiting()):
            for fd, events in self._epoll.poll(0 if self._ready else 0.05):
                if found := self._connections.get(fd):
                    self._happened(found, events)
            self._write_ready()
        for connection in list(self._connections.values()):
            self._part(connection, "shutdown")
        for connection in list(self._connections.values()):
            self._drop(connection)

    def _waiting(self) -> bool:
        return any(connection.is_waiting for connection in self._connections.values())
