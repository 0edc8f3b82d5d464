"""P: fifty hostile workers at once, and well-behaved ones beside them: each ends as it would alone."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from tasky.model.containment import Kind
from tests.helpers import PATIENCE, Server, serving
from tests.hostile.arena import Arena, Hostile, define, workers
from tests.hostile.conftest import usable

WELL_BEHAVED: Final = 20
#: What may be seen at an end: status, code and output.
End: TypeAlias = tuple[tuple[str, str | None, Any], ...]


@dataclass(frozen=True)
class Guest:
    """One hostile worker, and how it may end."""

    mode: str
    end: End
    options: dict[str, Any] = field(default_factory=dict)
    worker: str = "chaos"

    @property
    def stays(self) -> bool:
        """Until it is canceled."""
        return self.end[0][0] == "Canceled"


def completed(output: Any) -> End:
    return (("Completed", None, output),)


def failed(code: str, output: Any = None) -> End:
    return (("Failed", code, output),)


CANCELED: Final[End] = (("Canceled", None, None),)
BOMB: Final[End] = (("Canceled", None, {"refused": None}),)
#: The kernel kills it where a cgroup counts, and refuses it more where an rlimit does.
OUT_OF_MEMORY: Final[End] = failed("memory") + completed({"refused": "MemoryError"})

#: Without cgroups it cannot be told whose daemon this is, so it ends with the last of the tasks that it may be of.
UNTRACEABLE: Final = "scrubbed-daemon"

GUESTS: Final = [
    Guest("stubborn-daemon", CANCELED),
    Guest("daemons", CANCELED, {"count": 3, "depth": 2}),
    Guest("hopping-daemon", CANCELED, {"rest": 0.02}),
    Guest("ignores-term", CANCELED, {"everything": True}),
    Guest("stops-itself", CANCELED, {"group": True}),
    Guest("setsid-bomb", BOMB, {"count": 30}),
    Guest("fork-bomb", BOMB, {"count": 30}),
    Guest("flooding-daemon", completed("done")),
    Guest(UNTRACEABLE, completed("done"), {"leader": "exits"}),
    Guest("daemon-on-stdout", completed("done")),
    Guest("background-child", completed("done"), {"count": 3}),
    Guest("grandchild-on-stdout", completed("done")),
    Guest("result-then-hangs", failed("timeout", "kept"), {"ignores_term": True}, "timed"),
    Guest("kills-itself", failed("signal")),
    Guest("kills-its-group", failed("signal")),
    Guest("dumps-core", failed("signal")),
    Guest("exits", failed("exit"), {"status": 7}),
    Guest("error-and-exit", failed("worker", "kept")),
    Guest("stdout-flood", completed("flooded"), {"mib": 8}),
    Guest("stderr-flood", completed("flooded"), {"mib": 8}),
    Guest("progress-flood", completed("flooded"), {"mib": 2}),
    Guest("stdout-flood", failed("output"), {"mib": 8}, "limited"),
    Guest("long-line", completed("short"), {"mib": 8}),
    Guest("memory-hog", OUT_OF_MEMORY, {"mib": 200}, "limited"),
    Guest("huge-file", failed("signal"), {"mib": 16}, "limited"),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """With --all in both kinds of containment, else in the strongest that there is."""
    kinds = [Kind.CGROUP, Kind.PROCESS_GROUP] if metafunc.config.getoption("--all") else [Kind.AUTO]
    metafunc.parametrize("kind", kinds, indirect=True, scope="module")


@pytest.fixture(scope="module")
def kind(request: pytest.FixtureRequest) -> Kind:
    return usable(Kind(request.param))


@pytest.fixture(scope="module")
def server(kind: Kind, folder: Path) -> Iterator[Server]:
    definitions = workers(folder / "workers.d")
    limits = {"memory": "64MiB", "file_size": "4MiB", "output": "2MiB"}
    define(definitions, "limited", limits=limits)
    define(definitions, "timed", timeout="5s")
    with serving(
        definitions, folder / kind, TASKY_CONTAINMENT=kind, TASKY_MAX_TASKS="100"
    ) as server:
        yield server


def one_after_the_other(arena: Arena) -> list[float]:
    """The well-behaved: how long each took, in seconds, as its client sees it."""
    found = []
    for number in range(WELL_BEHAVED):
        started = time.perf_counter()
        good = arena.unleash("good", query=f"?wait={PATIENCE:.0f}s", value=number)
        found.append(time.perf_counter() - started)
        ended = good.ended()
        assert (ended.status, ended.output) == ("Completed", number)
    return found


def seen_out(guest: Guest, hostile: Hostile, traced: bool) -> tuple[str, str | None, Any]:
    if guest.stays:
        hostile.pids()
        ended = hostile.cancel("50ms")
    elif guest.mode == UNTRACEABLE and not traced:
        ended = hostile.over()
    else:
        ended = hostile.ended()
    return ended.status, ended.code, ended.output


@pytest.mark.case("P3", "P4", "P6", "P7", "P12", "P13", "P14", "P31", "P35", "L3", "L14", "L15")
@pytest.mark.long
def test_fifty_at_once(arena: Arena, record_property: Callable[[str, object], None]) -> None:
    alone = one_after_the_other(arena)
    crowd = [
        (guest, arena.unleash(guest.mode, worker=guest.worker, **guest.options))
        for guest in GUESTS * 2
    ]
    assert len(crowd) == 50
    beside = one_after_the_other(arena)
    traced = arena.server.request("GET", "//readyz").json["containment"] == "cgroup"
    for guest, hostile in crowd:
        assert seen_out(guest, hostile, traced) in guest.end, guest
    assert not [guest for guest, hostile in crowd if hostile.witness.something_is_left()]
    tell(alone, beside, record_property)


def tell(
    alone: list[float], beside: list[float], record_property: Callable[[str, object], None]
) -> None:
    """The delay is recorded, not judged: a machine may be busy with other things."""
    figures = {
        "alone_ms": round(1000 * statistics.median(alone), 1),
        "beside_ms": round(1000 * statistics.median(beside), 1),
        "beside_worst_ms": round(1000 * max(beside), 1),
        "ratio": round(statistics.median(beside) / statistics.median(alone), 2),
    }
    print("well-behaved tasks, alone and beside fifty hostile ones:", figures)
    for name, figure in figures.items():
        record_property(name, figure)
