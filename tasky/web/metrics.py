"""/metrics: what the server has counted and what it holds, for Prometheus. And the counting of requests."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final

import falcon

from ..errors import NoMetrics
from ..model.access import Need
from ..service.metrics import Metrics
from ..store import Figures
from ..supervisor import Load
from .health import Readiness
from .principal import principal_of
from .query import read_query
from .resource import NO_OPTIONS, Answer, Resource, operation

_OPENMETRICS: Final = "application/openmetrics-text"


@dataclass(frozen=True, kw_only=True, slots=True)
class Gauges:
    """Where to look when somebody asks. Everything is called in an HTTP thread. `workers` gives the names in the
    catalogue, `streams` how many event streams are open."""

    workers: Callable[[], Collection[str]]
    load: Callable[[], Load]
    store: Callable[[], Figures]
    ready: Callable[[], Readiness]
    max_tasks: int
    max_queued: int
    max_streams: int = 0
    streams: Callable[[], int] = lambda: 0


@dataclass(frozen=True, slots=True)
class Measured:
    """A server's metrics: what was counted, and where it is looked (None: nowhere)."""

    counted: Metrics = field(default_factory=Metrics)
    gauges: Gauges | None = None


class Scrape(Resource):
    """In the text format, or as OpenMetrics where the client asks for it."""

    def __init__(self, measured: Measured) -> None:
        self._measured: Final = measured

    @operation(
        "The metrics of the server, for Prometheus.",
        Need.READ,
        answers={200: Answer("All that one may see.", "Metrics", ("text/plain", _OPENMETRICS))},
        errors=(501,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        openmetrics = _OPENMETRICS in req.accept.lower()
        sees = principal_of(req).sees_worker
        shown = _exposition().expose(self._measured, sees, openmetrics)
        resp.data, resp.content_type = shown


def _exposition() -> Any:
    """Imported when it is first needed: it takes 3 MB, and may not be there."""
    try:
        return importlib.import_module(".exposition", __package__)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "prometheus_client":
            raise
        raise NoMetrics from error


class CountRequests:
    """A middleware, the outermost: counts every request that comes to the application."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics: Final = metrics

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        req.context.began = time.monotonic()

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: object, _succeeded: bool
    ) -> None:
        now = time.monotonic()  # falcon itself refuses some, before anybody has seen them
        seconds = now - getattr(req.context, "began", now)
        self._metrics.answered(req.uri_template or "", req.method, resp.status_code, seconds)
