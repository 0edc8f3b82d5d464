"""Watching: events and logs as they come."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Final

from ..model.states import LIVE
from .documents import LogDocument
from .events import LogEvent, ResultEvent, StatusEvent
from .reconnect import EventStream, OnRetry, Reconnecting
from .session import Query, Session, lines
from .targets import places, task_path

#: How long a server may be away before a stream gives up, seconds: more than a restart takes.
PATIENCE: Final = 60.0


class Watching:
    """The part of the Client that watches. Each iterator has a connection of its own; other methods may be called
    meanwhile. One that is left midway is ended by `with` or `close()`.

    When a connection breaks, or the server is restarted, the iterator connects again, with growing pauses, and goes on
    behind what it gave last. It raises the last error when the server has been away for `patience` seconds; if it
    cannot connect at all, the call raises. `on_retry` is called before each pause, with the error and the pause's
    seconds.
    """

    _session: Session

    def task_events(
        self,
        task_id: str,
        *,
        log: bool = True,
        after: int = 0,
        patience: float = PATIENCE,
        on_retry: OnRetry | None = None,
    ) -> EventStream:
        """What happens to a task, until it has ended: first a StatusEvent, last a ResultEvent.

        `log`: also each line of its log, from the one behind number `after` on. After a new connection the status comes
        once more.
        """
        query = [("log", "true" if log else "false"), *([("after", str(after))] if after else [])]
        inner = Reconnecting(
            self._session,
            task_path(task_id, "/events"),
            query,
            task_id=task_id,
            patience=patience,
            on_retry=on_retry,
            is_last=lambda event: isinstance(event, ResultEvent),
        )
        return EventStream(inner)

    def events(
        self,
        *,
        worker: str | None = None,
        status: Iterable[str] = (),
        log: bool = False,
        last_event_id: str = "",
        patience: float = PATIENCE,
        on_retry: OnRetry | None = None,
    ) -> EventStream:
        """What happens to all tasks that one may see, without an end.

        `last_event_id` (the `id` of an event) goes on behind that one, if the server still has it: otherwise a
        ResetEvent comes first. A reader that is too slow gets a DroppedEvent in place of what it missed.
        """
        query = [] if worker is None else [("worker", worker)]
        query += [("status", one) for one in status]
        query += [("log", "true")] if log else []
        inner = Reconnecting(
            self._session,
            "/events",
            query,
            last_id=last_event_id,
            patience=patience,
            on_retry=on_retry,
        )
        return EventStream(inner)

    def follow(
        self,
        task_id: str,
        *,
        tail: int | None = None,
        after: int | None = None,
        attempt: int | None = None,
        patience: float = PATIENCE,
        on_retry: OnRetry | None = None,
    ) -> Generator[LogDocument]:
        """The lines of a task's log, those that there are and those that come, until the task has ended.

        The last `tail` of those that there are, or those behind number `after`. With `attempt` only that attempt's,
        until it has ended.
        """
        last = after or 0
        if tail is not None:
            newest = list(self.log(task_id, tail=max(tail, 1), after=after, attempt=attempt))
            last = max((line["N"] for line in newest), default=last)
            yield from newest if tail else ()
        with self.task_events(task_id, after=last, patience=patience, on_retry=on_retry) as events:
            for event in events:
                match event:
                    case LogEvent(data=line) if attempt is None or line.get("Attempt") == attempt:
                        last = line["N"]
                        yield line
                    case StatusEvent() if attempt is not None and self._is_over(task_id, attempt):
                        break
            else:
                return
        yield from self.log(task_id, after=last, attempt=attempt)  # what it wrote at its end

    def _is_over(self, task_id: str, attempt: int) -> bool:
        """Whether nothing more comes of an attempt."""
        task = self._session.document(dict, "GET", task_path(task_id))
        ended = {one["Number"] for one in task.get("Attempts", []) if "Finished" in one}
        return task["Status"] not in LIVE or attempt in ended

    def log(
        self,
        task_id: str,
        *,
        tail: int | None = None,
        after: int | None = None,
        attempt: int | None = None,
    ) -> Iterator[LogDocument]:
        """The lines of the log, of all attempts or of one: the last `tail` of them, or those behind number `after`."""
        query: Query = places(tail, after, attempt)
        pieces = self._session.stream(task_path(task_id, "/log"), query, "application/jsonl")
        for line in lines(pieces):
            yield self._session.parse(LogDocument, line)
