"""When a failed task is tried again. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .task import FailureCode

_SECOND: Final = 1_000_000_000
#: No pause between two attempts grows beyond this, in ns (a longer `delay` stays what it is).
LONGEST_DELAY: Final = 3600 * _SECOND

#: The failures that are tried again where `on` does not say. A worker that says what is wrong is believed.
RETRIED: Final = frozenset(
    {FailureCode.EXIT, FailureCode.SIGNAL, FailureCode.TIMEOUT, FailureCode.LOST}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """`attempts` counts the first one. `delay` (ns) is the pause before the second, each further one is `backoff`
    times as long, and each is made up to `jitter` (a fraction) longer or shorter by chance."""

    attempts: int = 1
    delay: int = 0
    backoff: float = 1.0
    jitter: float = 0.1
    on: frozenset[FailureCode] = RETRIED

    def applies(self, code: FailureCode, attempt: int) -> bool:
        """Whether another attempt follows the one of this number, which ended so. A stop of the server counts as its
        loss (contract section 2)."""
        cause = FailureCode.LOST if code is FailureCode.SHUTDOWN else code
        return attempt < self.attempts and cause in self.on

    def pause(self, attempt: int, chance: float) -> int:
        """How long after the end of this attempt the next one may begin, in ns. `chance` is a random number from 0 to
        1."""
        if not self.delay:
            return 0
        longest = max(self.delay, LONGEST_DELAY)
        factor = min(self.backoff ** (attempt - 1), longest / self.delay)
        return int(self.delay * factor * (1 + self.jitter * (2 * chance - 1)))
