"""The order of a server's start and its end.

Start: definitions, the state directory's lock, the socket, recovery, and only then the first request, and the service
manager is told. End: no new task, SIGTERM to the running ones, their grace, SIGKILL, their ends stored, the last
answers, the store closed.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from .. import __version__
from ..config import Settings
from ..crash import Point, arm, crash_at
from ..errors import TaskyError
from ..logs import Logs
from ..service import LOOK
from ..systemd import Given, ServiceManager
from ..web.doctor import Examine, nothing
from . import own, telling
from .handover import Handover
from .outcome import Outcome
from .parts import Parts
from .rehearsal import rehearse
from .signals import STOP, Signals, blocked
from .upgrade import Upgrade

log = logging.getLogger(__name__)

_HOUSEKEEPING: Final = 60.0  # seconds between two looks at what retention wants gone


def serve(
    load: Callable[[], Settings],
    handover: Handover | None = None,
    examine_for: Callable[[Settings], Examine] = lambda _: nothing,
) -> int:
    """Runs until SIGTERM or SIGINT, and gives the exit status. A TaskyError says why it could not start. With a
    `handover`, it goes on where another server of this process has stopped. `examine_for(settings)()` looks at
    everything that the server depends on, for admins who ask."""
    with blocked():
        return _run(load, handover, examine_for)


def _run(
    load: Callable[[], Settings],
    handover: Handover | None,
    examine_for: Callable[[Settings], Examine],
) -> int:
    settings = None
    while True:
        try:
            settings = settings or load()
            if handover is not None and handover.is_rehearsal:
                rehearse(settings, handover)
                return 0
            with Logs(settings.log_format, settings.log_level):
                next_one = _serve(settings, handover, examine_for(settings))
                if next_one is None:
                    log.info("stopped")
                    return 0
        except Exception as error:
            if handover is not None:
                handover.go_back(error)
            raise
        handover = next_one
        try:
            handover.execute(handover.document["command"])
        except OSError as error:
            handover.document["returned"] = f"the new code cannot be executed: {error}"


def _serve(settings: Settings, handover: Handover | None, examine: Examine) -> Handover | None:
    """Gives what it hands over, if it does not end."""
    _arm()
    if handover is None:
        given, handed = Given.take(os.environ), None
    else:
        crash_at(Point.TAKEN_OVER)
        handover.check_version()
        handed = handover.document
        given = Given(notify_socket=handed["notify_socket"], watchdog=handed["watchdog"])
    own.prepare(settings.max_tasks)
    with ServiceManager(given.notify_socket) as manager, Signals() as signals:
        parts = Parts(settings, signals, manager, given, handed, examine)
        upgrade = Upgrade(parts, signals, manager, given, handed)
        server = Server(parts, signals, manager, upgrade)
        server.start(handover)
        own.collect_seldom()
        next_one = server.work()
        if next_one is None:
            server.stop()
    return next_one


class Server:
    """From `start` to `stop`. For the main thread."""

    def __init__(
        self, parts: Parts, signals: Signals, manager: ServiceManager, upgrade: Upgrade
    ) -> None:
        self._parts: Final = parts
        self._signals: Final = signals
        self._manager: Final = manager
        self._upgrade: Final = upgrade

    def start(self, handover: Handover | None) -> None:
        parts = self._parts
        if handover is None:
            self._manager.status("settling what the last server left behind")
            parts.supervisor.start()
        else:
            parts.supervisor.start(handover.document["supervisor"])
            handover.consumed = True
            parts.store.settle()
        parts.schedules.start()
        parts.notifier.start()
        parts.streams.start()
        parts.http.start()
        telling.what_there_is(parts)
        self._manager.ready(parts.summary())
        parts.heartbeat.start()
        if handover is not None:
            if (watchdog := handover.document["watchdog"]) is not None:
                self._manager.patience(watchdog)
            self._go_on(handover.document)

    def work(self) -> Handover | None:
        """Until a signal says stop; or until it hands over."""
        next_round = 0.0
        while True:
            now = time.monotonic()
            self._parts.history.look(self._parts.supervisor.counts())
            if now >= next_round:
                next_round = now + _HOUSEKEEPING
                retention = self._parts.settings.retention
                self._parts.store.prune(retention.age, retention.count)
                self._note_use_of_tokens()
            came = self._wait(min(LOOK, next_round - now))
            if signal.SIGHUP in came:
                self._manager.reloading()
                self._reload()
                self._manager.ready(self._parts.summary())
            if STOP & came:
                return None
            if signal.SIGUSR2 in came:
                self._upgrade.begin()
            if self._upgrade.rehearsed and (next_one := self._upgrade.carry_out()):
                return next_one

    def stop(self) -> None:
        parts = self._parts
        parts.heartbeat.close()
        self._manager.stopping(f"stopping: {parts.summary()}")
        if parts.passed:
            parts.http.leave_the_rest()  # in the socket, to the server that comes next
        parts.draining = True
        parts.schedules.close()
        parts.supervisor.drain()
        log.info("stopping: running tasks get SIGTERM, then their grace; a second signal ends that")
        parts.watch.close()
        self._await_drained()
        parts.streams.stop()  # first: who follows a task hears of its end
        parts.http.stop()
        parts.supervisor.close()
        parts.notifier.close()
        crash_at(Point.DRAINED)
        parts.containment.close()
        self._note_use_of_tokens()
        parts.store.close()
        if parts.settings.listen.path is not None and not parts.passed:
            parts.settings.listen.path.unlink(missing_ok=True)

    def _go_on(self, document: Mapping[str, Any]) -> None:
        """What is left to do of an upgrade."""
        if document["log_level"] is not None:
            self._parts.levels.set(document["log_level"])
        for number in document["signals"]:
            self._signals.send(signal.Signals(number))
        if document["returned"] is not None:
            self._upgrade.refuse(document["returned"])
            return
        outcome = Outcome(
            number=document["number"],
            old=document["tasky"],
            new=__version__,
            tasks=len(document["supervisor"]["tasks"]),
            paused_ms=(time.monotonic_ns() - document["began"]) // 1_000_000,
        )
        log.info(
            "upgraded: from %s to %s, with %d running tasks; no request was answered for %d ms",
            *(outcome.old, outcome.new, outcome.tasks, outcome.paused_ms),
        )
        outcome.write(self._parts.settings.state_dir)

    def _note_use_of_tokens(self) -> None:
        if self._parts.access is not None:
            self._parts.access.tokens.flush()

    def _await_drained(self) -> None:
        def watch() -> None:
            self._parts.supervisor.join()
            self._signals.send(signal.SIGALRM)

        watcher = threading.Thread(target=watch, name="drain", daemon=True)
        watcher.start()
        while watcher.is_alive():
            if STOP & self._wait(None):
                log.info("stopping now: running tasks get SIGKILL")
                self._parts.supervisor.kill_now()
            elif self._parts.supervisor.join(0):
                watcher.join()

    def _wait(self, seconds: float | None) -> set[int]:
        """The signals that have come; SIGUSR1 is obeyed at any time."""
        came = self._signals.wait(seconds)
        if signal.SIGUSR1 in came:
            self._parts.levels.toggle()
        return came

    def _reload(self) -> None:
        catalogue = self._parts.catalogue
        catalogue.reload()
        crash_at(Point.RELOADED)
        self._parts.supervisor.reload(catalogue.definitions)
        self._parts.schedules.wake()
        for problem in catalogue.problems:
            log.error("not loaded: %s", problem)
        workers, mistakes = len(catalogue.definitions), len(catalogue.problems)
        log.info("workers loaded again: %d, mistakes: %d", workers, mistakes)
        telling.what_is_not_kept(self._parts)


def _arm() -> None:
    try:
        arm(os.environ.get("TASKY_CRASH_AT", ""))
    except ValueError as error:
        raise TaskyError(str(error)) from error
