"""The audit trail, as lines of the log."""

from __future__ import annotations

import json
import logging
import re
from typing import Any, Final

log = logging.getLogger("tasky.audit")

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:@/+*-]{1,200}", re.ASCII)
_LONGEST: Final = 200


def tell(level: int, **fields: Any) -> None:
    """As `audit: key=value ...`; a value that is not plain is a JSON string, None is left out."""
    shown = (f"{key}={_value(value)}" for key, value in fields.items() if value is not None)
    log.log(level, "audit: %s", " ".join(shown))


def _value(value: Any) -> str:
    text = str(value)[:_LONGEST]
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
