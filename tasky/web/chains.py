"""/chains: chains that clients send."""

from __future__ import annotations

from typing import Final

import falcon

from ..model.access import Need
from ..service import Service
from . import options
from .body import read_object
from .query import read_query
from .resource import Body, Resource, operation
from .submission import ANSWERS, SUBMIT, Waiting, answer, task_options


class Chains(Resource):
    def __init__(self, service: Service, max_body: int, waiting: Waiting) -> None:
        self._service: Final = service
        self._max_body: Final = max_body
        self._waiting: Final = waiting

    @operation(
        "Makes a task of a chain; the body has its steps.",
        Need.RUN,
        SUBMIT,
        body=Body("Chain", required=True),
        headers=options.IDEMPOTENCY,
        answers=ANSWERS,
        errors=(403, 429, 507),
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        query = read_query(req, SUBMIT)
        chosen = task_options(req, query, options.idempotency_key(req))
        body = read_object(req, self._max_body)
        wait: float | None = query.get("wait")
        submitted = self._waiting.submit(
            wait, lambda seconds: self._service.submit_chain(body, chosen, seconds)
        )
        answer(resp, self._service, submitted, waited=wait is not None)
