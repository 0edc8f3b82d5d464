"""The order of a server's start and its end.

Start: definitions, the state directory's lock, the socket, recovery, and only then the first request, and the service
manager is told. End: no new task, SIGTERM to the running ones, their grace, SIGKILL, their ends stored, the last
answers, the store closed.
"""

from __future__ import annotations

import logging
import os
import platform
import signal
import sys
import threading
import time
from typing import Final

from .. import __version__
from ..config import Settings, runs_as_root
from ..crash import Point, arm, crash_at
from ..errors import TaskyError
from ..logs import Logs, about
from ..model.containment import Kind
from ..model.limits import Means, kept
from ..systemd import Given, ServiceManager
from . import own
from .address import url
from .parts import Parts
from .signals import STOP, Signals

log = logging.getLogger(__name__)

_HOUSEKEEPING: Final = 60.0  # seconds between two looks at what retention wants gone


def serve(settings: Settings) -> int:
    """Runs until SIGTERM or SIGINT, and gives the exit status. A TaskyError says why it could not start."""
    with Logs(settings.log_format, settings.log_level):
        _serve(settings)
        log.info("stopped")
    return 0


def _serve(settings: Settings) -> None:
    _arm()
    own.prepare(settings.max_tasks)
    given = Given.take(os.environ)
    with ServiceManager(given.notify_socket) as manager, Signals() as signals:
        server = Server(Parts(settings, signals, manager, given), signals, manager)
        server.start()
        own.collect_seldom()
        server.work()
        server.stop()


class Server:
    """From `start` to `stop`. For the main thread."""

    def __init__(self, parts: Parts, signals: Signals, manager: ServiceManager) -> None:
        self._parts: Final = parts
        self._signals: Final = signals
        self._manager: Final = manager

    def start(self) -> None:
        parts = self._parts
        self._manager.status("settling what the last server left behind")
        parts.supervisor.start()
        parts.notifier.start()
        parts.streams.start()
        parts.http.start()
        self._tell_what_there_is()
        self._manager.ready(parts.summary())
        parts.heartbeat.start()

    def work(self) -> None:
        """Until a signal says stop."""
        next_look = 0.0
        while True:
            now = time.monotonic()
            if now >= next_look:
                next_look = now + _HOUSEKEEPING
                retention = self._parts.settings.retention
                self._parts.store.prune(retention.age, retention.count)
                self._note_use_of_tokens()
            came = self._wait(next_look - now)
            if signal.SIGHUP in came:
                self._manager.reloading()
                self._reload()
                self._manager.ready(self._parts.summary())
            if STOP & came:
                return

    def stop(self) -> None:
        parts = self._parts
        parts.heartbeat.close()
        self._manager.stopping(f"stopping: {parts.summary()}")
        if parts.passed is not None:
            parts.http.leave_the_rest()  # in the socket, to the server that comes next
        parts.draining = True
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
        if parts.settings.listen.path is not None and parts.passed is None:
            parts.settings.listen.path.unlink(missing_ok=True)

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
        for problem in catalogue.problems:
            log.error("not loaded: %s", problem)
        workers, mistakes = len(catalogue.definitions), len(catalogue.problems)
        log.info("workers loaded again: %d, mistakes: %d", workers, mistakes)
        self._tell_what_is_not_kept()

    # ------------------------------------------------------------------ what the log says of it

    def _tell_what_there_is(self) -> None:
        settings = self._parts.settings
        if sys.version_info < (3, 11, 4):  # CPython issue 104372
            log.warning(
                "Python %s stands still while a program is being started: one on a hung file system"
                " would hold up everything. Python 3.11.4 has that mended",
                platform.python_version(),
            )
        names = ", ".join(sorted(self._parts.catalogue.definitions)) or "none"
        log.info("workers in %s: %s", settings.workers_dir, names)
        self._tell_what_is_not_kept()
        log.info("state in %s", settings.state_dir)
        self._tell_containment()
        where = url(self._parts.socket, settings.listen)
        log.info("tasky %s listening on %s", __version__, where)

    def _tell_containment(self) -> None:
        """Why it is not cgroups was said when it was chosen, unless the settings want it so."""
        containment = self._parts.containment
        kind, names = containment.kind, ", ".join(sorted(containment.controllers))
        if kind is Kind.CGROUP:
            log.info("containment: %s, controllers: %s", kind, names or "none")
        elif self._parts.settings.containment is kind:
            log.info("containment: %s, as the settings want it", kind)
        else:
            log.info("containment: %s", kind)

    def _tell_what_is_not_kept(self) -> None:
        """Limits that are not kept on this machine."""
        controllers = self._parts.containment.controllers
        for name, definition in self._parts.catalogue.definitions.items():
            limits, as_root = definition.limits, runs_as_root(definition)
            for limit in kept(limits, controllers, as_root=as_root):
                if limit.means is Means.NOTHING:
                    log.warning("%s", limit, extra=about(worker=name))


def _arm() -> None:
    try:
        arm(os.environ.get("TASKY_CRASH_AT", ""))
    except ValueError as error:
        raise TaskyError(str(error)) from error
