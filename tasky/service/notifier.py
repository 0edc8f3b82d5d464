"""Tells of the ends of tasks: takes what is due from the store, sends it, and stores what came of it.

Everything is in the store: a notification that was under way when the server died, or that nobody has tried yet, is
found by the next start. It may arrive twice, then, with the same id. One thread looks; each delivery has a thread of
its own, of which there are few, and of them no receiver holds more than half.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from ..config import make_secret, read_secret
from ..errors import StoreError, TaskyError
from ..logs import about
from ..model.addresses import Reach
from ..model.delivery import Answer, Verdict, judge, message_id, signed_headers
from ..model.fields import Wrong
from ..model.notify import AllowedHosts, Delivery, Url
from ..model.task import Task
from ..store import Store, notifications
from ..store.notifications import Due
from ..supervisor import Observer
from .delivery import Post

#: At the same time: in all, and to one receiver.
DELIVERIES: Final = 4
PER_ORIGIN: Final = 2
#: Seconds between two looks, however many tasks end meanwhile.
_BREATH: Final = 0.01
#: Seconds between two looks where nothing happens: the wall clock may be set.
_LOOK_AGAIN: Final = 30.0
#: Seconds after which what the store did not take is given to it again.
_STORE_AGAIN: Final = 5.0
#: Seconds that deliveries under way have when the server stops; what is not done then, the next start does again.
_LAST: Final = 2.0
#: Seconds for one that was cut off: a look-up of a name cannot be, and is left alone.
_CUT: Final = 0.2
_SECOND: Final = 1_000_000_000

log = logging.getLogger(__name__)

_Key: TypeAlias = tuple[str, int]


class _Delivery(NamedTuple):
    thread: threading.Thread
    post: Post
    origin: str


class Notifier(Observer):
    """`start` it once the supervisor has settled what a killed server left; `close` it before the store."""

    def __init__(
        self,
        store: Store,
        render: Callable[[Task], bytes],
        allowed: AllowedHosts,
        secret_file: Path,
        *,
        makes_secret: bool = False,
        on_verdict: Callable[[Delivery], None] = lambda _: None,
    ) -> None:
        """`render` makes the body of a finished task. `secret_file` has the secret for those without one of their
        own; with `makes_secret` it is made when it is not there. `on_verdict` is told what came of each attempt, in
        any thread."""
        self._store: Final = store
        self._render: Final = render
        self._allowed: Final = allowed
        self._secret_file: Final = secret_file
        self._makes_secret: Final = makes_secret
        self._on_verdict: Final = on_verdict
        self._thread: Final = threading.Thread(target=self._run, name="notifier", daemon=True)
        self._news: Final = threading.Event()
        self._closing: Final = threading.Event()
        self._lock: Final = threading.Lock()
        #: What is being sent, or sent and not stored as such yet.
        self._under_way: Final[dict[_Key, _Delivery]] = {}

    def prepare(self) -> None:
        """Makes the secret if need be, so that its receivers can be given it. TaskyError if there is none."""
        try:
            self._keys(None)
        except Wrong as error:
            raise TaskyError(f"webhooks.secret_file: {error}") from None
        log.info("notifications are signed with the secret in %s", self._secret_file)

    def start(self) -> None:
        self._thread.start()

    def owed(self, task_id: str) -> None:  # noqa: ARG002
        """Who, the store tells."""
        if not self._news.is_set():
            self._news.set()

    def close(self, seconds: float = _LAST) -> None:
        """Nothing new is sent. What is under way has so many seconds."""
        self._closing.set()
        self._news.set()
        if self._thread.ident is not None:
            self._thread.join()
        deadline = time.monotonic() + seconds
        with self._lock:
            deliveries = list(self._under_way.values())
        for delivery in deliveries:
            delivery.thread.join(max(0.0, deadline - time.monotonic()))
            delivery.post.cut()
        for delivery in deliveries:
            delivery.thread.join(_CUT)

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        while not self._closing.is_set():
            self._news.clear()
            looked = time.monotonic()
            self._news.wait(self._look())
            self._closing.wait(max(0.0, looked + _BREATH - time.monotonic()))

    def _look(self) -> float:
        """Sends what is due and has a thread; gives the seconds until there may be more of it."""
        now = time.time_ns()
        try:
            while one := self._next(now):
                self._send(one)
            following = self._store.reader.next_notification(now)
        except (StoreError, RuntimeError) as error:
            if not self._closing.is_set():
                log.error("notifications cannot be sent: %s", error)
            return _STORE_AGAIN
        if following is None:
            return _LOOK_AGAIN
        return min(_LOOK_AGAIN, max(0.0, (following - now) / _SECOND))

    def _next(self, now: int) -> Due | None:
        with self._lock:
            under_way = {key: delivery.origin for key, delivery in self._under_way.items()}
        if self._closing.is_set() or len(under_way) >= DELIVERIES:
            return None
        origins = Counter(under_way.values())
        busy = [origin for origin, count in origins.items() if count >= PER_ORIGIN]
        found = self._store.reader.due_notifications(now, len(under_way) + 1, busy)
        return next((one for one in found if one.key not in under_way), None)

    def _send(self, one: Due) -> None:
        url = Url.parse(one.url)
        post = Post(url, partial(self._may_be, url.host, one.trusted))
        thread = threading.Thread(
            target=self._deliver, args=(one, url, post), name="notification", daemon=True
        )
        with self._lock:
            self._under_way[one.key] = _Delivery(thread, post, url.origin)
        try:
            thread.start()
        except RuntimeError:  # the system has no thread left
            with self._lock:
                del self._under_way[one.key]
            raise

    # ------------------------------------------------------------------ a delivery's thread

    def _deliver(self, one: Due, url: Url, post: Post) -> None:
        try:
            answer = self._attempt(one, url, post)
        except Exception:
            log.exception("a notification could not be sent", extra=about(task=one.task_id))
            answer = Answer(error="the server made a mistake")
        if answer is not None and not (post.is_cut and answer.status is None):
            verdict = judge(answer, one.attempts + 1, time.time_ns(), random.random())
            _tell(one, url, verdict)
            self._record(one, verdict)
        with self._lock:
            del self._under_way[one.key]
        self._news.set()

    def _attempt(self, one: Due, url: Url, post: Post) -> Answer | None:
        """None if the task is gone."""
        if not one.trusted and not self._allowed.allows(url.host):
            return Answer(error="refused: the host is not allowed any more", hopeless=True)
        task = self._store.reader.get(one.task_id)
        if task is None:
            return None
        try:
            keys = self._keys(one.secret_file)
        except Wrong as error:
            which = about(task=one.task_id)
            log.error("a notification cannot be signed: %s", error, extra=which)
            return Answer(error="it cannot be signed: the server's log says why")
        body = self._render(task)
        message = message_id(one.task_id, one.position)
        return post.send(body, signed_headers(message, int(time.time()), body, keys))

    def _keys(self, own_file: str | None) -> tuple[bytes, ...]:
        if own_file is not None:
            return read_secret(Path(own_file))
        if self._makes_secret:
            with self._lock:
                make_secret(self._secret_file)
        return read_secret(self._secret_file)

    def _may_be(self, host: str, trusted: bool, where: Reach) -> bool:
        """The operator's own URLs may lead to this machine and its networks; whatever is named may be anywhere."""
        if where is Reach.OUTSIDE or self._allowed.names(host):
            return True
        return trusted and where is Reach.INSIDE

    def _record(self, one: Due, verdict: Verdict) -> None:
        """Until it is stored: nothing must be sent again and again on a full disk."""
        self._on_verdict(verdict.delivery)
        while True:
            try:
                self._store.writer.call(notifications.record(one, verdict))
            except StoreError as error:
                if self._closing.is_set():
                    return
                which = about(task=one.task_id)
                log.error("a notification cannot be stored: %s", error, extra=which)
                self._closing.wait(_STORE_AGAIN)
            else:
                return


def _tell(one: Due, url: Url, verdict: Verdict) -> None:
    which = about(task=one.task_id, host=url.host)
    if verdict.delivery is Delivery.DELIVERED:
        log.debug("notification delivered", extra=which)
        return
    what = "is given up" if verdict.delivery is Delivery.FAILED else "is tried again"
    why = f"{verdict.status or ''} {verdict.error}".strip()
    log.warning("notification %s: %s", what, why, extra=which)
