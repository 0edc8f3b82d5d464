"""What all routes have in common: HEAD, OPTIONS, the methods that they allow, the options that their query may have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final, TypeVar

import falcon

from ..model.access import Need
from .defences import HEADERS
from .query import Options

NO_OPTIONS: Final[Options] = MappingProxyType({})
METHODS: Final = ("DELETE", "GET", "POST")


class Response(falcon.Response):
    """An answer with the headers that every one of ours has. Errors keep them."""

    def __init__(self, options: falcon.ResponseOptions | None = None) -> None:
        super().__init__(options)
        self.set_headers(HEADERS)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no error. `schema` names one of schemas.SCHEMAS; None: it has no body. `headers` are names of
    schemas.HEADERS."""

    about: str
    schema: str | None = None
    media_types: tuple[str, ...] = ("application/json",)
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body: `schema` names one of schemas.SCHEMAS; unless `required`, it may be left out."""

    schema: str
    required: bool = False
    media_type: str = "application/json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One method of one route: what it does, in a sentence; what it needs; the options of its query. The rights and the
    description of the API are made of these. `answers` are by status; `errors` are the statuses of errors that it has
    beside those that every operation has (openapi.errors_of); `headers` are those of the request that it reads."""

    summary: str
    need: Need
    query: Options
    body: Body | None
    headers: Options
    answers: Mapping[int, Answer]
    errors: tuple[int, ...]


_Responder = TypeVar("_Responder", bound=Callable[..., None])


def operation(
    summary: str,
    need: Need,
    query: Options = NO_OPTIONS,
    *,
    body: Body | None = None,
    headers: Options = NO_OPTIONS,
    answers: Mapping[int, Answer] = MappingProxyType({}),
    errors: tuple[int, ...] = (),
) -> Callable[[_Responder], _Responder]:
    """Makes a responder (`on_get`, ...) an operation of the API. Every responder must be one, and say all of this:
    tests/web/test_openapi.py tells what is missing."""

    def mark(responder: _Responder) -> _Responder:
        responder.operation = Operation(  # type: ignore[attr-defined]
            summary=summary,
            need=need,
            query=query,
            body=body,
            headers=headers,
            answers=answers,
            errors=errors,
        )
        return responder

    return mark


class Resource:
    """One route. A subclass has `on_get`, `on_post` or `on_delete`, each an `operation`."""

    allow: ClassVar[str]
    #: Of schemas.TAGS, where the module's name is none.
    tag: ClassVar[str] = ""
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
