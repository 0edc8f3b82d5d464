"""The parts of a server, made and put together; `server` says when each begins and ends."""

from __future__ import annotations

import contextlib
import logging
import signal
from collections.abc import Mapping
from typing import Any, Final

from ..config import SECRET_FILE, Catalogue, FolderWatch, Settings, Webhooks
from ..crash import Point, crash_at
from ..logs import Levels
from ..model.notify import AllowedHosts
from ..service import Access, History, Service
from ..service.events import Hub
from ..service.metrics import Metrics
from ..service.notifier import Notifier
from ..store import Store, Tokens
from ..supervisor import Observers, Supervisor, choose
from ..systemd import Given, Heartbeat, ServiceManager, passed_socket, summary
from ..web.app import Readiness, create_app
from ..web.auth import Authentication
from ..web.defences import Defences
from ..web.doctor import Examine, nothing
from ..web.documents import notification_bytes
from ..web.metrics import Gauges, Measured
from ..web.server import HttpServer
from ..web.source import Budget
from ..web.spool import Forms
from ..web.streams import Streams
from .address import inherited_socket, listen, listening_on, was_listening_on
from .signals import Signals

log = logging.getLogger(__name__)

#: For requests that are answered at once, while all others of the HTTP server wait for the ends of tasks.
_SPARE_THREADS: Final = 4


