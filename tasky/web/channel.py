"""A connection of waitress as we want it: what it answers by itself, before the application is asked, in the form of
all other errors; HEAD; no loop that runs hot; and no client that is waited for without an end."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from waitress.channel import HTTPChannel
from waitress.task import WSGITask

from .parser import RequestParser
from .refusals import ProblemTask, last_words
from .source import HAND_OVER, Stream
from .spool import Forms
from .streams import Streams

#: Seconds from a connection, or from the first byte of a further request, to the end of the request's header.
HEADER_TIME: Final = 10.0
#: Seconds for the body, and bytes of it for which there is one second more.
BODY_TIME: Final = 20.0
BODY_RATE: Final = 500.0
#: Seconds that a connection may lie idle between two requests, or that nothing of an answer is read.
IDLE_TIME: Final = 30.0
#: Bytes a second that a client must read of an answer on the average while a thread waits with the rest of it.
ANSWER_RATE: Final = float(32 << 10)
#: Seconds for which, and bytes up to which, the rest of a request that is refused is read and dropped. Many clients
#: read no answer before they have sent everything, and to close while some is unread takes the answer from them.
LINGER_TIME: Final = 10.0
_LINGER_BYTES: Final = 64 << 20
_LARGEST: Final = 1 << 20
#: Seconds in which a request that a thread has taken is answered, or waits for the end of a task.
_ON_ITS_WAY: Final = 0.25


class RequestTask(WSGITask):  # type: ignore[misc]
    """The answer to HEAD has no body, also where that of GET would come in chunks: waitress would send the last,
    empty one. Of an answer that is a stream, only the head is sent here: see ProblemChannel.hand_over."""

    stream: Stream | None = None
    chunked_response: bool
    wrote_header: bool

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        if self.channel.streams is not None:
            environ[HAND_OVER] = self._take_stream
        return environ

    def _take_stream(self, stream: Stream) -> None:
        self.stream = stream

    def write(self, data: bytes) -> None:
        """The head goes out with the first of its body: one system call, and one packet that wakes the client."""
        if self.wrote_header:
            super().write(data)
            return
        with self.channel.in_one_piece():
            super().write(data)

    def service(self) -> None:
        self.channel.serving_since = time.monotonic()
        try:
            super().service()
        finally:
            self.channel.serving_since = None
            if self.stream is not None:  # its client is gone, or something else is answered
                self.stream.close()

    def finish(self) -> None:
        if self.request.command == "HEAD" or self.stream is not None:
            if not self.wrote_header:
                self.write(b"")
            if self.stream is not None and self.content_length is None:
                self.close_on_finish = True
                self.channel.hand_over(self.stream, self.chunked_response)
                self.stream = None
            self.chunked_response = False
        super().finish()


class ProblemChannel(HTTPChannel):  # type: ignore[misc]
    """`max_body` and `max_form` (of a multipart/form-data) are in bytes; answers that are streams are left to
    `streams`. While the server `rests`, no request begins. All but `write_soon`, `hand_over` and `service` is called in
    the thread of the server's loop."""

    task_class = RequestTask
    error_task_class = ProblemTask
    socket: Any

    def __init__(
        self,
        *connection: Any,
        max_body: int = _LARGEST,
        max_form: int = 0,
        streams: Streams | None = None,
        forms: Forms | None = None,
        rests: Callable[[], bool] = lambda: False,
        **more: Any,
    ) -> None:
        self.streams: Final = streams
        self._handed: Final[list[tuple[Stream, bool]]] = []
        self._gathered: list[bytes] | None = None
        self._forms: Final = forms
        self._rests: Final = rests
        self._max_body: Final = max_body
        self._max_form: Final = max(max_body, max_form)
        self._accepted: Final = time.monotonic()
        self._is_new = True  # nothing has come yet
        self.serving_since: float | None = None  # a thread has the request
        #: When some of an answer was last written, or taken by the client.
        self._moved = self._accepted
        self._writing_since, self._taken = self._accepted, 0
        self.lingers = False  # before it is closed
        self._lingering_since: float | None = None
        self._dropped = 0
        super().__init__(*connection, **more)

    def parser_class(self, adj: object) -> RequestParser:
        """For the next request, whose first byte is there. It looks like a class to waitress."""
        began = self._accepted if self._is_new else time.monotonic()
        self._is_new = False
        return RequestParser(adj, began, self._max_body, self._max_form, self._forms, self._peer())

    def _peer(self) -> str:
        """As waitress has it for the application: "localhost" of a unix socket."""
        return str(self.addr[0])

    @property
    def is_waiting(self) -> bool:
        """For its client to say something: nothing is being answered."""
        return not (self.requests or self.total_outbufs_len)

    @property
    def waiting_since(self) -> float:
        if self.request is not None:
            return float(self.request.began)
        return self._moved

    def is_young(self, now: float) -> bool:
        """Whether it has a request of which the application may not know yet, or is about to. Any thread."""
        if self._is_new or self.request is not None:
            return True
        since = self.serving_since  # other threads change it
        return bool(self.requests) and (since is None or now < since + _ON_ITS_WAY)

    @property
    def is_at_rest(self) -> bool:
        """Nothing of a request is here, and nothing of an answer: another server may go on with the connection."""
        here = self.requests or self.request is not None or self.total_outbufs_len or self._handed
        ends = self.will_close or self.close_when_flushed or self._lingering_since is not None
        return bool(self.connected and not here and not ends)

    def leave(self) -> int:
        """Gives the descriptor, for a server that goes on with it. After the loop."""
        fd: int = self.socket.detach()
        self.del_channel()
        return fd

    def readable(self) -> bool:
        """While the server rests, a request that has begun comes in, and no other."""
        if self._rests() and self.request is None and self._lingering_since is None:
            return False
        return bool(super().readable())

    def is_overdue(self, now: float) -> bool:
        """Whether the client has had all the time it gets. An answer that the server has not made yet may take any."""
        if self._lingering_since is not None:
            return now > self._lingering_since + LINGER_TIME
        if self.total_outbufs_len:
            since, taken = self._writing_since, self._taken
            is_too_slow = self.requests and now > since + IDLE_TIME + taken / ANSWER_RATE
            return bool(is_too_slow) or now > self._moved + IDLE_TIME
        if self.requests:
            return False
        if self.request is not None:
            return bool(now > self.request.allowed(HEADER_TIME, BODY_TIME, BODY_RATE))
        return now > self._moved + (HEADER_TIME if self._is_new else IDLE_TIME)

    def give_up(self, status: int) -> None:
        """Closes the connection, and says why in the middle of a request, or before the first."""
        if self.is_waiting and (self.request is not None or (self._is_new and status != 408)):
            with contextlib.suppress(OSError):
                self.socket.send(last_words(status), socket.MSG_DONTWAIT)
        self.handle_close()

    def hand_over(self, stream: Stream, chunked: bool) -> None:
        """What follows when the head of the answer is sent. Any thread."""
        self._handed.append((stream, chunked))
        if not self.connected:
            self._drop_stream()

    def _drop_stream(self) -> None:
        with contextlib.suppress(IndexError):
            self._handed.pop()[0].close()

    def handle_close(self) -> None:
        """Instead of being closed, a connection whose stream is to follow leaves this loop with it, and one that
        lingers is closed on our side only."""
        if self._lingers():
            return
        if self.request is not None:
            self.request.close()  # the room of a body of which no more will come
        if self._handed and self.connected and not self.total_outbufs_len and self.socket:
            stream, chunked = self._handed.pop()
            sock, self.socket = self.socket, None
            super().handle_close()
            assert self.streams is not None
            self.streams.take(sock, stream, chunked=chunked)
        else:
            super().handle_close()
        self._drop_stream()  # not before: a thread that hands one over now sees that this is closed

    def _lingers(self) -> bool:
        """Begins it, at the first time."""
        can = self.connected and self.socket and not self.total_outbufs_len
        if not self.lingers or not can:
            return False
        self.lingers, self._lingering_since = False, time.monotonic()
        self.will_close = self.close_when_flushed = False
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return True

    def handle_read(self) -> None:
        if self._lingering_since is None:
            super().handle_read()
            return
        try:
            self._dropped += len(self.recv(1 << 16))  # which closes where there is no more
        except OSError:
            self._dropped = _LINGER_BYTES
        if self.connected and self._dropped >= _LINGER_BYTES:
            self.handle_close()

    @contextlib.contextmanager
    def in_one_piece(self) -> Iterator[None]:
        """What is written meanwhile goes out together. For the thread that has the request."""
        gathered: list[bytes] = []
        self._gathered = gathered
        try:
            yield
        finally:
            self._gathered = None
        self.write_soon(b"".join(gathered))

    def write_soon(self, data: Any) -> int:
        if self._gathered is not None:
            self._gathered.append(data)
            return len(data)
        if not self.total_outbufs_len:
            self._moved = self._writing_since = time.monotonic()
            self._taken = 0
        return int(super().write_soon(data))

    def _flush_some(self, do_close: bool = True) -> bool:
        before = self.total_outbufs_len
        has_sent = bool(super()._flush_some(do_close))
        if has_sent:
            self._moved = time.monotonic()
            self._taken += before - self.total_outbufs_len
        return has_sent

    def writable(self) -> bool:
        """Not while a thread is at it: that one pulls the trigger if it leaves something. waitress would say yes, and
        its loop would go round and round, with the interpreter's lock, until that thread gets this lock to go on."""
        if self.will_close or self.close_when_flushed:
            return True
        if not self.total_outbufs_len or not self.outbuf_lock.acquire(blocking=False):
            return False
        self.outbuf_lock.release()
        return bool(self.total_outbufs_len)
