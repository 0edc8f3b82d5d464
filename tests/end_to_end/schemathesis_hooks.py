"""What schemathesis has to know of this API beyond its description: see test_schemathesis.py."""

from __future__ import annotations

import random
import re
import uuid
from typing import Any

import schemathesis

_KEY = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT.*")


def _is_label(value: Any) -> bool:
    return isinstance(value, str) and value.find(":") > 0


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """A key that was used with another body is refused, rightly: each request gets one of its own. A task that starts
    in years would have its streams last as long. And each comes from an address of its own, where the server trusts us
    as a proxy: from one there may only be a few with a wrong token. It does not revoke the token that it uses itself.
    And no JSON Schema can say that each key of a label has one value."""
    if case.path_parameters.get("name") == "ours":
        case.path_parameters["name"] = "gone"
    case.headers["X-Forwarded-For"] = f"10.{random.randrange(256)}.{random.randrange(256)}.1"
    if _KEY.fullmatch(str(case.headers.get("Idempotency-Key", ""))):
        case.headers["Idempotency-Key"] = uuid.uuid4().hex
    labels = case.query.get("label") if case.query else None
    if isinstance(labels, list) and len(labels) <= 32 and all(map(_is_label, labels)):
        case.query["label"] = list({each.partition(":")[0]: each for each in labels}.values())
    if case.query and _TIME.fullmatch(str(case.query.get("at", ""))):
        case.query["at"] = "2001-02-03T04:05:06Z"
