"""Whether a process serves more than one task. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_SECOND = 1_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Reuse:
    """A process ends after so many `tasks`, or when it has waited for one for `idle` ns."""

    tasks: int = 1000
    idle: int = 60 * _SECOND
