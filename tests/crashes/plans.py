"""How a server is brought to each point."""

from __future__ import annotations

import random
from enum import Enum, auto
from typing import Final

from tasky.crash import Point


class Plan(Enum):
    FIRST = auto()  #: at its first start
    LOAD = auto()  #: under load
    AGAIN = auto()  #: at the start after it was killed under load
    PRUNE = auto()  #: ... and has more ended tasks than it is to keep
    RELOAD = auto()  #: told to load its workers again, under load
    UPGRADE = auto()  #: told to hand over to the installed code, under load
    STOP = auto()  #: told to stop, under load


#: The start of a server that was killed, in the order of its points.
RECOVERY: Final = (
    Point.OPENED,
    Point.RECOVERY_STARTED,
    Point.SURVIVOR_ENDED,
    Point.RECOVERY_ENDED,
    Point.RECOVERY_FILED,
    Point.RECOVERY_SETTLED,
    Point.RESTORED,
)

#: An upgrade in place.
UPGRADE: Final = (Point.RESTING, Point.HANDED_OVER, Point.TAKEN_OVER, Point.ADOPTED)

PLANS: Final = (
    dict.fromkeys(Point, Plan.LOAD)
    | {Point.MIGRATING: Plan.FIRST}
    | dict.fromkeys(RECOVERY, Plan.AGAIN)
    | {Point.PRUNED: Plan.PRUNE, Point.RELOADED: Plan.RELOAD}
    | dict.fromkeys(UPGRADE, Plan.UPGRADE)
    | dict.fromkeys((Point.PUT_BACK, Point.DRAINING, Point.DRAINED, Point.FLUSHED), Plan.STOP)
)

#: How often a point may be passed before: those not named are passed a few times a second, or once.
_OFTEN: Final = {
    **dict.fromkeys((Point.WRITTEN, Point.COMMITTED), 60),
    **dict.fromkeys((Point.SUBMITTED, Point.INSERTED, Point.START_STORED, Point.END_STORED), 30),
    **dict.fromkeys((Point.FOLDER_MADE, Point.CONTAINED, Point.SPAWNED, Point.WATCHED), 20),
    **dict.fromkeys((Point.EXITED, Point.REAPED, Point.EMPTIED, Point.FILES_SETTLED), 15),
}
_SELDOM: Final = 2


def setting(point: Point, chance: random.Random) -> str:
    """For TASKY_CRASH_AT: the point, and which of its passes."""
    if PLANS[point] is not Plan.LOAD:
        return point
    return f"{point}:{chance.randint(1, _OFTEN.get(point, _SELDOM))}"
