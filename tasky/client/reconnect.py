"""A stream of events that outlives its connections."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterator
from itertools import chain
from types import TracebackType
from typing import Final, Self

from .errors import ApiError, ClientError, ConnectionLost, NoAnswer, NoServer
from .events import Event, event_of
from .session import Query, Session
from .sse import Decoder

#: Called with what broke the stream, and the seconds until it is tried again.
OnRetry = Callable[[ClientError, float], object]

EVENT_STREAM: Final = "text/event-stream"
#: A server has a heart-beat each ten seconds; one that is silent for this long is gone, seconds.
_SILENCE: Final = 25.0
#: The pause before the second connection, unless the server asks for another; it doubles up to the longest. Seconds.
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0
#: The last event of a stream that the server ends before its time.
_FAREWELL: Final = "bye"
#: So that the readers of a server that comes back do not all come at once.
_LEAST_SHARE: Final = 0.5
#: What the next try may not meet again: the server is away, starts or is busy, or something in between says so.
_PASSING: Final = frozenset({429, 502, 503, 504})


class Reconnecting:
    """What an EventStream is made of. That one holds this one, and not the other way round: so a stream that is left
    midway is closed as soon as it is forgotten."""

    def __init__(
        self,
        session: Session,
        path: str,
        query: Query,
        *,
        task_id: str = "",
        last_id: str = "",
        patience: float,
        on_retry: OnRetry | None = None,
        is_last: Callable[[Event], bool] = lambda _: False,
    ) -> None:
        self._session: Final = session
        self._path: Final = path
        self._query: Final = list(query)
        self._task_id: Final = task_id
        self._patience: Final = patience
        self._on_retry: Final = on_retry
        self._is_last: Final = is_last
        self._last_id = last_id
        self._retry: float | None = None
        self._why = ""
        self._tries = 0
        self._away_since: float | None = None
        self._pieces = self._connect()
        self._first = next(self._pieces, b"")

    def close(self) -> None:
        self._pieces.close()

    def events(self) -> Generator[Event]:
        while True:
            try:
                for event in self._arrived():
                    yield event
                    if self._is_last(event):
                        self.close()
                        return
                error: ClientError = ConnectionLost(f"the server has ended the stream{self._why}")
            except ClientError as caught:
                error = caught
            self._pause(error)
            self._pieces = self._connect()

    def _connect(self) -> Generator[bytes]:
        return self._session.stream(
            self._path,
            self._query,
            EVENT_STREAM,
            headers={"Last-Event-ID": self._last_id} if self._last_id else {},
            patience=max(0.0, _SILENCE - self._session.timeout),
        )

    def _arrived(self) -> Iterator[Event]:
        """The events of one connection. That something arrives says that the server is there."""
        decoder = Decoder(self._last_id)
        first, self._first, self._why = self._first, b"", ""
        for piece in chain([first], self._pieces):
            if piece:
                self._tries, self._away_since = 0, None
            for frame in decoder.feed(piece):
                event = event_of(frame, self._task_id)
                if event.name == _FAREWELL:
                    self._why = f": {event.data['Reason']}"
                    continue
                yield event
            self._last_id = decoder.id  # also of a frame that has nothing but its id
            self._retry = decoder.retry if decoder.retry is not None else self._retry

    def _pause(self, error: ClientError) -> None:
        """Until the next try; raises `error` where there is no sense in one."""
        if not _passes(error):
            raise error
        now = time.monotonic()
        self._away_since = self._away_since or now
        left = self._away_since + self._patience - now
        if left <= 0:
            raise error
        pause = min(self._next_pause(error), left)
        self._tries += 1
        if self._on_retry is not None:
            self._on_retry(error, pause)
        time.sleep(pause)

    def _next_pause(self, error: ClientError) -> float:
        if isinstance(error, ApiError) and error.retry_after is not None:
            return error.retry_after
        first = _FIRST_PAUSE if self._retry is None else self._retry
        longest = min(first * 2.0 ** min(self._tries, 10), max(first, _LONGEST_PAUSE))
        return longest * random.uniform(_LEAST_SHARE, 1.0)


class EventStream(Iterator[Event]):
    """The events of a stream, which is connected already: nothing that happens from now on is missed.

    It has a connection of its own. `close()`, or `with`, ends it; so does the end of the events. When the connection
    breaks it is made again, to go on behind the last event.
    """

    def __init__(self, inner: Reconnecting) -> None:
        self._inner: Final = inner
        self._events: Final = inner.events()

    def __next__(self) -> Event:
        return next(self._events)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._events.close()
        self._inner.close()


def _passes(error: ClientError) -> bool:
    if isinstance(error, ApiError):
        return error.status in _PASSING
    return isinstance(error, ConnectionLost | NoAnswer | NoServer)
