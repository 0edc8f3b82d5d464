"""How often an address may fail. Bounded: what is not remembered any more may fail anew."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable
from time import monotonic
from typing import Final

MOST_FAILURES: Final = 10
WINDOW: Final = 60.0  # seconds
_MOST_ADDRESSES: Final = 10_000
_NETWORK: Final = 64  # bits of an IPv6 address that one host can choose within


class Limiter:
    """Counts failures by address, for a minute from the first. Any thread."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock: Final = clock
        self._lock: Final = threading.Lock()
        #: By address: when its minute began, and how often it has failed since. In the order of the beginnings.
        self._failures: Final[dict[str, tuple[float, int]]] = {}
        #: How many there were in all.
        self.total = 0

    def failed(self, address: str) -> tuple[int, int]:
        """One more: how many there are in this minute, and the seconds that are left of it."""
        key, now = _network(address), self._clock()
        with self._lock:
            self.total += 1
            self._forget(now)
            began, count = self._failures.get(key, (now, 0))
            self._failures[key] = (began, count + 1)
        return count + 1, max(1, round(began + WINDOW - now))

    def __len__(self) -> int:
        return len(self._failures)

    def _forget(self, now: float) -> None:
        """Whose minute is over, and the longest known where there are too many."""
        while self._failures:
            oldest = next(iter(self._failures))
            is_over = now - self._failures[oldest][0] >= WINDOW
            if not is_over and len(self._failures) < _MOST_ADDRESSES:
                return
            del self._failures[oldest]


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, _NETWORK), strict=False))
