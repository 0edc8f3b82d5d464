"""From whoever has something to say to whoever reads: a queue with an end, and one thread that writes.

A terminal that is held (Ctrl-S), a pipe that nobody reads, a journal that hangs: that thread waits, and nobody else
does. What does not fit into the queue is dropped, counted, and told when there is room.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import os
import queue
import sys
import threading
import time
from logging.handlers import QueueHandler, QueueListener
from types import TracebackType
from typing import Any, Final

from .fields import gather
from .sinks import Sink, sink_of

log = logging.getLogger(__name__)

_LINES: Final = 4096
#: Seconds that a reader has for the last lines.
_PATIENCE: Final = 2.0
#: Their remarks on their own queues come once a request under load, and once for each change of a file.
_NOISY: Final = {"waitress.queue": logging.ERROR, "watchdog": logging.INFO}

_Queue = queue.Queue[logging.LogRecord | None]


class Dropped:
    """How many lines are lost, and not told yet. Any thread."""

    def __init__(self) -> None:
        self._count = 0
        self._lock: Final = threading.Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self._count += count

    def take(self) -> int:
        with self._lock:
            count, self._count = self._count, 0
        return count


class Logs:
    """From `with Logs(...)` on, all loggers write here. `form` and `level` are settings."""

    def __init__(
        self, form: str, level: str, sink: Sink | None = None, lines: int = _LINES
    ) -> None:
        self._level: Final = level.upper()
        self._sink: Final = sink or sink_of(form, sys.stderr, os.environ)
        waiting: _Queue = queue.Queue(lines)
        dropped = Dropped()
        self._handler: Final = _Handler(waiting, dropped)
        self._writer: Final = _Writer(waiting, self._sink, dropped)
        self._hook: Final = threading.excepthook

    def __enter__(self) -> Logs:
        root = logging.getLogger()
        root.handlers[:] = [self._handler]
        root.setLevel(self._level)
        for name, level in _NOISY.items():
            logging.getLogger(name).setLevel(level)
        threading.excepthook = _tell_of_end
        self._writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """What is in the queue is written, unless nobody reads."""
        threading.excepthook = self._hook
        if self._writer.finish(_PATIENCE):
            self._sink.close()


class _Handler(QueueHandler):
    queue: _Queue

    def __init__(self, waiting: _Queue, dropped: Dropped) -> None:
        super().__init__(waiting)
        self._dropped: Final = dropped

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """What only this thread knows; the rest is done by the one that writes."""
        record = copy.copy(record)
        gather(record)
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # it does not fit its arguments: better said than lost
            message = f"{record.msg} {record.args!r}"
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.msg, record.args, record.exc_info = message, None, None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Under the handler's lock, so in order. That some are missing is said where they are."""
        count = self._dropped.take()
        try:
            if count:
                self.queue.put_nowait(_notice(count))
                count = 0
            self.queue.put_nowait(record)
        except queue.Full:
            self._dropped.add(count + 1)

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """In place of a traceback on stderr, which might wait for its reader."""
        self._dropped.add(1)


class _Writer(QueueListener):
    queue: _Queue
    _thread: threading.Thread | None

    def __init__(self, waiting: _Queue, sink: Sink, dropped: Dropped) -> None:
        super().__init__(waiting)
        self._sink: Final = sink
        self._dropped: Final = dropped

    def dequeue(self, _block: bool) -> Any:
        """Before it rests, and at the end, it says what is missing."""
        record, is_empty = None, False
        try:
            record = self.queue.get_nowait()
        except queue.Empty:
            is_empty = True
        if record is None and (count := self._dropped.take()):
            self._write(_notice(count), count)
        return self.queue.get() if is_empty else record

    def handle(self, record: logging.LogRecord) -> None:
        self._write(record, getattr(record, "missing", 1))

    def finish(self, seconds: float) -> bool:
        """Whether all was written within that time."""
        end = time.monotonic() + seconds
        thread, self._thread = self._thread, None
        assert thread is not None
        with contextlib.suppress(queue.Full):
            self.queue.put(None, timeout=seconds)
            thread.join(max(0.0, end - time.monotonic()))
        return not thread.is_alive()

    def _write(self, record: logging.LogRecord, lines: int) -> None:
        try:
            self._sink.write(record)
        except (
            OSError,
            ValueError,
            TypeError,
        ):  # a full disk, a reader that has gone, an odd field
            self._dropped.add(lines)


def _notice(count: int) -> logging.LogRecord:
    text = (
        "1 line of the log was dropped" if count == 1 else f"{count} lines of the log were dropped"
    )
    extra = {"missing": count}
    return log.makeRecord(log.name, logging.WARNING, __file__, 0, text, (), None, extra=extra)


def _tell_of_end(args: threading.ExceptHookArgs) -> None:
    """A thread that ends by a mistake says so here, and not on stderr beside everything else."""
    name = "unknown" if args.thread is None else args.thread.name
    value, trace = args.exc_value, args.exc_traceback
    if value is not None:
        info: tuple[type[BaseException], BaseException, TracebackType | None]
        info = (args.exc_type, value, trace)
        log.critical("the thread %s has ended by an unexpected error", name, exc_info=info)
