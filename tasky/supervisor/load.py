"""How much there is to do at one moment, for whoever looks now and then."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ..model.states import State
from ..tally import Reading
from .containment import proc
from .loop import Loop
from .register import Register


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """`queued` and `taken` (slots) are by worker, `live` (tasks under way) by worker and state. `trees`: how many
    attempts have processes; `unkillable`: how many of them should not, being killed. `starved`: how many tasks have a
    slot and wait for what the system is short of. `waiting`: processes that wait for a task, by worker. `processes` are
    all that descend from the server; None where they cannot be counted, being out of descriptors. `lag`: see Loop."""

    queued: Mapping[str, int]
    taken: Mapping[str, int]
    live: Mapping[tuple[str, State], int]
    trees: int
    unkillable: int
    starved: int
    waiting: Mapping[str, int]
    processes: int | None
    lag: Reading


def load(register: Register, loop: Loop, waiting: Mapping[str, int], unkillable: int) -> Load:
    """Any thread. It takes some 25 microseconds a process, with nothing locked but for a moment."""
    counts, lives = register.counts(), register.lives()
    under_way = [live for live in lives if live.state is not State.QUEUED]
    started = sum(live.process is not None and not live.is_chain for live in lives)
    return Load(
        queued={worker: each.queued for worker, each in counts.items()},
        taken={worker: each.running for worker, each in counts.items()},
        live=Counter((live.worker, live.state) for live in under_way),
        trees=started + unkillable,
        unkillable=unkillable,
        starved=sum(live.tries > 0 and live.process is None for live in lives),
        waiting=waiting,
        processes=_processes(),
        lag=loop.lag.read(),
    )


def _processes() -> int | None:
    try:
        return len(proc.descendants(os.getpid()))
    except OSError:
        return None
