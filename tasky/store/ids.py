"""The ids of tasks: UUIDv7, so that they sort by creation."""

from __future__ import annotations

import os
import threading
import time
from typing import Final


class TaskIds:
    """Makes UUIDv7s (RFC 9562, section 5.7) that only ever grow within and across runs, whatever the clock does.

    The 48 bits of milliseconds are followed by 74 bits, of which the first 42 count up within a millisecond from a
    random start (section 6.2, method 2) and 32 are random. `seed` is the greatest id that the store has.
    """

    def __init__(self, seed: str | None = None) -> None:
        self._lock: Final = threading.Lock()
        self._last = 0 if seed is None else _ordinal(seed)

    def new(self) -> str:
        random = int.from_bytes(
            os.urandom(9), "big"
        )  # 40 bits start the counter, its top two bits are left to grow
        with self._lock:
            ordinal = (time.time_ns() // 1_000_000) << 42 | (random >> 32)
            if ordinal <= self._last:
                ordinal = self._last + 1
            self._last = ordinal
        millis, counter = ordinal >> 42, ordinal & ((1 << 42) - 1)
        tail = (counter & ((1 << 30) - 1)) << 32 | random & 0xFFFFFFFF
        return f"{millis << 16 | 0x7000 | counter >> 30:016x}{0b10 << 62 | tail:016x}"


def _ordinal(task_id: str) -> int:
    high, low = int(task_id[:16], 16), int(task_id[16:], 16)
    return (high >> 16) << 42 | (high & 0xFFF) << 30 | (low >> 32) & ((1 << 30) - 1)
