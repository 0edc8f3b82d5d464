"""The server's own log: one line an event, on stderr."""

from __future__ import annotations

import logging
import sys
import time
from typing import Final

#: What a name or a message from outside must not do to a terminal or a line-based log: C0, DEL and C1 controls.
_CONTROLS: Final = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}


class _Formatter(logging.Formatter):
    converter = time.gmtime  # type: ignore[assignment]  # typeshed forgets that its argument may be left out
    default_msec_format = "%s.%03dZ"
    default_time_format = "%Y-%m-%dT%H:%M:%S"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = record.message.translate(_CONTROLS)
        return super().formatMessage(record)


def log_to_stderr(level: str) -> None:
    """`level` is one of debug, info, warning, error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Its remarks on its own queue come once a request under load.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
