"""Slow clients (slow loris) on a server, and what ordinary requests take beside them.

Each slow client sends a byte every half a second and never ends its request; closed ones come again at once. 900 are
fewer connections than the server has at a time, 3000 are more. The ordinary ones make a connection for each request.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.helpers import REPOSITORY, Server, write_definition
from tests.prove import _parts as parts

_NUMBERS: Final = (0, 900, 3000)
_CLIENTS: Final = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=25, help="for each number of slow clients")
    parser.add_argument("--record", action="store_true", help="write docs/reliability.md")


def main(arguments: argparse.Namespace) -> int:
    found: dict[str, parts.Figures] = {}
    failures = 0
    with parts.folder() as folder:
        write_definition(folder / "workers.d", "true", command=["/bin/true"], protocol="text")
        for number in _NUMBERS:
            parts.say(f"{number} slow clients")
            with parts.served(
                folder / "workers.d", folder / str(number), "process-group"
            ) as server:
                found[f"{number} slow clients"], failed = _measure(
                    server, number, arguments.seconds
                )
            failures += failed
    about = (
        "slow clients send a byte every half a second, half of them of a header, half of a body, and come again when"
        f" they are closed; {_CLIENTS} ordinary clients at a time, each request on a new connection."
    )
    parts.report("slow", about, found, into_docs=arguments.record)
    return int(bool(failures))


def _measure(server: Server, number: int, seconds: float) -> tuple[dict[str, str], int]:
    task_id = server.run("true")["TaskId"]
    with _slow_clients(server, number) as said:
        until = time.monotonic() + seconds
        reads = parts.each(
            lambda _: _ask(server, "GET", f"/tasks/{task_id}/status", until), range(_CLIENTS), 4
        )
        held = parts.descriptors(server.process.pid)
        memory = parts.field(server.process.pid, "VmRSS") // 1024
        runs = parts.each(
            lambda _: _ask(server, "POST", "/workers/true?wait=30s", until + 5), range(_CLIENTS), 4
        )
    times = [one for found, _ in reads for one in found]
    tasks = [one for found, _ in runs for one in found]
    failed = sum(count for _, count in (*reads, *runs))
    closed, refused = said or [0, 0]
    return {
        "ordinary requests answered": str(len(times)),
        "... not answered, or not with 200": f"**{failed}**",
        "a request's time (p50 / p99 / max)": parts.spread(times),
        "a task with `wait` (p50 / p99 / max)": parts.spread(tasks),
        "slow connections that were closed": str(closed),
        "... refused with 503": str(refused),
        "the server's descriptors and memory": f"{held}, {memory} MiB",
    }, failed


def _ask(server: Server, method: str, path: str, until: float) -> tuple[list[float], int]:
    times, failed = [], 0
    while (begun := time.monotonic()) < until:
        try:
            failed += server.request(method, path).status != 200
        except OSError:
            failed += 1
        times.append(time.monotonic() - begun)
    return times, failed


@contextlib.contextmanager
def _slow_clients(server: Server, number: int) -> Iterator[list[int]]:
    """The list has, at the end, how many were closed and how many refused."""
    said: list[int] = []
    if not number:
        yield said
        said += [0, 0]
        return
    host, port = server.address
    with subprocess.Popen(
        [sys.executable, "-m", "tests.prove._slow_clients", host, str(port), str(number)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(REPOSITORY),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        yield said
        out, _ = process.communicate()
        said += map(int, out.split())
