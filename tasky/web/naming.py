"""Each request gets a name, so that all lines of the log which belong to it can be found."""

from __future__ import annotations

import secrets

import falcon

from ..logs import in_request, out_of_request
from .peer import address_of

_BYTES = 6


class NameRequests:
    """The first middleware, so the last that sees the answer."""

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Who it is that asks, the authentication knows better, later."""
        out_of_request()  # of the one before in this thread, if that had no end
        in_request(request=secrets.token_hex(_BYTES), client=address_of(req.env))

    def process_response(
        self, _req: falcon.Request, _resp: falcon.Response, _resource: object, _succeeded: bool
    ) -> None:
        out_of_request()
