"""Who asks: the authentication has said so, where there is one."""

from __future__ import annotations

import falcon

from ..model.access import ANYBODY, Principal


def principal_of(req: falcon.Request) -> Principal:
    principal: Principal = getattr(req.context, "principal", ANYBODY)
    return principal
