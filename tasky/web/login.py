"""/login, /logout and /whoami: sessions of browsers, which keep no token where a script could read it."""

from __future__ import annotations

import logging
from typing import Final

import falcon

from ..errors import Conflict, Invalid, Unauthorized, Violation
from ..model.access import Need
from ..service import Access
from ..service.access import SESSION
from ..service.trail import tell
from .auth import COOKIE, session_of
from .body import expect_nothing, read_object
from .documents import dump
from .principal import principal_of
from .query import read_query
from .resource import NO_OPTIONS, Answer, Body, Resource, operation

_SECONDS: Final = SESSION // 1_000_000_000


class Login(Resource):
    tag = "auth"

    def __init__(self, access: Access | None, max_body: int) -> None:
        self._access: Final = access
        self._max_body: Final = max_body

    @operation(
        "Begins a session with a token: gives a cookie.",
        Need.OPEN,
        body=Body("Login", required=True),
        answers={204: Answer("The cookie tasky_session is set.", headers=("Set-Cookie",))},
        errors=(401, 409, 429),
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        token = _token(read_object(req, self._max_body))
        if self._access is None:
            raise Conflict("this server has no authentication: there is nothing to log in to")
        peer = req.context.peer
        try:
            secret, known = self._access.login(token)
        except Unauthorized as error:
            raise self._access.failed(peer.address, error) from None
        tell(
            logging.INFO, action="login", by=known.principal.name, address=peer.address, status=204
        )
        _set_cookie(resp, secret, _SECONDS, secure=peer.is_tls)
        resp.status = falcon.HTTP_204


class Logout(Resource):
    tag = "auth"

    def __init__(self, access: Access | None, max_body: int) -> None:
        self._access: Final = access
        self._max_body: Final = max_body

    @operation(
        "Ends the session, if there is one.",
        Need.OPEN,
        answers={204: Answer("The cookie is gone.", headers=("Set-Cookie",))},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        expect_nothing(req, self._max_body)
        secret = session_of(req)
        if secret is not None and self._access is not None:
            self._access.logout(secret)
        _set_cookie(resp, "", 0, secure=req.context.peer.is_tls)
        resp.status = falcon.HTTP_204


class WhoAmI(Resource):
    tag = "auth"

    @operation(
        "Who one is, and what one may do.",
        Need.OPEN,
        answers={200: Answer("Who one is.", "WhoAmI")},
        errors=(401, 429),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        principal, known = principal_of(req), req.context.known
        if known is None and not principal.scopes:
            raise req.context.refused or Unauthorized()
        resp.data = dump(
            {
                "name": principal.name or None,
                "with": None if known is None else known.by,
                "scopes": sorted(map(str, principal.scopes)),
            }
        )


def _token(body: dict[str, object]) -> str:
    violations = [
        Violation("is not a member here: there is token", f"/{_pointer(key)}")
        for key in body
        if key != "token"
    ]
    token = body.get("token")
    if not isinstance(token, str):
        violations.append(
            Violation("must be the token, as text", "/token" if "token" in body else "")
        )
    if violations or not isinstance(token, str):
        raise Invalid(violations)
    return token


def _pointer(key: str) -> str:
    return key[:64].replace("~", "~0").replace("/", "~1")


def _set_cookie(resp: falcon.Response, value: str, seconds: int, *, secure: bool) -> None:
    """Written here, since its value is safe: letters, digits and dashes."""
    attributes = f"Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict" + "; Secure" * secure
    resp.append_header("Set-Cookie", f"{COOKIE}={value}; {attributes}")
