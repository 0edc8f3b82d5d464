"""What the routes have in common that change something, and take no body for it."""

from __future__ import annotations

from typing import Final

import falcon

from ..service import Service
from .body import expect_nothing
from .query import read_query
from .resource import NO_OPTIONS, Resource


class Action(Resource):
    """`max_body` is in bytes: a larger one is refused before it is read."""

    def __init__(self, service: Service, max_body: int) -> None:
        self._service: Final = service
        self._max_body: Final = max_body

    def _expect_nothing(self, req: falcon.Request) -> None:
        """Neither options nor parameters."""
        read_query(req, NO_OPTIONS)
        expect_nothing(req, self._max_body)
