"""Authentication: who asks, and whether the route is for them. The last middleware, so that nothing is looked up for
what the defences refuse.

It guards every route by itself, from what its operation needs and from the worker or task in its path; only lists are
left to filter what they show. A route that it could not judge would be refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import falcon

from ..errors import TaskyError, Unauthorized
from ..logs import in_request
from ..model.access import ANYBODY, Need, Principal, has_secret
from ..model.proxies import Proxies
from ..service import Access, Known
from .audit import Audit
from .peer import Peer, look_at_peer
from .resource import Operation

COOKIE: Final = "tasky_session"
_STRANGER: Final = Principal("", frozenset())


class Authentication:
    """`access` None: there is none, and everybody may do everything."""

    def __init__(
        self,
        access: Access | None,
        proxies: Proxies,
    ) -> None:
        self._access: Final = access
        self._proxies: Final = proxies
        self._audit: Final = Audit()

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        req.context.principal = ANYBODY if self._access is None else _STRANGER
        req.context.known = req.context.refused = None
        req.context.peer = look_at_peer(req.env, self._proxies)
        in_request(client=req.context.peer.address)

    def process_resource(
        self, req: falcon.Request, _resp: falcon.Response, resource: Any, params: dict[str, Any]
    ) -> None:
        operation = operation_of(req, resource)
        if self._access is None or operation is None:  # OPTIONS, or a method that is not possible
            return
        req.context.params = dict(params)
        try:
            self._identify(req, self._access)
        except TaskyError as error:
            if operation.need is not Need.OPEN:
                raise
            req.context.refused = error
        if operation.need is Need.OPEN:
            return
        known: Known | None = req.context.known
        if known is None:
            raise Unauthorized
        _guard(self._access, known.principal, operation.need, params)

    def may_run(self, environ: dict[str, Any], worker: str) -> None:
        """Raises what keeps whoever sends a request with that head from making a task of the worker: asked before a
        large body is taken. Any thread."""
        if self._access is None:
            return
        req = falcon.Request(environ)
        req.context.known = req.context.refused = None
        req.context.peer = look_at_peer(req.env, self._proxies)
        self._identify(req, self._access)
        known: Known | None = req.context.known
        if known is None:
            raise Unauthorized()
        _guard(self._access, known.principal, Need.RUN, {"name": worker})

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: Any, succeeded: bool
    ) -> None:
        """What somebody did, or tried to do."""
        operation = operation_of(req, resource)
        known: Known | None = getattr(req.context, "known", None)
        if self._access is not None and operation is not None and known is not None:
            self._audit.note(req, resp, operation, known, self._access if succeeded else None)

    def _identify(self, req: falcon.Request, access: Access) -> None:
        """Sets who asks, if somebody says so; Unauthorized if what is said does not hold."""
        try:
            known = self._known(req, access)
        except Unauthorized as error:
            if "HTTP_AUTHORIZATION" in req.env:
                raise access.failed(req.context.peer.address, error) from None
            raise
        if known is not None:
            req.context.known = known
            req.context.principal = known.principal
            req.context.valid = known.still
            in_request(client=known.principal.name)

    def _known(self, req: falcon.Request, access: Access) -> Known | None:
        if has_secret(req.query_string):
            raise Unauthorized(
                "a token in the address is not taken, and is known to others by now: revoke it"
            )
        peer: Peer = req.context.peer
        if peer.trouble is not None:
            raise Unauthorized(peer.trouble)
        scheme, _, token = req.env.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() == "bearer":
            return access.of_token(token.strip())
        if (secret := session_of(req)) and (peer.user is None):
            return access.of_session(secret)
        if peer.user is not None:
            return access.of_user(peer.user, peer.groups)
        if scheme:
            raise Unauthorized("Authorization must be: Bearer tsk_...")
        return None


def operation_of(req: falcon.Request, resource: Any) -> Operation | None:
    operations: Mapping[str, Operation] = getattr(resource, "operations", {})
    return operations.get("GET" if req.method == "HEAD" else req.method)


def session_of(req: falcon.Request) -> str | None:
    """The cookie's value. Others may stand beside it that are not well-formed: all servers of a host share theirs."""
    for pair in req.env.get("HTTP_COOKIE", "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE:
            return str(value)
    return None


def _guard(access: Access, by: Principal, need: Need, params: Mapping[str, Any]) -> None:
    if "task_id" in params:
        access.check_task(by, need, params["task_id"])
    elif "worker" in params or ("name" in params and need is not Need.ADMIN):
        access.check_worker(by, need, params.get("worker", params.get("name")))
    else:
        access.check(by, need)
