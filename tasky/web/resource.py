"""What all routes have in common: HEAD, OPTIONS, the methods that they allow, the options that their query may have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final, TypeVar

import falcon

from ..model.access import Need
from .query import Options

NO_OPTIONS: Final[Options] = MappingProxyType({})
METHODS: Final = ("DELETE", "GET", "POST")
_HEADERS: Final = (("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"))


class Response(falcon.Response):
    """An answer with the headers that every one of ours has. Errors keep them."""

    def __init__(self, options: falcon.ResponseOptions | None = None) -> None:
        super().__init__(options)
        self.set_headers(_HEADERS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One method of one route: what it does, in a sentence; what it needs; the options of its query. The rights and the
    description of the API are made of these."""

    summary: str
    need: Need
    query: Options


_Responder = TypeVar("_Responder", bound=Callable[..., None])


def operation(
    summary: str, need: Need, query: Options = NO_OPTIONS
) -> Callable[[_Responder], _Responder]:
    """Makes a responder (`on_get`, ...) an operation of the API. Every responder must be one."""

    def mark(responder: _Responder) -> _Responder:
        about = Operation(summary=summary, need=need, query=query)
        responder.operation = about  # type: ignore[attr-defined]
        return responder

    return mark


class Resource:
    """One route. A subclass has `on_get`, `on_post` or `on_delete`, each an `operation`."""

    allow: ClassVar[str]
    #: By method: `DELETE`, `GET` or `POST`.
    operations: ClassVar[Mapping[str, Operation]]

    def __init_subclass__(cls) -> None:
        cls.operations = {
            method: getattr(cls, name).operation
            for method in METHODS
            if hasattr(cls, name := f"on_{method.lower()}")
        }
        if on_get := getattr(cls, "on_get", None):
            cls.on_head = on_get  # type: ignore[attr-defined]  # falcon finds responders by their names
        head = ["HEAD"] if "GET" in cls.operations else []
        cls.allow = ", ".join(sorted([*cls.operations, *head, "OPTIONS"]))

    def on_options(self, _req: falcon.Request, resp: falcon.Response, **_fields: Any) -> None:
        resp.status = falcon.HTTP_204
        resp.set_header("Allow", self.allow)
