"""/tokens: for admins. The token itself is in one answer only, that to its making."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import falcon

from ..errors import Conflict, Invalid, Violation
from ..model.access import Need, Scope, parse_scopes, token_name
from ..model.access import Token as Record
from ..model.units import parse_duration
from ..service import Access
from ..store import Tokens as Stored
from .body import expect_nothing, read_object
from .documents import Document, dump, timestamp
from .query import read_query
from .resource import NO_OPTIONS, Answer, Body, Resource, operation

_MAX_DURATION: Final = 3650 * 24 * 3600 * 1_000_000_000
_MEMBERS: Final = ("name", "scopes", "expires")


class _OfTokens(Resource):
    tag = "auth"

    def __init__(self, access: Access | None, max_body: int) -> None:
        self._access: Final = access
        self._max_body: Final = max_body

    @property
    def _tokens(self) -> Stored:
        """Where nobody is known, nobody could be kept from making himself one for later."""
        if self._access is None:
            raise Conflict("this server has no authentication: tokens are made with `tasky token`")
        return self._access.tokens


class Tokens(_OfTokens):
    @operation(
        "Lists the tokens, by name.",
        Need.ADMIN,
        answers={200: Answer("All tokens, without what is secret of them.", "Tokens")},
        errors=(409,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        resp.data = dump([token_document(token) for token in self._tokens.all()])

    @operation(
        "Makes a token, and shows it this one time.",
        Need.ADMIN,
        body=Body("NewToken", required=True),
        answers={201: Answer("The token.", "MadeToken", headers=("Location",))},
        errors=(409, 507),
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        tokens = self._tokens
        name, scopes, lifetime = _wanted(read_object(req, self._max_body))
        expires = None if lifetime is None else time.time_ns() + lifetime
        secret, token = tokens.create(name, scopes, expires)
        resp.status = falcon.HTTP_201
        resp.set_header("Location", f"/tasky/v1/tokens/{name}")
        resp.data = dump({**token_document(token), "token": secret})


class Token(_OfTokens):
    @operation(
        "Revokes a token: it is not taken any more.",
        Need.ADMIN,
        answers={204: Answer("It is gone.")},
        errors=(409, 507),
    )
    def on_delete(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        read_query(req, NO_OPTIONS)
        expect_nothing(req, self._max_body)
        self._tokens.revoke(name)
        resp.status = falcon.HTTP_204


def token_document(token: Record) -> Document:
    document: Document = {
        "name": token.name,
        "scopes": [str(scope) for scope in token.scopes],
        "created": timestamp(token.created),
    }
    for member, moment in (("expires", token.expires), ("last_used", token.used)):
        if moment is not None:
            document[member] = timestamp(moment)
    return document


def _wanted(body: dict[str, Any]) -> tuple[str, tuple[Scope, ...], int | None]:
    """Name, scopes and lifetime (ns; None: for ever)."""
    violations = [
        Violation(f"is no member here: there is {', '.join(_MEMBERS)}", f"/{_pointer(key)}")
        for key in body
        if key not in _MEMBERS
    ]

    def read(member: str, convert: Callable[[Any], Any]) -> Any:
        try:
            return convert(body.get(member))
        except ValueError as error:
            violations.append(Violation(str(error), f"/{member}" if member in body else ""))

    found = read("name", _name), read("scopes", _scopes), read("expires", _lifetime)
    if violations:
        raise Invalid(violations)
    return found


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("name: a token needs one, as text")
    return token_name(value)


def _scopes(value: Any) -> tuple[Scope, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("scopes: must be a list such as [read, run:copyfile]")
    return parse_scopes(value)


def _lifetime(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("expires: must be a duration such as 90d, as text")
    nanoseconds = parse_duration(value)
    if not 0 < nanoseconds <= _MAX_DURATION:
        raise ValueError("expires: must be more than 0s and at most 3650d")
    return nanoseconds


def _pointer(key: str) -> str:
    return key[:64].replace("~", "~0").replace("/", "~1")
