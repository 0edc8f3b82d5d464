"""What all routes have in common: HEAD, OPTIONS, the methods that they allow, the options that their query may have."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, ClassVar, Final

import falcon

from .query import Options

NO_OPTIONS: Final[Options] = MappingProxyType({})
_HEADERS: Final = (("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"))


class Response(falcon.Response):
    """An answer with the headers that every one of ours has. Errors keep them."""

    def __init__(self, options: falcon.ResponseOptions | None = None) -> None:
        super().__init__(options)
        self.set_headers(_HEADERS)


class Resource:
    """One route. A subclass has `on_get`, `on_post` or `on_delete`; `query` has the options of the one of
    them that takes any."""

    allow: ClassVar[str]
    query: ClassVar[Options] = NO_OPTIONS

    def __init_subclass__(cls) -> None:
        if on_get := getattr(cls, "on_get", None):
            cls.on_head = on_get  # type: ignore[attr-defined]  # falcon finds responders by their names
        methods = ("DELETE", "GET", "HEAD", "POST")
        allowed = [name for name in methods if hasattr(cls, f"on_{name.lower()}")]
        cls.allow = ", ".join(sorted([*allowed, "OPTIONS"]))

    def on_options(self, _req: falcon.Request, resp: falcon.Response, **_fields: Any) -> None:
        resp.status = falcon.HTTP_204
        resp.set_header("Allow", self.allow)
