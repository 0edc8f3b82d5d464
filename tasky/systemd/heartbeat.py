"""The sign of life for the service manager's watchdog, and the status that it shows.

A thread of its own that says it lives says nothing about the others. So those that matter are asked: only when each has
answered is the watchdog fed. One that is stuck does not answer, and the service manager ends the server and starts it
anew.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

from .manager import ServiceManager

log = logging.getLogger(__name__)

#: Has what it is given called by the thread that it asks; never waits for it.
Probe: TypeAlias = Callable[[Callable[[], None]], object]

_STATUS_EVERY: Final = 10.0  # seconds
#: Rounds in the time of the watchdog: an answer may take three quarters of it before it is too late.
_ROUNDS: Final = 4
_SLOW: Final = 5.0  # seconds after which an answer is worth a warning, or half the watchdog's


class Heartbeat:
    """From `start` to `close`. `watchdog` are the seconds that the service manager waits; None: it does not.
    `probes` are by the name of what they ask."""

    def __init__(
        self,
        manager: ServiceManager,
        watchdog: float | None,
        probes: Mapping[str, Probe],
        status: Callable[[], str],
    ) -> None:
        self._manager: Final = manager
        self._probes: Final = probes if watchdog is not None else {}
        self._status: Final = status
        self._every: Final = min(_STATUS_EVERY, (watchdog or _STATUS_EVERY) / _ROUNDS)
        self._slow: Final = min(_SLOW, (watchdog or _SLOW) / 2)
        self._changed: Final = threading.Condition()
        self._closed = False
        self._thread: Final = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        if self._manager.listens:
            self._thread.start()

    def close(self) -> None:
        """It does not wait for long: what is stuck may hold it up, too."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(1)

    def _run(self) -> None:
        while True:
            if self._probes and self._all_answer():
                self._manager.alive()
            status = self._status()
            with self._changed:
                if self._closed:  # what is said at the end stays
                    return
                self._manager.status(status)
                if self._changed.wait_for(lambda: self._closed, self._every):
                    return

    def _all_answer(self) -> bool:
        """Waits for all of them, however long it takes; False when it is closed meanwhile."""
        missing = set(self._probes)
        for name, probe in self._probes.items():
            probe(partial(self._answer, missing, name))
        with self._changed:
            if not self._changed.wait_for(lambda: not missing or self._closed, self._slow):
                late = " and ".join(sorted(missing))
                log.error("no answer for %g seconds from %s", self._slow, late)
                self._manager.status(f"no answer from {late}: the watchdog is not fed")
                self._changed.wait_for(lambda: not missing or self._closed)
                if not missing:
                    log.warning("%s answered at last", late)
            return not missing and not self._closed

    def _answer(self, missing: set[str], name: str) -> None:
        with self._changed:
            missing.discard(name)
            self._changed.notify_all()
