"""How much is said, changed while the server runs."""

from __future__ import annotations

import logging
from typing import Final

log = logging.getLogger(__name__)

LEVELS: Final = ("debug", "info", "warning", "error")


class Levels:
    """Of `logger`, the root of all where it is not given. Any thread."""

    def __init__(self, configured: str = "info", logger: logging.Logger | None = None) -> None:
        self._configured: Final = configured
        self._logger: Final = logger or logging.getLogger()

    @property
    def level(self) -> str:
        return logging.getLevelName(self._logger.getEffectiveLevel()).lower()

    @property
    def changed(self) -> str | None:
        """The level, where it is not what is configured."""
        return None if self.level == self._configured else self.level

    def set(self, level: str) -> None:
        """`level` is one of LEVELS."""
        before = self.level
        self._logger.setLevel(level.upper())
        if level != before:
            # Whatever the level, whoever reads the log must know why there is more or less of it.
            seen = max(logging.INFO, self._logger.getEffectiveLevel())
            log.log(seen, "the level of the log is %s, and was %s", level, before)

    def toggle(self) -> None:
        """To debug, and back to what is configured."""
        usual = "info" if self._configured == "debug" else self._configured
        self.set(usual if self.level == "debug" else "debug")
