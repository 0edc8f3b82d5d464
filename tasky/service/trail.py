"""The audit trail, as lines of the log."""

from __future__ import annotations

import logging
from typing import Any

from ..logs import about, shown

log = logging.getLogger("tasky.audit")


def tell(level: int, **fields: Any) -> None:
    """As `audit: key=value ...`; a value that is not plain is a JSON string, None is left out."""
    words = (f"{key}={shown(value)}" for key, value in fields.items() if value is not None)
    log.log(level, "audit: %s", " ".join(words), extra=about(**fields, said=True))
