"""The description of the API, and a page to read it with. The page asks nobody but this server."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

import falcon

from ..errors import NotFound
from ..model.access import Need, Principal
from ..model.worker import WorkerDefinition
from ..service import Service
from .assets import ASK_AGAIN, STATIC, Asset, answer
from .documents import dump
from .openapi import describe
from .openapi_workers import with_workers
from .principal import principal_of
from .query import read_query
from .ranges import Validators, is_unchanged
from .resource import NO_OPTIONS, Answer, Resource, operation

#: It may be kept, and is to be asked for again; it is not the same for everybody.
_CACHING: Final = (("Cache-Control", "private, no-cache"), ("Vary", "Authorization, Cookie"))
#: So many descriptions are kept, of those who see different workers.
_KEPT: Final = 16


class Descriptions:
    """Each is made when it is first asked for, anew when the workers are loaded again, and kept as it is sent."""

    def __init__(self, service: Service, routes: Mapping[str, Resource], *, auth: bool) -> None:
        self._service: Final = service
        #: Never changes; a mistake in it is one of ours and shows at once.
        self._common: Final = describe(routes, auth=auth)
        self._lock: Final = threading.Lock()
        self._definitions: Mapping[str, WorkerDefinition] | None = None
        self._made: OrderedDict[frozenset[str], tuple[bytes, Validators]] = OrderedDict()

    def of(self, by: Principal) -> tuple[bytes, Validators]:
        """With the workers that somebody may see."""
        definitions = self._service.definitions
        names = frozenset(filter(by.sees_worker, definitions))
        with self._lock:
            if definitions is not self._definitions:
                self._made.clear()
                self._definitions = definitions
            if names not in self._made:
                seen = [definitions[name] for name in names]
                self._made[names] = _kept(dump(with_workers(self._common, seen)))
                if len(self._made) > _KEPT:
                    self._made.popitem(last=False)
            self._made.move_to_end(names)
            return self._made[names]


class OpenApi(Resource):
    """`routes` are all there are, this one too: they are read when the first request comes."""

    def __init__(self, service: Service, routes: Mapping[str, Resource], *, auth: bool) -> None:
        self._service: Final = service
        self._routes: Final = routes
        self._auth: Final = auth
        self._descriptions: Descriptions | None = None

    @operation(
        "This description: OpenAPI 3.1, with the parameters of every worker that one may see.",
        Need.READ,
        answers={
            200: Answer("An OpenAPI document.", "OpenApi", headers=("ETag",)),
            304: Answer("It is as before.", headers=("ETag",)),
        },
        errors=(412,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        if self._descriptions is None:
            self._descriptions = Descriptions(self._service, self._routes, auth=self._auth)
        data, current = self._descriptions.of(principal_of(req))
        resp.set_header("ETag", current.etag)
        resp.set_headers(_CACHING)
        if is_unchanged(req.env, current):
            resp.status = falcon.HTTP_304
        else:
            resp.data = data


class Docs(Resource):
    """What it shows, it reads from the description."""

    def __init__(self) -> None:
        self._page: Final = Asset.read(STATIC.joinpath("docs.html"))

    @operation(
        "A page to read the description with.",
        Need.OPEN,
        answers={
            200: Answer("The page.", "Page", ("text/html",), ("ETag",)),
            304: Answer("It is as before.", headers=("ETag",)),
        },
        errors=(412,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        answer(req, resp, self._page, ASK_AGAIN)


class DocsFile(Resource):
    def __init__(self) -> None:
        self._files: Final = {
            name: Asset.read(STATIC.joinpath(name)) for name in ("docs.css", "docs.js")
        }

    @operation(
        "The script and the style of the page.",
        Need.OPEN,
        answers={
            200: Answer("The file.", "Page", ("text/css", "text/javascript"), ("ETag",)),
            304: Answer("It is as before.", headers=("ETag",)),
        },
        errors=(412,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, file: str) -> None:
        read_query(req, NO_OPTIONS)
        if file not in self._files:
            raise NotFound
        answer(req, resp, self._files[file], ASK_AGAIN)


def _kept(data: bytes) -> tuple[bytes, Validators]:
    return data, Validators(hashlib.sha256(data).hexdigest()[:32], int(time.time()))
