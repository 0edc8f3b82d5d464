"""Records as the handler hands them to a sink."""

from __future__ import annotations

import logging
import sys
from typing import Any

from tasky.logs import about
from tasky.logs.fields import gather


def record(message: str, level: int = logging.ERROR, **fields: Any) -> logging.LogRecord:
    logger = logging.getLogger("tasky.test")
    made = logger.makeRecord(
        logger.name, level, __file__, 7, message, (), None, "func", about(**fields)
    )
    made.exc_text = None
    gather(made)
    return made


def with_traceback(message: str, error: str) -> logging.LogRecord:
    made = record(message)
    try:
        raise RuntimeError(error)
    except RuntimeError:
        made.exc_text = logging.Formatter().formatException(sys.exc_info())  # type: ignore[arg-type]
    return made
