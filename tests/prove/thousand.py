"""A thousand tasks alive at once: how long a cancel takes meanwhile, beside the same with one task alive."""

from __future__ import annotations

import argparse
import time
from typing import Final, NamedTuple

from tests.helpers import Server, wait_for, write_definition
from tests.prove._parts import (
    Client,
    add_common_arguments,
    descriptors,
    each,
    field,
    folder,
    modes,
    ms,
    percentile,
    report,
    say,
    served,
)

#: Seconds between two looks at whether a task is Canceled.
_LOOK: Final = 0.0005


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=1000, help="tasks alive (default: 1000)")
    parser.add_argument("--cancels", type=int, default=200, help="of each kind (default: 200)")
    add_common_arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    found, kept = {}, True
    for mode in modes(arguments.mode):
        with folder() as scratch:
            write_definition(
                scratch / "workers.d", "sleeper", command=["sleep", "3600"], protocol="text"
            )
            with served(
                scratch / "workers.d",
                scratch / "state",
                mode,
                TASKY_MAX_TASKS=str(arguments.count),
            ) as server:
                seen = measure(server, arguments.count, arguments.cancels)
        found[mode] = rows(seen)
        say(f"{mode}: {found[mode]}")
        kept = kept and not seen.left and seen.alive == arguments.count
    about = (
        f"{arguments.count} tasks (`sleep 3600`) alive, {arguments.cancels} of them canceled one after"
        " the other, each replaced by another. A delay is from the request sent to the API saying `Canceled`."
    )
    report("thousand", about, found, into_docs=arguments.record)
    return 0 if kept else 1


class Size(NamedTuple):
    """Of the server."""

    mib: float
    threads: int
    descriptors: int

    def __str__(self) -> str:
        return f"{self.mib:.0f} MiB, {self.threads} threads, {self.descriptors} descriptors"


class Seen(NamedTuple):
    """Times in seconds."""

    one: list[float]
    many: list[float]
    alive: int
    submitting: float
    ending: float
    left: int
    sizes: tuple[Size, Size, Size]


def rows(seen: Seen) -> dict[str, str]:
    def both(percent: float) -> str:
        alone, among = percentile(seen.one, percent), percentile(seen.many, percent)
        return f"{ms(alone)} → {ms(among)} ({among / alone:.2f} times)"

    before, during, after = map(str, seen.sizes)
    return {
        "tasks alive at once": str(seen.alive),
        "delay of a cancel with one alive → with all alive, p50": both(50),
        "... p99": both(99),
        "submitting all of them": ms(seen.submitting),
        "canceling all of them, to the last `Canceled`": ms(seen.ending),
        "processes left": f"**{seen.left}**",
        "the server before": before,
        "... with all alive": during,
        "... after": after,
    }


def measure(server: Server, many: int, cancels: int) -> Seen:
    client = Client(server)
    one = [canceled(client, submitted(client)) for _ in range(cancels)]
    before = size(server)
    began = time.monotonic()
    alive = each(lambda _: server.submit("sleeper"), range(many))
    submitting = time.monotonic() - began
    wait_for(lambda: len(server.task_processes()) == many, "all are alive", 120)
    during = size(server)
    delays = []
    for _ in range(cancels):
        delays.append(canceled(client, alive.pop(0)))
        alive.append(submitted(client))
    running = server.get("/tasks/?status=Running&limit=1000")["Tasks"]
    ending = cancel_all(server, alive)
    wait_for(lambda: size(server).descriptors <= before.descriptors + 16, "all are closed", 60)
    client.close()
    left = len(server.task_processes())
    return Seen(one, delays, len(running), submitting, ending, left, (before, during, size(server)))


def submitted(client: Client) -> str:
    """A task that runs."""
    task_id = str(client("POST", "/workers/sleeper", {})["TaskId"])
    while client("GET", f"/tasks/{task_id}/status")["Status"] != "Running":
        time.sleep(_LOOK)
    return task_id


def canceled(client: Client, task_id: str) -> float:
    began = time.monotonic()
    assert client("POST", f"/tasks/{task_id}/cancel")["status"] == 202
    while client("GET", f"/tasks/{task_id}/status")["Status"] != "Canceled":
        time.sleep(_LOOK)
    return time.monotonic() - began


def cancel_all(server: Server, task_ids: list[str]) -> float:
    began = time.monotonic()
    each(lambda task_id: server.request("POST", f"/tasks/{task_id}/cancel"), task_ids)
    wait_for(
        lambda: not server.get("/tasks/?limit=1&status=Running,Canceling")["Tasks"],
        "all ended",
        120,
    )
    return time.monotonic() - began


def size(server: Server) -> Size:
    pid = server.process.pid
    return Size(field(pid, "VmRSS") / 1024, field(pid, "Threads"), descriptors(pid))
