"""The server as a whole: its parts put together, its signals, the order of its start and its end.

Start: definitions, the state directory's lock, the socket, recovery, and only then the first request, and the service
manager is told. End: no new task, SIGTERM to the running ones, their grace, SIGKILL, their ends stored, the last
answers, the store closed.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import os
import platform
import resource
import signal
import socket
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Final

from . import __version__
from .config import (
    SECRET_FILE,
    Catalogue,
    FolderWatch,
    Listen,
    Settings,
    Webhooks,
    runs_as_root,
    too_open,
)
from .crash import Point, arm, crash_at
from .errors import TaskyError
from .logs import Levels, Logs, about
from .model.containment import Kind
from .model.limits import Means, kept
from .model.notify import AllowedHosts
from .service import Access, Service
from .service.events import Hub
from .service.metrics import Metrics
from .service.notifier import Notifier
from .store import Store, Tokens
from .supervisor import Observers, Supervisor, choose
from .systemd import Given, Heartbeat, ServiceManager, passed_socket, summary
from .web.app import Readiness, create_app
from .web.auth import Authentication
from .web.defences import Defences
from .web.documents import notification_bytes
from .web.metrics import Gauges, Measured
from .web.server import HttpServer, listen_tcp, listen_unix
from .web.source import Budget
from .web.spool import Forms
from .web.streams import Streams

log = logging.getLogger(__name__)

_HOUSEKEEPING: Final = 60.0  # seconds between two looks at what retention wants gone
#: Descriptors that a task takes (three pipes, a pidfd, one to spare); that the rest of the server cannot do without;
#: that it takes at the most (open logs, connections, the store).
_PER_TASK: Final = 5
_LEAST: Final = 512
_MOST: Final = 2560
#: For requests that are answered at once, while all others of the HTTP server wait for the ends of tasks.
_SPARE_THREADS: Final = 4
#: malloc.h
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
#: Seconds after which a thread that computes lets another one go on; a fifth of Python's own, since each task passes
#: through six threads.
_TURN: Final = 0.001
_STOP: Final = frozenset({signal.SIGTERM, signal.SIGINT})


def serve(settings: Settings) -> int:
    """Runs until SIGTERM or SIGINT, and gives the exit status. A TaskyError says why it could not start."""
    with Logs(settings.log_format, settings.log_level):
        _serve(settings)
        log.info("stopped")
    return 0


def _serve(settings: Settings) -> None:
    _arm()
    sys.setswitchinterval(_TURN)
    _give_memory_back()
    _need_descriptors(settings.max_tasks)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # of secrets, and inherited by all workers
    given = Given.take(os.environ)
    with ServiceManager(given.notify_socket) as manager, Signals() as signals:
        server = Server(settings, signals, manager, given)
        server.start()
        _collect_seldom()
        server.work(signals)
        server.stop(signals)


class Server:
    """Everything that one server is made of. What is half made when an error comes is undone."""

    def __init__(
        self, settings: Settings, signals: Signals, manager: ServiceManager, given: Given
    ) -> None:
        self._manager: Final = manager
        self._passed: Final = passed_socket(given.sockets)
        if self._passed is not None:
            settings = _listening_on(self._passed, settings)
        self._settings: Final = settings
        self._levels: Final = Levels(settings.log_level)
        self._draining = False
        self._catalogue: Final = Catalogue(
            settings.workers_dir, settings.kill_grace, check_owners=not settings.insecure_perms
        )
        with contextlib.ExitStack() as undo:
            # Watched before it is read, so that no change is missed. A change is treated as SIGHUP is: by one thread.
            self._watch: Final = FolderWatch(
                settings.workers_dir, lambda: signals.send(signal.SIGHUP)
            )
            self._watch.start()
            undo.callback(self._watch.close)
            self._catalogue.load()
            hub = Hub()
            self._store: Final = Store.open(
                settings.state_dir, max_log=settings.max_log, on_logged=hub.logged
            )
            undo.callback(self._store.close)
            crash_at(Point.OPENED)
            self._metrics: Final = Metrics()
            hook_hosts = AllowedHosts(settings.webhooks.allowed_hosts)
            self._notifier: Final = self._make_notifier(hook_hosts)
            self._containment: Final = choose(settings.containment, settings.state_dir)
            undo.callback(self._containment.close)
            self._socket: Final = self._passed or _listen(settings.listen)
            undo.callback(self._socket.close)
            self._supervisor: Final = Supervisor(
                self._store,
                self._catalogue.definitions,
                containment=self._containment,
                max_tasks=settings.max_tasks,
                max_queued=settings.max_queued,
                max_line=settings.max_line,
                observer=Observers(hub, self._metrics, self._notifier),
            )
            service = Service(self._store, self._supervisor, self._catalogue, hub, hook_hosts)
            self._streams: Final = Streams(hub, Budget(settings.http.streams))
            undo.callback(self._streams.stop)
            self._access: Final = _access(settings, self._store, self._metrics)
            app = create_app(
                service,
                access=self._access,
                proxies=settings.proxy,
                max_body=settings.max_body,
                max_upload=settings.max_upload,
                max_waiting=settings.http.threads,
                budget=self._streams.budget,
                ready=self._readiness,
                levels=self._levels,
                measured=Measured(self._metrics, self._gauges()),
                defences=Defences(
                    listen=settings.listen.host,
                    allowed_hosts=settings.allowed_hosts,
                    cors_origins=settings.cors_origins,
                ),
            )
            self._http: Final = HttpServer(
                app,
                self._socket,
                threads=settings.http.threads + _SPARE_THREADS,
                streams=self._streams,
                max_body=settings.max_body,
                forms=Forms(
                    service.takes_files,
                    max_upload=settings.max_upload,
                    folder=self._store.uploads.folder,
                    admit=self._store.uploads.admit,
                    identify=Authentication(self._access, settings.proxy).may_run,
                ),
            )
            self._heartbeat: Final = Heartbeat(
                manager,
                given.watchdog,
                {
                    "the supervisor": self._supervisor.ping,
                    "the store's writer": self._store.writer.ping,
                },
                self._summary,
            )
            undo.pop_all()

    def start(self) -> None:
        self._manager.status("settling what the last server left behind")
        self._supervisor.start()
        self._notifier.start()
        self._streams.start()
        self._http.start()
        if sys.version_info < (3, 11, 4):  # CPython issue 104372
            log.warning(
                "Python %s stands still while a program is being started: one on a hung file system"
                " would hold up everything. Python 3.11.4 has that mended",
                platform.python_version(),
            )
        names = ", ".join(sorted(self._catalogue.definitions)) or "none"
        log.info("workers in %s: %s", self._settings.workers_dir, names)
        self._tell_what_is_not_kept()
        log.info("state in %s", self._settings.state_dir)
        self._tell_containment()
        log.info("tasky %s listening on %s", __version__, _url(self._socket, self._settings.listen))
        self._manager.ready(self._summary())
        self._heartbeat.start()

    def work(self, signals: Signals) -> None:
        """Until a signal says stop."""
        next_look = 0.0
        while True:
            now = time.monotonic()
            if now >= next_look:
                next_look = now + _HOUSEKEEPING
                retention = self._settings.retention
                self._store.prune(retention.age, retention.count)
                self._note_use_of_tokens()
            came = self._wait(signals, next_look - now)
            if signal.SIGHUP in came:
                self._manager.reloading()
                self._reload()
                self._manager.ready(self._summary())
            if _STOP & came:
                return

    def stop(self, signals: Signals) -> None:
        self._heartbeat.close()
        self._manager.stopping(f"stopping: {self._summary()}")
        if self._passed is not None:
            self._http.leave_the_rest()  # in the socket, to the server that comes next
        self._draining = True
        self._supervisor.drain()
        log.info("stopping: running tasks get SIGTERM, then their grace; a second signal ends that")
        self._watch.close()
        self._await_drained(signals)
        self._streams.stop()  # first: who follows a task hears of its end
        self._http.stop()
        self._supervisor.close()
        self._notifier.close()
        crash_at(Point.DRAINED)
        self._containment.close()
        self._note_use_of_tokens()
        self._store.close()
        if self._settings.listen.path is not None and self._passed is None:
            self._settings.listen.path.unlink(missing_ok=True)

    def _note_use_of_tokens(self) -> None:
        if self._access is not None:
            self._access.tokens.flush()

    def _await_drained(self, signals: Signals) -> None:
        def watch() -> None:
            self._supervisor.join()
            signals.send(signal.SIGALRM)

        watcher = threading.Thread(target=watch, name="drain", daemon=True)
        watcher.start()
        while watcher.is_alive():
            if _STOP & self._wait(signals, None):
                log.info("stopping now: running tasks get SIGKILL")
                self._supervisor.kill_now()
            elif self._supervisor.join(0):
                watcher.join()

    def _wait(self, signals: Signals, seconds: float | None) -> set[int]:
        """The signals that have come; SIGUSR1 is obeyed at any time."""
        came = signals.wait(seconds)
        if signal.SIGUSR1 in came:
            self._levels.toggle()
        return came

    def _reload(self) -> None:
        self._catalogue.reload()
        crash_at(Point.RELOADED)
        self._supervisor.reload(self._catalogue.definitions)
        for problem in self._catalogue.problems:
            log.error("not loaded: %s", problem)
        workers, mistakes = len(self._catalogue.definitions), len(self._catalogue.problems)
        log.info("workers loaded again: %d, mistakes: %d", workers, mistakes)
        self._tell_what_is_not_kept()

    def _summary(self) -> str:
        counts = self._supervisor.counts().values()
        return summary(
            running=sum(each.running for each in counts),
            queued=sum(each.queued for each in counts),
            workers=len(self._catalogue.definitions),
            problems=self._catalogue.problems,
            store=self._store.trouble(),
        )

    def _tell_containment(self) -> None:
        """Why it is not cgroups was said when it was chosen, unless the settings want it so."""
        kind, names = self._containment.kind, ", ".join(sorted(self._containment.controllers))
        if kind is Kind.CGROUP:
            log.info("containment: %s, controllers: %s", kind, names or "none")
        elif self._settings.containment is kind:
            log.info("containment: %s, as the settings want it", kind)
        else:
            log.info("containment: %s", kind)

    def _tell_what_is_not_kept(self) -> None:
        """Limits that are not kept on this machine."""
        for name, definition in self._catalogue.definitions.items():
            limits, as_root = definition.limits, runs_as_root(definition)
            for limit in kept(limits, self._containment.controllers, as_root=as_root):
                if limit.means is Means.NOTHING:
                    log.warning("%s", limit, extra=about(worker=name))

    def _make_notifier(self, allowed: AllowedHosts) -> Notifier:
        """Where there is somebody to tell, an error says now that nothing can be signed."""
        settings = self._settings.webhooks
        notifier = Notifier(
            self._store,
            notification_bytes,
            allowed,
            settings.secret_file or self._settings.state_dir / SECRET_FILE,
            makes_secret=settings.secret_file is None,
            on_verdict=self._metrics.notified,
        )
        hooks = (hook for one in self._catalogue.definitions.values() for hook in one.notify)
        if settings != Webhooks() or any(hook.secret_file is None for hook in hooks):
            notifier.prepare()
        return notifier

    def _gauges(self) -> Gauges:
        return Gauges(
            workers=lambda: self._catalogue.definitions,
            load=self._supervisor.load,
            store=self._store.figures,
            ready=self._readiness,
            max_tasks=self._settings.max_tasks,
            max_queued=self._settings.max_queued,
            max_streams=self._settings.http.streams,
            streams=lambda: self._streams.budget.open,
        )

    def _readiness(self) -> Readiness:
        return Readiness(
            draining=self._draining,
            containment=self._containment.kind,
            controllers=self._containment.controllers,
            store=self._store.trouble(),
            starved=self._supervisor.starved(),
            unkillable=self._supervisor.unkillable(),
            problems=self._catalogue.problems,
        )


class Signals:
    """Signals as bytes on a socket, for one thread to wait on. To be entered by the main thread.

    Python's own handlers do nothing: the byte is written by the C handler (signal.set_wakeup_fd), whichever thread the
    kernel chose for it.
    """

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._theirs.setblocking(False)

    def __enter__(self) -> Signals:
        signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        for number in (*_STOP, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, _nothing)
        return self

    def __exit__(self, *_: object) -> None:
        """The handlers stay: one signal more must not change the exit status of a server that has stopped."""
        signal.set_wakeup_fd(-1)
        self._ours.close()
        self._theirs.close()

    def wait(self, seconds: float | None) -> set[int]:
        """The signals that have come, after waiting for one for so long at the most (None: for ever)."""
        self._ours.settimeout(seconds)
        try:
            return set(self._ours.recv(64))
        except (TimeoutError, BlockingIOError):
            return set()

    def send(self, number: signal.Signals) -> None:
        """As if the signal had come. Any thread; a full socket has enough to wake the reader."""
        with contextlib.suppress(BlockingIOError):
            self._theirs.send(bytes([number]))


def _arm() -> None:
    try:
        arm(os.environ.get("TASKY_CRASH_AT", ""))
    except ValueError as error:
        raise TaskyError(str(error)) from error


def _nothing(_number: int, _frame: FrameType | None) -> None:
    pass


def _listen(where: Listen) -> socket.socket:
    if where.path is not None:
        return listen_unix(where.path)
    assert where.host is not None
    assert where.port is not None
    return listen_tcp(where.host, where.port)


def _listening_on(sock: socket.socket, settings: Settings) -> Settings:
    """The settings with the address of a socket that was passed, which wins: what is allowed depends on it."""
    name = sock.getsockname()
    is_unix = sock.family == socket.AF_UNIX
    listen = Listen(path=Path(name)) if is_unix else Listen(host=name[0], port=name[1])
    if refusal := too_open(listen, settings.auth):
        raise TaskyError(f"the service manager has passed a socket that Tasky {refusal}")
    return replace(settings, listen=listen)


def _access(settings: Settings, store: Store, metrics: Metrics) -> Access | None:
    if not settings.auth:
        if settings.proxy.trusted:
            log.warning("the setting proxy does nothing without auth: true")
        return None
    tokens = Tokens(settings.state_dir)
    if not tokens.all() and not settings.proxy.trusted:
        log.warning("nobody can log in: there is no token yet; `tasky token create` makes one")
    return Access(store, tokens, settings.proxy.scopes, metrics.auth_failed)


def _url(sock: socket.socket, where: Listen) -> str:
    if where.path is not None:
        return f"unix:{where.path}"
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _give_memory_back() -> None:
    """Has glibc's malloc use few arenas for all threads, and return big blocks to the system when they are freed, as
    it would until the first one (mallopt(3)). Without it, what one big body took stays taken in some thread's arena."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, 256 << 10)


def _collect_seldom() -> None:
    """What is there now stays, and a task leaves hardly a cycle behind: looking for some every 700 objects costs more
    than they are worth (gc.freeze, gc.set_threshold)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def descriptors_lacking(max_tasks: int) -> str | None:
    """What is to be done where the hard limit of open files forbids `max_tasks`; None where it does not."""
    tasks = max_tasks * _PER_TASK
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or tasks + _LEAST <= hard:
        return None
    return (
        f"max_tasks: {max_tasks} needs {tasks + _LEAST} open files and the limit is {hard}:"
        f" raise it (ulimit -Hn, LimitNOFILE=) or set max_tasks to {(hard - _LEAST) // _PER_TASK}"
    )


def _need_descriptors(max_tasks: int) -> None:
    """Raises the soft limit of open files as far as `max_tasks` may need; an error where the hard one forbids it."""
    if lack := descriptors_lacking(max_tasks):
        raise TaskyError(lack)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        bound = sys.maxsize if hard == resource.RLIM_INFINITY else hard
        wanted = min(bound, max(soft, max_tasks * _PER_TASK + _MOST))
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
