"""Event streams: the API beside 200 of them, how fast an event comes, and a reader that stops for a minute."""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from tests.helpers import Server, write_definition
from tests.prove._parts import Client, Memory, folder, modes, ms, percentile, report, say, served
from tests.streaming import Reading

_LINES: Final = 200_000
_SAID: Final = """echo '{"type":"progress","percent":1,"message":"begun"}'"""
#: Seconds between two requests.
_PAUSE: Final = 0.01


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--streams", type=int, default=200, help="open ones (default: 200)")
    parser.add_argument("--requests", type=int, default=400, help="of each kind (default: 400)")
    parser.add_argument("--seconds", type=int, default=60, help="that a reader stops (default: 60)")
    parser.add_argument("--record", action="store_true", help="write docs/reliability.md")


def main(arguments: argparse.Namespace) -> int:
    with folder() as scratch:
        workers = scratch / "workers.d"
        write_workers(workers)
        with served(workers, scratch / "state", modes("both")[0]) as server:
            found = beside(server, arguments.streams, arguments.requests)
            say(str(found))
            stopped = stops(server, arguments.seconds)
            say(str(stopped.figures))
    found[next(iter(found))] |= stopped.figures
    about = (
        f"requests one after the other, {arguments.requests} of each kind: p50 / p99 / max. Half of them are sent while"
        f" nobody else reads, half while {arguments.streams} readers of `/events` get every event of what is submitted,"
        f" in turns. The readers that stop have a log of {_LINES} lines before them."
    )
    report("streams", about, found, into_docs=arguments.record)
    return 0 if stopped.kept else 1


def write_workers(workers: Path) -> None:
    write_definition(workers, "say", command=["sh", "-c", _SAID])
    write_definition(workers, "count", command=["seq", str(_LINES)], protocol="text")


# ---------------------------------------------------------------------- beside many streams


def beside(server: Server, streams: int, requests: int) -> dict[str, dict[str, str]]:
    """Without and with, in turns, so that both meet the same machine."""
    alone, among = "no other stream", f"beside {streams} streams"
    times: dict[str, dict[str, list[float]]] = {alone: {}, among: {}}
    for _ in range(4):
        measure(server, requests // 8, times[alone])
        with readers(server, streams):
            measure(server, requests // 8, times[among])
    return {
        where: {what: spread(seconds) for what, seconds in by_kind.items()}
        for where, by_kind in times.items()
    }


def measure(server: Server, count: int, times: dict[str, list[float]]) -> None:
    client = Client(server)
    with Reading(server, "/events") as stream:
        for _ in range(count):
            timed(times, "`GET /tasks/`", lambda: client("GET", "/tasks/"))
            timed(times, "a submission", lambda: client("POST", "/workers/say", {}))
            stream.until("result")
            timed(times, "from a submission to the event of its first progress",
                  lambda: said(client, stream))  # fmt: skip
            stream.until("result")
    client.close()


def said(client: Client, stream: Reading) -> None:
    task_id = client("POST", "/workers/say", {})["TaskId"]
    stream.until("progress", TaskId=task_id)


def timed(times: dict[str, list[float]], what: str, act: Callable[[], object]) -> None:
    time.sleep(_PAUSE)
    began = time.monotonic()
    act()
    times.setdefault(what, []).append(time.monotonic() - began)


def spread(seconds: list[float]) -> str:
    return " / ".join(
        ms(s) for s in (percentile(seconds, 50), percentile(seconds, 99), max(seconds))
    )


@contextlib.contextmanager
def readers(server: Server, count: int) -> Iterator[None]:
    host, port = server.address
    command = [sys.executable, "-m", "tests.prove._readers", host, str(port), "/tasky/v1/events"]
    process = subprocess.Popen(
        [*command, str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "open\n"
        yield
        process.stdin.close()
        assert int(process.stdout.readline()) > 0


# ---------------------------------------------------------------------- one that stops


class Stopped:
    def __init__(self, figures: dict[str, str], *, kept: bool) -> None:
        self.figures: Final = figures
        self.kept: Final = kept


def stops(server: Server, seconds: int) -> Stopped:
    task_id = server.run("count")["TaskId"]
    log, events = f"/tasks/{task_id}/log?follow=1", f"/tasks/{task_id}/events"
    for path in (log, events) * 2:
        lines(server, path)  # what reading it takes is taken by now
    client = Client(server)
    noise = Memory(server.process.pid)
    before = requested(client, max(5, seconds // 4))
    noise.stop()
    with Reading(server, log) as first, Reading(server, events) as second:
        memory = Memory(server.process.pid)
        during = requested(client, seconds)
        memory.stop()
        others = lines(server, log)
        first_lines = first.response.read().count(b"\n")
        second_lines = sum(event.name == "log" for event in second)
    client.close()
    figures = {
        f"two readers (a log, events) stop for {seconds} s: the server's memory grows by": (
            f"{memory.growth * 1024:.0f} KiB (without them, before: {noise.growth * 1024:.0f} KiB)"
        ),
        "... `GET /tasks/` before → meanwhile, p50 / p99 / max": f"{spread(before)} → {spread(during)}",
        "... lines that they get when they go on": f"**{first_lines} and {second_lines} of {_LINES}**",
    }
    whole = first_lines == second_lines == others == _LINES
    return Stopped(figures, kept=whole and memory.growth < 1)


def lines(server: Server, path: str) -> int:
    with Reading(server, path) as reading:
        return reading.response.read().count(b"\n")


def requested(client: Client, seconds: int) -> list[float]:
    times: dict[str, list[float]] = {}
    over = threading.Event()
    timer = threading.Timer(seconds, over.set)
    timer.start()
    while not over.wait(0.04):
        timed(times, "it", lambda: client("GET", "/tasks/"))
    timer.join()
    return times["it"]
