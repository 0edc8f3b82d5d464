"""Hostile workers side by side with ordinary ones: each ends with its own code, the others do not notice.

A fork bomb under `limits.processes`, 1 GiB on stdout, 1 GiB on stderr, a flood beyond `limits.output`, and an
allocation beyond `limits.memory`. All but the two floods of 1 GiB are run again and again until those have ended; so
are the ordinary tasks, 20 at a time.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.helpers import Server, write_definition
from tests.prove._parts import (
    CHAOS,
    MIB,
    Memory,
    add_common_arguments,
    each,
    folder,
    modes,
    ms,
    percentile,
    report,
    say,
    served,
)

ORDINARY: Final = 20
#: Rounds of ordinary tasks with nobody else there.
QUIET_ROUNDS: Final = 10
#: MiB by which the server may grow.
FLAT: Final = 64
#: Each forks as long as it is let, and ends when it is not.
BOMB: Final = "bomb() { while :; do bomb & done; }; bomb"
HOG: Final = f"taken = b'x' * {1024 * MIB}"
FLOODS: Final = ("flood of stdout", "flood of stderr")
AGAIN: Final = ("fork bomb", "limited flood", "allocation")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mib", type=int, default=1024, help="of each flood (default: 1024)")
    add_common_arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    found, kept = {}, True
    for mode in modes(arguments.mode):
        with folder() as scratch:
            scratch.chmod(0o755)  # for a worker that is nobody
            define(scratch / "workers.d", arguments.mib)
            with served(
                scratch / "workers.d", scratch / "state", mode, TASKY_HTTP_THREADS="40"
            ) as server:
                seen = side_by_side(server)
        found[mode] = rows(seen)
        say(f"{mode}: {found[mode]}")
        kept = kept and seen.is_good
    about = (
        f"a fork bomb, floods of {arguments.mib} MiB on stdout and on stderr, a flood beyond `limits.output`, an"
        f" allocation beyond `limits.memory`, and {ORDINARY} ordinary tasks at a time (Python programs). All share"
        " the processors, so an ordinary task takes longer than with nobody else there."
    )
    report("hostile", about, found, into_docs=arguments.record)
    return 0 if kept else 1


def define(workers: Path, mib: int) -> None:
    def chaos(name: str, mode: str, **keys: Any) -> None:
        command = [*CHAOS[:-1], CHAOS[-1], mode, f"mib={mib}"]
        write_definition(workers, name, command=command, **keys)

    chaos("flood-of-stdout", "stdout-flood")
    chaos("flood-of-stderr", "stderr-flood")
    chaos("limited-flood", "stdout-flood", limits={"output": "16MiB"})
    write_definition(
        workers, "fork-bomb", command=["/bin/sh", "-c", BOMB], protocol="text", user="nobody",
        limits={"processes": 64},
    )  # fmt: skip
    write_definition(
        workers, "allocation", command=[sys.executable, "-IS", "-c", HOG], protocol="text",
        limits={"memory": "256MiB"},
    )  # fmt: skip
    write_definition(
        workers, "ordinary", command=[*CHAOS], params={"mode": {"default": "good"}, "value": {}}
    )


class Seen(NamedTuple):
    """Times in seconds."""

    quiet: list[float]
    beside: list[float]
    wrong: int  #: ordinary tasks without their right result
    ends: Mapping[str, Counter[str]]
    memory: Memory
    left: int

    @property
    def is_good(self) -> bool:
        """Every hostile worker of a kind has ended in the one way that is its own."""
        hostile = {name: list(ends) for name, ends in self.ends.items()}
        alike = all(len(ends) == 1 for ends in hostile.values())
        floods = all(hostile[name] == ["`Completed`"] for name in FLOODS)
        failed = all("`Completed`" not in hostile[name] for name in AGAIN)
        flat = self.memory.growth < FLAT
        return not self.wrong and not self.left and alike and floods and failed and flat


def rows(seen: Seen) -> dict[str, str]:
    def both(percent: float) -> str:
        quiet, beside = percentile(seen.quiet, percent), percentile(seen.beside, percent)
        return f"{ms(quiet)} → {ms(beside)} ({beside / quiet:.1f} times)"

    ends = {name: "; ".join(map(ended, ends.items())) for name, ends in seen.ends.items()}
    samples = seen.memory.samples
    return {
        **ends,
        "ordinary tasks beside them": str(len(seen.beside)),
        "... without their right result": f"**{seen.wrong}**",
        "an ordinary task alone → beside them, p50": both(50),
        "... p99": both(99),
        "the server's memory: first, most, last": (
            f"{samples[0]:.0f}, {max(samples):.0f}, {samples[-1]:.0f} MiB"
        ),
        "processes left": f"**{seen.left}**",
    }


def side_by_side(server: Server) -> Seen:
    ordinary_round(server)  # warm
    quiet = [answer for _ in range(QUIET_ROUNDS) for answer in ordinary_round(server)]
    memory = Memory(server.process.pid)
    ends: dict[str, Counter[str]] = {name: Counter() for name in (*AGAIN, *FLOODS)}
    flooding = threading.Event()
    floods = [threading.Thread(target=run_once, args=(server, name, ends)) for name in FLOODS]
    others = [
        threading.Thread(target=run_again, args=(server, name, ends, flooding)) for name in AGAIN
    ]
    for thread in floods + others:
        thread.start()
    beside = []
    while any(thread.is_alive() for thread in floods):
        beside += ordinary_round(server)
    flooding.set()
    for thread in floods + others:
        thread.join()
    memory.stop()
    wrong = sum(answer is None for answer in quiet + beside)
    left = len(server.task_processes())
    return Seen(
        [answer for answer in quiet if answer is not None],
        [answer for answer in beside if answer is not None],
        wrong,
        ends,
        memory,
        left,
    )


def ordinary_round(server: Server) -> list[float | None]:
    """How long each took, to its result; None for one that has not the right one."""

    def one(value: int) -> float | None:
        began = time.monotonic()
        answer = server.request("POST", "/workers/ordinary?wait=120s", {"value": value})
        took = time.monotonic() - began
        return took if answer.status == 200 and answer.json.get("Output") == value else None

    return each(one, range(ORDINARY), ORDINARY)


def run_once(server: Server, name: str, ends: Mapping[str, Counter[str]]) -> None:
    worker = name.replace(" ", "-")
    answer = server.request("POST", f"/workers/{worker}?wait=1h", {}).json
    ends[name][how_it_ended(answer)] += 1


def run_again(
    server: Server, name: str, ends: Mapping[str, Counter[str]], over: threading.Event
) -> None:
    while not over.is_set():
        run_once(server, name, ends)


def how_it_ended(result: Any) -> str:
    """The task's end in a few words, the same for all that ended alike."""
    error = result.get("Error")
    if error is None:
        return f"`{result['Status']}`"
    return f"`{error['code']}` ({error['message'].replace('/bin/sh: 0: ', '')})"


def ended(pair: tuple[str, int]) -> str:
    how, count = pair
    return f"{how}, {count} times" if count > 1 else how
