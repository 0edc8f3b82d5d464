"""What the proofs share: modes, servers, processes that are watched to their end, memory over time, the table."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import resource
import select
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from tasky.model.containment import Kind
from tasky.supervisor import probe
from tests.helpers import REPOSITORY, Server, serving
from tests.record import machine, record

T = TypeVar("T")
CHAOS: Final = [sys.executable, "-IS", str(REPOSITORY / "tests/workers/chaos.py")]
MIB: Final = 1 << 20
#: Requests at the same time; the server has 16 threads.
CLIENTS: Final = 16

#: What was found, by mode: a figure for each row of the table.
Figures = Mapping[str, str]


# ---------------------------------------------------------------------- the command line and the table


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mode", choices=["cgroup", "process-group", "both"], default="both")
    parser.add_argument("--record", action="store_true", help="write docs/reliability.md")


def modes(wanted: str) -> list[str]:
    """The kinds of containment to try; says which of them cannot be had here."""
    found = probe()
    listed = [Kind.CGROUP, Kind.PROCESS_GROUP] if wanted == "both" else [Kind(wanted)]
    if Kind.CGROUP in listed and found.kind is not Kind.CGROUP:
        say(f"CGROUPS CANNOT BE HAD HERE: {found.reason}")
        listed.remove(Kind.CGROUP)
    return [str(kind) for kind in listed]


def say(text: str) -> None:
    print(f"prove: {text}", file=sys.stderr, flush=True)


def report(
    name: str, about: str, found: Mapping[str, Figures], *, into_docs: bool, more: str = ""
) -> None:
    """Prints a table with a column for each mode, and `more` below it; `into_docs`: also to docs/reliability.md."""
    command = " ".join(["scripts/prove", name, *_shown_arguments()])
    text = f"{machine()}\n`{command}`: {about}\n\n{table('what', found)}\n\n{more}".strip()
    print(text)
    if into_docs:
        record(f"scripts/prove {name}", text)


def table(corner: str, found: Mapping[str, Figures], *, across: bool = False) -> str:
    """A column for each of `found`; `across`: a row for each."""
    rows = list(dict.fromkeys(row for figures in found.values() for row in figures))
    heads, names = (rows, list(found)) if across else (list(found), rows)
    lines = [f"| {corner} | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for name in names:
        cells = [
            (found[name] if across else found[head]).get(head if across else name, "")
            for head in heads
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _shown_arguments() -> list[str]:
    return [argument for argument in sys.argv[2:] if argument != "--record"]


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds * 1000:.0f} ms"


def spread(seconds: Sequence[float]) -> str:
    """p50 / p99 / max."""
    shown = (percentile(seconds, 50), percentile(seconds, 99), max(seconds))
    return " / ".join(map(ms, shown))


def percentile(values: Sequence[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


# ---------------------------------------------------------------------- servers


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tasky-prove-", dir="/var/tmp") as scratch:
        yield Path(scratch)


@contextlib.contextmanager
def served(workers: Path, state: Path, mode: str, **environ: str) -> Iterator[Server]:
    raise_open_files()
    with serving(workers, state, TASKY_CONTAINMENT=mode, **environ) as server:
        told = server.get("//readyz")["containment"]
        name = told["kind"] if isinstance(told, dict) else told
        assert name == mode, told
        yield server


def raise_open_files() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def each(act: Callable[[Any], T], items: Iterable[Any], clients: int = CLIENTS) -> list[T]:
    """Does it for all of them, `clients` at a time."""
    with ThreadPoolExecutor(clients) as threads:
        return list(threads.map(act, items))


class Client:
    """One connection that is kept."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection(*server.address, timeout=120)

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """The document of the answer, with its status as `status`."""
        data = None if body is None else json.dumps(body).encode()
        headers = {} if data is None else {"Content-Type": "application/json"}
        self._connection.request(method, f"/tasky/v1{path}", data, headers)
        response = self._connection.getresponse()
        document = json.loads(response.read())
        return {**document, "status": response.status}

    def close(self) -> None:
        self._connection.close()


# ---------------------------------------------------------------------- processes


class Deaths:
    """Watches processes; `times` says when each has ended (time.monotonic). A zombie has."""

    def __init__(self, pids: Iterable[int]) -> None:
        self.times: dict[int, float] = {}
        self._poll = select.epoll()
        self._pids: dict[int, int] = {}
        for pid in pids:
            fd = os.pidfd_open(pid)
            self._pids[fd] = pid
            self._poll.register(fd, select.EPOLLIN)
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        deadline = time.monotonic() + 120
        while self._pids and time.monotonic() < deadline:
            for fd, _ in self._poll.poll(1):
                self.times[self._pids.pop(fd)] = time.monotonic()
                os.close(fd)

    def join(self) -> list[int]:
        """Waits for all; gives those that did not end in two minutes."""
        self._thread.join()
        self._poll.close()
        for fd in self._pids:
            os.close(fd)
        return list(self._pids.values())


def field(pid: int, name: str) -> int:
    """Of /proc/PID/status; sizes in kB there."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0])
    raise LookupError(name)


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


class Memory:
    """The resident set of a process over time, in MiB."""

    def __init__(self, pid: int, interval: float = 0.1) -> None:
        self._pid = pid
        self._interval = interval
        self._over = threading.Event()
        self.samples = [self.now()]
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def now(self) -> float:
        return field(self._pid, "VmRSS") / 1024

    def _sample(self) -> None:
        while not self._over.wait(self._interval):
            self.samples.append(self.now())

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        self.samples.append(self.now())

    @property
    def growth(self) -> float:
        return max(self.samples) - self.samples[0]


def need(program: str) -> str:
    return shutil.which(program) or sys.exit(f"prove: needs {program}")
