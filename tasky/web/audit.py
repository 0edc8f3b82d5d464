"""The audit trail: a line of the log for each change that somebody made, or was refused; and on the task itself."""

from __future__ import annotations

import logging
from typing import Any, Final

import falcon

from ..model.access import Need
from ..service import Access, Known
from ..service.trail import tell
from .resource import Operation

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: Where the path's last segment is no verb.
_VERBS: Final = {
    ("POST", "/tasky/v1/workers/{name}"): "submit",
    ("DELETE", "/tasky/v1/tasks/{task_id}"): "delete",
    ("POST", "/tasky/v1/tokens"): "create-token",
    ("DELETE", "/tasky/v1/tokens/{name}"): "revoke-token",
}


class Audit:
    def note(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        operation: Operation,
        known: Known,
        access: Access | None,
    ) -> None:
        """`access` None: it was refused, so it is not kept with the task."""
        if req.method in _SAFE or operation.need is Need.OPEN:
            return
        params: dict[str, Any] = req.context.params
        template = req.uri_template or ""
        action = _VERBS.get((req.method, template), template.rpartition("/")[2])
        task_id = params.get("task_id")
        if task_id is not None and access is not None and resp.status_code < 400:
            access.record(known.principal, task_id, action)
        made = (resp.get_header("Location") or "").rpartition("/")[2] if task_id is None else None
        tell(
            logging.INFO,
            action=action,
            by=known.principal.name,
            **{"with": known.by},
            address=req.context.peer.address,
            task=task_id or made or None,
            **(
                {"token" if "token" in action else "worker": params["name"]}
                if "name" in params
                else {}
            ),
            status=resp.status_code,
        )