class Parts:
    """Everything that one server is made of. What is half made when an error comes is undone; but for what was `handed`
    over to it, which is left as it was."""

    def __init__(
        self,
        settings: Settings,
        signals: Signals,
        manager: ServiceManager,
        given: Given,
        handed: Mapping[str, Any] | None = None,
        examine: Examine = nothing,
    ) -> None:
        inherited = passed_socket(given.sockets) if handed is None else inherited_socket(handed)
        #: The service manager has passed the socket.
        self.passed: Final[bool] = inherited is not None if handed is None else handed["passed"]
        if inherited is not None and (self.passed or not was_listening_on(handed, settings)):
            settings = listening_on(inherited, settings)
        self.settings: Final = settings
        self._handed: Final = handed
        self.levels: Final = Levels(settings.log_level)
        self.draining = False
        self.catalogue: Final = Catalogue(
            settings.workers_dir, settings.kill_grace, check_owners=not settings.insecure_perms
        )
        with contextlib.ExitStack() as undo:
            # Watched before it is read, so that no change is missed. A change is treated as SIGHUP is: by one thread.
            self.watch: Final = FolderWatch(
                settings.workers_dir, lambda: signals.send(signal.SIGHUP)
            )
            self.watch.start()
            undo.callback(self.watch.close)
            self.catalogue.load()
            hub = Hub()
            self.store: Final = Store.open(
                settings.state_dir,
                max_log=settings.max_log,
                on_logged=hub.logged,
                handed=None if handed is None else handed["store"],
            )
            undo.callback(self.store.close)
            crash_at(Point.OPENED)
            self.metrics: Final = Metrics()
            self.history: Final = History()
            hook_hosts = AllowedHosts(settings.webhooks.allowed_hosts)
            self.notifier: Final = self._make_notifier(hook_hosts)
            self.containment: Final = choose(
                settings.containment,
                settings.state_dir,
                None if handed is None else handed["supervisor"]["containment"],
            )
            self.socket: Final = inherited or listen(settings.listen)
            if handed is None:
                undo.callback(self.containment.close)
                undo.callback(self.socket.close)
            else:
                undo.callback(self.socket.detach)
            observers = Observers(hub, self.metrics, self.history, self.notifier)
            self.supervisor: Final = Supervisor(
                self.store,
                self.catalogue.definitions,
                containment=self.containment,
                max_tasks=settings.max_tasks,
                max_queued=settings.max_queued,
                max_line=settings.max_line,
                observer=observers,
            )
            service = Service(
                self.store, self.supervisor, self.catalogue, hub, hook_hosts, self.history
            )
            self.supervisor.prepare_steps_with(service.chains.new_step)
            self.schedules: Final = service.schedules
            observers.add(self.schedules)
            self.streams: Final = Streams(hub, Budget(settings.http.streams))
            undo.callback(self.streams.stop)
            self.access: Final = _access(settings, self.store, self.metrics)
            self.http: Final = self._make_http(service, examine)
            self.heartbeat: Final = Heartbeat(
                manager,
                given.watchdog,
                {
                    "the supervisor": self.supervisor.ping,
                    "the store's writer": self.store.writer.ping,
                },
                self.summary,
            )
            undo.pop_all()

    def summary(self) -> str:
        """For the service manager."""
        counts = self.supervisor.counts().values()
        return summary(
            running=sum(each.running for each in counts),
            queued=sum(each.queued for each in counts),
            workers=len(self.catalogue.definitions),
            problems=self.catalogue.problems,
            store=self.store.trouble(),
        )

    def _make_http(self, service: Service, examine: Examine) -> HttpServer:
        settings = self.settings
        app = create_app(
            service,
            access=self.access,
            proxies=settings.proxy,
            max_body=settings.max_body,
            max_upload=settings.max_upload,
            max_waiting=settings.http.threads,
            budget=self.streams.budget,
            ready=self._readiness,
            levels=self.levels,
            examine=examine,
            measured=Measured(self.metrics, self._gauges()),
            defences=Defences(
                listen=settings.listen.host,
                allowed_hosts=settings.allowed_hosts,
                cors_origins=settings.cors_origins,
            ),
        )
        return HttpServer(
            app,
            self.socket,
            threads=settings.http.threads + _SPARE_THREADS,
            streams=self.streams,
            max_body=settings.max_body,
            forms=Forms(
                service.takes_files,
                max_upload=settings.max_upload,
                folder=self.store.uploads.folder,
                admit=self.store.uploads.admit,
                identify=Authentication(self.access, settings.proxy).may_run,
            ),
            handed=() if self._handed is None else self._handed["connections"],
        )

    def _make_notifier(self, allowed: AllowedHosts) -> Notifier:
        """Where there is somebody to tell, an error says now that nothing can be signed."""
        settings = self.settings.webhooks
        notifier = Notifier(
            self.store,
            notification_bytes,
            allowed,
            settings.secret_file or self.settings.state_dir / SECRET_FILE,
            makes_secret=settings.secret_file is None,
            on_verdict=self.metrics.notified,
        )
        hooks = (hook for one in self.catalogue.definitions.values() for hook in one.notify)
        if settings != Webhooks() or any(hook.secret_file is None for hook in hooks):
            notifier.prepare()
        return notifier

    def _gauges(self) -> Gauges:
        return Gauges(
            workers=lambda: self.catalogue.definitions,
            load=self.supervisor.load,
            store=self.store.figures,
            ready=self._readiness,
            max_tasks=self.settings.max_tasks,
            max_queued=self.settings.max_queued,
            max_streams=self.settings.http.streams,
            streams=lambda: self.streams.budget.open,
        )

    def _readiness(self) -> Readiness:
        return Readiness(
            draining=self.draining,
            containment=self.containment.kind,
            controllers=self.containment.controllers,
            store=self.store.trouble(),
            starved=self.supervisor.starved(),
            unkillable=self.supervisor.unkillable(),
            problems=self.catalogue.problems,
        )


def _access(settings: Settings, store: Store, metrics: Metrics) -> Access | None:
    if not settings.auth:
        if settings.proxy.trusted:
            log.warning("the setting proxy does nothing without auth: true")
        return None
    tokens = Tokens(settings.state_dir)
    if not tokens.all() and not settings.proxy.trusted:
        log.warning("nobody can log in: there is no token yet; `tasky token create` makes one")
    return Access(store, tokens, settings.proxy.scopes, metrics.auth_failed)
