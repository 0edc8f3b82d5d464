"""The one thread that writes to the database: operations are queued, and committed in groups."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from ..crash import Point, crash_at
from ..errors import StoreBusy, StoreError, StoreFull, TaskyError
from ..tally import SHORT, SIZES, Histogram
from .checkpoint import Checkpoints
from .failures import explain, says_much
from .queries import QUERIES

T = TypeVar("T")
#: What to do with the database. It may be carried out twice (the first time undone), so it changes nothing else.
#: It raises a TaskyError before its first change where it can: then its neighbours need not be done again.
Operation: TypeAlias = Callable[[sqlite3.Connection], T]

GROUP: Final = 256  # operations that share one commit, at the most
UNSYNCED: Final = 0.05  # seconds that a commit may wait for its sync to disk
AGAIN: Final = 1.0  # seconds after which a commit that failed is tried again
BUSY_AGAIN: Final = 0.25  # seconds of the wait for a foreign lock that has outlasted a whole one

log = logging.getLogger(__name__)


class _Order(NamedTuple):
    operation: Operation[Any]
    durable: bool
    urgent: bool
    done: Callable[[Any, TaskyError | None], None] | None


class Writer(threading.Thread):
    """Carries out what is posted, in the order given. See `post`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        make_room: Callable[[], bool] = lambda: False,
    ) -> None:
        """`make_room` gives a reserve away, and tells whether there was any."""
        super().__init__(name="store-writer", daemon=True)
        self._connection: Final = connection
        self._path: Final = path
        self._make_room: Final = make_room
        self._checkpoints: Final = Checkpoints(connection, path)
        self._busy_timeout: Final = connection.execute("PRAGMA busy_timeout").fetchone()[0]
        self._queue: Final[SimpleQueue[_Order | None]] = SimpleQueue()
        self._gate: Final = threading.Lock()  # nothing is queued behind the end
        self._open = True
        self._full = True  # PRAGMA synchronous, as it stands
        self._deadline: float | None = None  # when what was committed without a sync must have one
        self._told: str | None = None  # what was wrong the last time
        self._trouble: TaskyError | None = None
        self.commits = 0
        self.syncs = 0
        #: Of each commit that changed something, the seconds from its BEGIN to its end; how many operations shared it.
        self.seconds: Final = Histogram(SHORT)
        self.sizes: Final = Histogram(SIZES)

    def post(
        self,
        operation: Operation[T],
        *,
        durable: bool = True,
        urgent: bool = False,
        done: Callable[[T | None, TaskyError | None], None] | None = None,
    ) -> None:
        """Queue `operation`; never blocks. `done(result, error)` is called in this thread after the commit, and
        must be quick. What is `urgent` may use the reserve of a full disk. A commit of nothing but operations that
        are not durable survives the death of the process at once, and a power loss UNSYNCED seconds later."""
        with self._gate:
            if self._open:
                self._queue.put(_Order(operation, durable, urgent, done))
                return
        if done is not None:
            done(None, StoreError("the store is closed"))

    def call(self, operation: Operation[T], *, urgent: bool = False) -> T:
        """The result of `operation`, once it is synced to disk; raises what it raised, or a StoreError."""
        answer: list[tuple[T | None, TaskyError | None]] = []
        arrived = threading.Lock()
        arrived.acquire()

        def done(result: T | None, error: TaskyError | None) -> None:
            answer.append((result, error))
            arrived.release()

        self.post(operation, urgent=urgent, done=done)
        arrived.acquire()
        ((result, error),) = answer
        if error is not None:
            raise error
        return result  # type: ignore[return-value]  # no error: it is the operation's own result

    @property
    def trouble(self) -> TaskyError | None:
        """Why nothing could be stored when it was tried last. It is tried again every second, so this is news."""
        return self._trouble

    def sync(self) -> None:
        """Wait until everything posted so far is synced to disk."""
        self.call(lambda _: None)

    def ping(self, answer: Callable[[], None]) -> None:
        """Has `answer` called by this thread, whether the store is in trouble or not: one that is stuck does not."""
        self.post(lambda _: None, durable=False, done=lambda _, __: answer())

    def close(self) -> None:
        """Carry out what was posted, sync and checkpoint it, and end."""
        with self._gate:
            if self._open:
                self._open = False
                self._queue.put(None)
        if self.ident is None:
            self._connection.close()
        else:
            self.join()

    # The thread

    def run(self) -> None:
        working = True
        while working:
            batch = self._take()
            if batch and batch[-1] is None:
                working = False
            orders = [order for order in batch if order is not None]
            if orders:
                self._carry_out(orders)
            else:
                self._sync_now()
            self._checkpoints.look()
        self._sync_now()
        self._end()

    def _sync_now(self) -> None:
        if self._deadline is not None:
            self._deadline = time.monotonic() + AGAIN  # unless it succeeds
            self._carry_out([_Order(lambda _: None, True, False, None)])

    def _take(self) -> list[_Order | None]:
        """What is queued, after waiting for something; nothing when it is time for a sync."""
        queue, wait = self._queue, None
        if self._deadline is not None:
            wait = max(0.0, self._deadline - time.monotonic())
        try:
            batch = [queue.get(timeout=wait)]
        except Empty:
            return []
        # There is no other taker, so what is counted is there: no Empty is raised for each batch.
        batch += [queue.get_nowait() for _ in range(min(queue.qsize(), GROUP - 1))]
        return batch

    def _carry_out(self, orders: list[_Order]) -> None:
        try:
            answers = self._commit(orders)
        except Exception as error:  # noqa: BLE001 - one operation's mistake must not end the thread
            failure = self._failure(error)
            if len(orders) > 1 and not isinstance(failure, StoreBusy):
                for order in orders:
                    self._carry_out([order])
                return
            if isinstance(failure, StoreFull) and orders[0].urgent and self._make_room():
                self._carry_out(orders)
                return
            answers = [(None, failure)] * len(orders)
        for order, (result, failed) in zip(orders, answers, strict=True):
            if order.done is not None:
                self._tell(order.done, result, failed)

    def _commit(self, orders: list[_Order]) -> list[tuple[Any, TaskyError | None]]:
        """Carry out `orders` in one transaction; if it raises, none of them was done."""
        connection = self._connection
        durable = any(order.durable for order in orders) or self._overdue()
        if durable is not self._full:
            connection.execute(
                "PRAGMA synchronous=FULL" if durable else "PRAGMA synchronous=NORMAL"
            )
            self._full = durable
        before, began = connection.total_changes, time.monotonic()
        connection.execute("BEGIN IMMEDIATE")
        try:
            answers = [self._perform(order) for order in orders]
            if durable and self._deadline is not None and connection.total_changes == before:
                connection.execute(QUERIES["beat"])  # without a change there would be no sync
            crash_at(Point.WRITTEN)
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        crash_at(Point.COMMITTED)
        if connection.total_changes != before:
            self._committed(durable)
            self.seconds.observe(time.monotonic() - began)
            self.sizes.observe(len(orders))
        return answers

    def _perform(self, order: _Order) -> tuple[Any, TaskyError | None]:
        before = self._connection.total_changes
        try:
            return order.operation(self._connection), None
        except TaskyError as error:
            if self._connection.total_changes != before:
                raise  # it did half of its work, and that has to be undone
            return None, error

    def _committed(self, durable: bool) -> None:
        self.commits += 1
        self._told = None
        if self._trouble is not None:
            self._trouble = None
            self._wait_for_locks(self._busy_timeout)
        if durable:
            self.syncs += 1
            self._deadline = None
        elif self._deadline is None:
            self._deadline = time.monotonic() + UNSYNCED

    def _overdue(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _failure(self, error: Exception) -> TaskyError:
        failure = explain(error, self._path)
        if isinstance(error, TaskyError):
            return failure
        if failure.message != self._told:
            self._told = failure.message  # said once: a full disk fails every operation
            log.error("the store: %s", failure, exc_info=not isinstance(error, sqlite3.Error))
        if says_much(error):
            self._trouble = failure
            if isinstance(failure, StoreBusy):
                self._wait_for_locks(int(BUSY_AGAIN * 1000))
            if self._deadline is None:
                self._deadline = time.monotonic() + AGAIN
        return failure

    def _wait_for_locks(self, milliseconds: int) -> None:
        self._connection.execute(f"PRAGMA busy_timeout={milliseconds}").close()

    def _tell(
        self,
        done: Callable[[Any, TaskyError | None], None],
        result: Any,
        failed: TaskyError | None,
    ) -> None:
        try:
            done(result, failed)
        except Exception:
            log.exception("what was to follow a commit failed")

    def _end(self) -> None:
        crash_at(Point.FLUSHED)
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        except sqlite3.Error as error:
            log.error("the last checkpoint: %s", explain(error, self._path))
        self._connection.close()
