"""When a worker is run by itself. Pure: whoever asks says what time it is.

Times are nanoseconds since the epoch, durations nanoseconds.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from .fields import Section, duration, mapping, one_of, quoted, text, wrong

KEYS: Final = ("cron", "every", "time_zone", "params", "overlap", "catch_up")
_SECOND: Final = 1_000_000_000
_MICROSECOND: Final = 1000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Overlap(StrEnum):
    """What becomes of a run that is due while the one before has not ended."""

    SKIP = "skip"  #: it is left out
    QUEUE = "queue"  #: it begins when that has ended
    REPLACE = "replace"  #: that is canceled, and then it begins


class CatchUp(StrEnum):
    """What becomes of runs that were due while the server was down."""

    NONE = "none"
    ONE = "one"  #: the last of them is made up for
    ALL = "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """`cron` (crontab(5), five fields, or six where the first is of seconds) in the zone of that name, or `every`
    (counted from the epoch, so that a restart changes nothing). `params` are those of each run."""

    cron: str | None = None
    every: int | None = None
    time_zone: str = "UTC"
    params: Mapping[str, Any] = field(default_factory=dict)
    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.NONE

    @property
    def times(self) -> str:
        """What says when: with another one, it begins anew."""
        return f"every {self.every}" if self.cron is None else f"{self.cron} {self.time_zone}"

    def after(self, moment: int) -> Iterator[int]:
        """The times at which it is due after this one."""
        if self.every is not None:
            return itertools.count((moment // self.every + 1) * self.every, self.every)
        return self._of_cron(moment)

    def next_times(self, count: int, now: int) -> list[int]:
        """The next ones at which it is due."""
        return list(itertools.islice(self.after(now), count))

    def between(self, after: int, until: int, most: int) -> list[int]:
        """Those that are due after the one time, up to the other: the last ones, if there are more than so many. They
        are found from the end, so that a server that was down for years starts at once."""
        latest = (
            itertools.count(until // self.every * self.every, -self.every)
            if self.every is not None
            else self._of_cron(until + _MICROSECOND, backwards=True)
        )
        found = itertools.takewhile(lambda due: due > after, latest)
        return sorted({*itertools.islice(found, most)})

    def _of_cron(self, moment: int, *, backwards: bool = False) -> Iterator[int]:
        """The times after this one, or the other way the ones before it."""
        assert self.cron is not None
        start = _EPOCH + timedelta(microseconds=moment // _MICROSECOND)
        at = start.astimezone(_zone(self.time_zone))
        return map(_nanoseconds, CronSim(self.cron, at, reverse=backwards))


def _nanoseconds(moment: datetime) -> int:
    return int((moment - _EPOCH) / timedelta(microseconds=1)) * _MICROSECOND


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)


def parse_schedule(keys: Section) -> Schedule | None:
    """What a definition says under `schedule`; None where it says nothing, or something wrong."""
    if "schedule" not in keys or keys.get("schedule", mapping, None) is None:
        return None
    known = len(keys.mistakes)
    section = keys.section("schedule", KEYS)
    found = Schedule(
        cron=section.get("cron", _cron, None),
        every=section.get("every", duration(low=_SECOND), None),
        time_zone=section.get("time_zone", _time_zone, "UTC"),
        params=section.get("params", mapping, {}),
        overlap=section.get("overlap", one_of(Overlap), Overlap.SKIP),
        catch_up=section.get("catch_up", one_of(CatchUp), CatchUp.NONE),
    )
    if ("cron" in section) is ("every" in section):
        keys.reject("schedule", 'takes one of both: cron, such as "30 2 * * *", or every')
    elif "time_zone" in section and "every" in section:
        section.reject("time_zone", "is for cron: every is the same in all zones", at_key=True)
    if found.catch_up is CatchUp.ALL and found.overlap is not Overlap.QUEUE:
        section.reject("catch_up", "all come at once: it takes overlap: queue")
    return found if len(keys.mistakes) == known else None


def _cron(value: Any) -> str:
    expression = " ".join(text(value).split())
    try:
        next(CronSim(expression, datetime(2000, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise wrong(
            f'{quoted(expression)}: {str(error)[:1].lower()}{str(error)[1:]}; it takes "minute hour day month weekday"'
        ) from None
    except StopIteration:
        raise wrong(f"{quoted(expression)} is never due") from None
    return expression


def _time_zone(value: Any) -> str:
    name = text(value)
    try:
        _zone(name)
    except (LookupError, ValueError, OSError):
        near = difflib.get_close_matches(name, available_timezones(), n=1)
        hint = f": did you mean {near[0]}?" if near else ", such as Europe/Berlin"
        raise wrong(f"{quoted(name)} is no time zone of this machine{hint}") from None
    return name
