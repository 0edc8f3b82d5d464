"""What a stream sends, whoever sends it: the thread for streams (`streams`), or a plain WSGI server."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Final

import falcon

from ..errors import ShuttingDown, TaskyError
from ..service.events import Hub

#: The most that is made at once, and so the most that is kept for a reader that does not read.
CHUNK: Final = 64 << 10
#: Seconds after which something is said to a reader to whom there is nothing to say.
BEAT: Final = 10.0
#: Where our server puts a function into a request's environment that takes its stream over.
HAND_OVER: Final = "tasky.hand_over"


class TooManyStreams(TaskyError):
    """As many streams are open as the server has room for."""

    status = 503
    retry_after: ClassVar[int] = 5


class Budget:
    """How many streams may be open at the same time."""

    def __init__(self, most: int) -> None:
        self._most: Final = most
        self._lock: Final = threading.Lock()
        self._open = 0
        self._closed = False

    @property
    def open(self) -> int:
        return self._open

    def take(self) -> None:
        """TooManyStreams, or ShuttingDown."""
        with self._lock:
            if self._closed:
                raise ShuttingDown
            if self._open >= self._most:
                raise TooManyStreams
            self._open += 1

    def give_back(self) -> None:
        with self._lock:
            self._open -= 1

    def close(self) -> None:
        with self._lock:
            self._closed = True


class Source(ABC):
    """Its methods are called by one thread at a time: first `begin`, by the one that answers the request, then the rest
    by the one that sends the stream. `close` it, whatever happens."""

    def __init__(self, hub: Hub, valid: Callable[[], bool] | None) -> None:
        """`valid` tells whether whoever reads still may."""
        self.hub: Final = hub
        self._valid: Final = valid
        self._part: tuple[Callable[[], bytes], int] | None = None

    @abstractmethod
    def begin(self, wake: Callable[[], None]) -> None:
        """`wake()` is called, in any thread, when `read` may have something."""

    @abstractmethod
    def next(self) -> bytes | None:
        """What comes next: about CHUNK at the most (else see `in_parts`), nothing if there is nothing now, None at the
        end."""

    def read(self) -> bytes | None:
        """As `next`, with the parts of what is long."""
        if self._part is None:
            piece = self.next()
            if piece or self._part is None:
                return piece
        render, offset = self._part
        whole = render()
        end = offset + CHUNK
        self._part = (render, end) if end < len(whole) else None
        return whole[offset:end]

    def in_parts(self, render: Callable[[], bytes]) -> None:
        """For `next`: behind what that gives, what `render` makes comes. It is too long to be kept, so it is made again
        for each part."""
        self._part = (render, 0)

    @property
    def has_parts(self) -> bool:
        return self._part is not None

    def beat(self) -> bytes:
        """Said when there was nothing to say for BEAT seconds."""
        return b""

    @property
    def valid(self) -> bool:
        """Asked every BEAT seconds."""
        return self._valid is None or self._valid()

    def farewell(self, reason: str) -> bytes | None:
        """Said when the stream is ended before its time (`shutdown`, `revoked`). None: it breaks off, so that its
        reader sees that it is not whole."""
        del reason
        return None

    @abstractmethod
    def close(self) -> None:
        """Frees what it has."""


def send(req: falcon.Request, resp: falcon.Response, budget: Budget, source: Source) -> None:
    """Answers with a stream; closes the source if it cannot be."""
    try:
        budget.take()
    except TaskyError:
        source.close()
        raise
    resp.set_header("X-Accel-Buffering", "no")  # nginx
    stream = Stream(source, budget)
    try:
        source.begin(
            stream.wake
        )  # what happens from now on is in it, whenever the first of it goes out
    except TaskyError:
        stream.close()
        raise
    hand_over: Callable[[Stream], None] | None = req.env.get(HAND_OVER)
    if hand_over is None:
        resp.stream = stream
    else:
        hand_over(stream)
        resp.stream = ()


class Stream:
    """A source with its place in the budget, which is given back once. Iterated, it waits for what comes, as a plain
    WSGI server wants it."""

    def __init__(self, source: Source, budget: Budget) -> None:
        self.source: Final = source
        self._budget: Final = budget
        #: Called, in any thread, when there may be something to read.
        self.on_wake: Callable[[], None] = _nothing
        self._lock: Final = threading.Lock()
        self._open = True

    def wake(self) -> None:
        self.on_wake()

    def close(self) -> None:
        with self._lock:
            was_open, self._open = self._open, False
        if was_open:
            self._budget.give_back()
            self.source.close()

    def __iter__(self) -> Iterator[bytes]:
        source, hub = self.source, self.source.hub
        woken = threading.Event()
        self.on_wake = woken.set
        hub.attend(woken.set)
        try:
            yield from _waited_for(source, woken)
        finally:
            hub.leave(woken.set)
            self.close()


def _nothing() -> None:
    pass


def _waited_for(source: Source, woken: threading.Event) -> Iterator[bytes]:
    while True:
        woken.clear()
        due = source.hub.turn()
        piece = source.read()
        if piece is None:
            return
        if piece:
            yield piece
        elif not woken.wait(BEAT if due is None else min(due, BEAT)) and due is None:
            if not source.valid:
                yield source.farewell("revoked") or b""
                return
            if beat := source.beat():
                yield beat


def validity(req: falcon.Request) -> Callable[[], bool] | None:
    """Tells whether the request's principal still has its rights: from the authentication, if there is one."""
    valid: Any = getattr(req.context, "valid", None)
    return valid if callable(valid) else None
