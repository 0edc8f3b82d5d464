"""Workers that leave two daemons each (fork, setsid, fork), all ignoring SIGTERM, canceled together: none is left.

Three rounds: with `grace=0s`, with `grace=1s`, and with daemons that have wiped their environment.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Final, NamedTuple

from tests.helpers import Server, wait_for, write_definition
from tests.prove._parts import (
    CHAOS,
    Deaths,
    add_common_arguments,
    each,
    folder,
    modes,
    ms,
    report,
    say,
    served,
    spread,
)

#: Name, grace in seconds, whether the daemons wipe their environment.
ROUNDS: Final = (
    ("grace=0s", 0.0, False),
    ("grace=1s", 1.0, False),
    ("grace=0s, environment wiped", 0.0, True),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=200, help="workers (default: 200)")
    add_common_arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    found, kept = {}, True
    for mode in modes(arguments.mode):
        figures: dict[str, str] = {}
        with folder() as scratch:
            write_definition(
                scratch / "workers.d",
                "escape",
                command=[*CHAOS],
                params={"mode": {"default": "escapes"}, "scrub": {"default": False}},
                kill_grace="60s",
            )
            for name, grace, scrub in ROUNDS:
                with served(
                    scratch / "workers.d",
                    scratch / "state",
                    mode,
                    TASKY_MAX_TASKS=str(arguments.count),
                ) as server:
                    seen = cancel_together(server, arguments.count, grace, scrub)
                say(f"{mode}, {name}: {seen}")
                kept = kept and not seen.left and seen.canceled == arguments.count
                figures |= rows(name, seen)
        found[mode] = figures
    about = (
        f"{arguments.count} workers at once, each with two daemons in sessions of their own, all"
        " of them deaf to SIGTERM; canceled together. Times from a task's SIGKILL: its cancel request, or the end of"
        " its grace."
    )
    report("escape", about, found, into_docs=arguments.record)
    return 0 if kept else 1


class Seen(NamedTuple):
    """Times in seconds."""

    processes: int
    left: int
    canceled: int
    each: list[float]  #: by task, from its SIGKILL to the end of its last process
    none_left: float  #: from the first SIGKILL
    all_canceled: float

    def __repr__(self) -> str:
        return (
            f"{self.processes} processes, {self.left} left, {self.canceled} canceled;"
            f" each {spread(self.each)}; none left {ms(self.none_left)}"
        )


def rows(name: str, seen: Seen) -> dict[str, str]:
    return {
        f"{name}: processes": str(seen.processes),
        f"{name}: processes left": f"**{seen.left}**",
        f"{name}: a task's SIGKILL to its last process (p50 / p99 / max)": spread(seen.each),
        f"{name}: first SIGKILL to no process of any": ms(seen.none_left),
        f"{name}: first SIGKILL to all `Canceled`": ms(seen.all_canceled),
    }


def cancel_together(server: Server, count: int, grace: float, scrub: bool) -> Seen:
    task_ids = each(lambda _: server.submit("escape", {"scrub": scrub}), range(count))
    trees = wait_for(lambda: all_trees(server, count), "all have their daemons", 120)
    pids = [pid for tree in trees.values() for pid in tree]
    assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    deaths = Deaths(pids)
    sent: dict[str, float] = {}

    def cancel(task_id: str) -> None:
        sent[task_id] = time.monotonic() + grace
        answer = server.request("POST", f"/tasks/{task_id}/cancel?grace={grace:.0f}s")
        assert answer.status == 202, answer

    each(cancel, task_ids)
    wait_for(lambda: not live(server), "all have ended", 120)
    over = time.monotonic()
    left = set(deaths.join()) | set(server.task_processes())
    first = min(sent.values())
    last = [max(deaths.times.get(pid, over) for pid in trees[task]) for task in task_ids]
    return Seen(
        processes=len(pids),
        left=len(left),
        canceled=sum(server.status(task_id) == "Canceled" for task_id in task_ids),
        each=[end - sent[task] for task, end in zip(task_ids, last, strict=True)],
        none_left=max(last) - first,
        all_canceled=over - first,
    )


def all_trees(server: Server, count: int) -> dict[str, list[int]]:
    """The processes of each task, when all have said theirs; else nothing."""
    tasks = server.get("/tasks/?limit=1000&status=Running")["Tasks"]
    said = {task["TaskId"]: task["Progress"]["Message"] for task in tasks if "Progress" in task}
    if len(said) < count:
        return {}
    return {task_id: [int(pid) for pid in text.split()] for task_id, text in said.items()}


def live(server: Server) -> bool:
    return bool(server.get("/tasks/?limit=1&status=Running,Canceling")["Tasks"])
