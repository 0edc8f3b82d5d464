"""100 upgrades in a row under load: no task fails, no line is lost, no request is refused.

Long workers write numbered lines, half of them in two pieces, during all upgrades. Meanwhile clients submit short tasks
and wait for them, over connections that stay open and over new ones, and readers follow events, asking again by
Last-Event-ID.
"""

from __future__ import annotations

import argparse
import http.client
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from tasky.daemon import Outcome
from tests.helpers import PATIENCE, Server, wait_for, write_worker
from tests.prove._parts import Figures, add_common_arguments, folder, modes, report, say, served

_ABOUT: Final = (
    "SIGUSR2 again and again, while long workers write numbered lines, clients submit tasks and wait for them, over old"
    " connections and new ones, and readers follow `/events` and ask again by Last-Event-ID. A wait that is cut short"
    " by an upgrade (202) is no refusal: the end is asked for again."
)
_MISTAKES: Final = "mistakes of any kind"
_REFUSED: Final = "refused or broken requests"
#: Every second line in two pieces, so that an upgrade cuts some; until there is the file `over`.
_COUNTS: Final = """
import os, sys, time
number = 0
while not os.path.exists({over!r}):
    sys.stdout.write(f"line {{number}}")
    if number % 2:
        sys.stdout.flush()
        time.sleep(0.005)
    sys.stdout.write(" ends\\n")
    sys.stdout.flush()
    number += 1
    time.sleep(0.02)
print("lines", number)
"""
_SHORT: Final = 'print(\'{"type":"result","output":"done"}\')'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=100, help="upgrades (default: 100)")
    parser.add_argument("--workers", type=int, default=20, help="long ones (default: 20)")
    add_common_arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    found: dict[str, Figures] = {}
    for mode in modes(arguments.mode):
        with folder() as scratch:
            found[mode] = _Proof(scratch, mode, arguments.count, arguments.workers).figures()
            say(f"{mode}: {found[mode]}")
    report("upgrades", _ABOUT, found, into_docs=arguments.record)
    return 0 if all(figures[_MISTAKES] == "0" for figures in found.values()) else 1


class _Proof:
    def __init__(self, scratch: Path, mode: str, count: int, long_ones: int) -> None:
        self._scratch = scratch
        self._mode = mode
        self._count = count
        self._long_ones = long_ones
        self._over = threading.Event()
        self._mistakes: list[str] = []
        self._refused: list[str] = []
        self._ended: list[str] = []
        self._reconnects = 0
        self._paused: list[int] = []

    def figures(self) -> Figures:
        workers, over = self._scratch / "workers.d", self._scratch / "over"
        write_worker(workers, "count", _COUNTS.format(over=str(over)), protocol="text")
        write_worker(workers, "short", _SHORT)
        with served(workers, self._scratch / "state", self._mode) as server:
            began = time.monotonic()
            long_ones = [server.submit("count") for _ in range(self._long_ones)]
            for task in long_ones:
                server.await_status(task, "Running")
            with self._load(server):
                self._upgrade(server)
            over.touch()
            lines = sum(self._lines(server, task) for task in long_ones)
            failed = self._failed(server)
            seconds = time.monotonic() - began
        for what in (*self._mistakes, *self._refused)[:20]:
            say(what)
        pauses = sorted(self._paused) or [0]
        return {
            "upgrades": f"{len(self._paused)}",
            "tasks that ran through all of them": f"{len(long_ones)}",
            "their lines": f"{lines}",
            "short tasks meanwhile": f"{len(self._ended)}",
            "streams that were opened again": f"{self._reconnects}",
            "tasks that failed": f"{failed}",
            _REFUSED: f"{len(self._refused)}",
            _MISTAKES: f"{len(self._mistakes) + len(self._refused) + failed}",
            "no request was answered, p50 / max": f"{pauses[len(pauses) // 2]} / {pauses[-1]} ms",
            "wall time": f"{seconds:.0f} s",
        }

    # ------------------------------------------------------------------ the server's side

    def _upgrade(self, server: Server) -> None:
        for number in range(1, self._count + 1):
            server.process.send_signal(signal.SIGUSR2)

            def there(number: int = number) -> Outcome | None:
                outcome = Outcome.read(server.state)
                return outcome if outcome is not None and outcome.number == number else None

            outcome = wait_for(there, f"upgrade {number}", PATIENCE * 4)
            assert outcome is not None
            if outcome.reason is not None or outcome.tasks < self._long_ones:
                self._mistakes.append(f"upgrade {number}: {outcome}")
                return
            self._paused.append(outcome.paused_ms)
            if number % 10 == 0:
                say(f"{number} upgrades, {len(self._ended)} short tasks")

    def _lines(self, server: Server, task: str) -> int:
        """How many there are; each must be there once, in order."""
        server.await_status(task, "Completed", "Failed")
        text = server.request("GET", f"/tasks/{task}/log", Accept="text/plain").body.decode()
        seen = text.splitlines()
        last = seen.pop() if seen else ""
        expected = [f"line {number} ends" for number in range(len(seen))]
        if seen != expected or last != f"lines {len(seen)}":
            wrong = next(
                (pair for pair in zip(seen, expected, strict=False) if pair[0] != pair[1]), last
            )
            self._mistakes.append(f"{task}: {len(seen)} lines, and {wrong}")
        return len(seen)

    def _failed(self, server: Server) -> int:
        for task in self._ended:
            server.await_status(task, "Completed", "Failed")
        return len(server.get("/tasks?status=Failed")["Tasks"])

    # ------------------------------------------------------------------ the clients' side

    @contextmanager
    def _load(self, server: Server) -> Iterator[None]:
        kinds: list[Callable[[Server], None]] = [
            *(self._keep_asking for _ in range(2)),
            *(self._ask_anew for _ in range(2)),
            *(self._read for _ in range(2)),
        ]
        threads = [threading.Thread(target=kind, args=(server,)) for kind in kinds]
        with ExitStack() as undo:
            for thread in threads:
                thread.start()
                undo.callback(thread.join)
            undo.callback(self._over.set)
            yield

    def _keep_asking(self, server: Server) -> None:
        connection = http.client.HTTPConnection(*server.address, timeout=PATIENCE * 2)
        while not self._over.is_set():
            self._submit(connection)
        connection.close()

    def _ask_anew(self, server: Server) -> None:
        while not self._over.is_set():
            connection = http.client.HTTPConnection(*server.address, timeout=PATIENCE * 2)
            self._submit(connection)
            connection.close()

    def _submit(self, connection: http.client.HTTPConnection) -> None:
        head = {"Content-Type": "application/json"}
        try:
            connection.request("POST", "/tasky/v1/workers/short?wait=30s", b"{}", head)
            response = connection.getresponse()
            document: dict[str, Any] = json.loads(response.read())
        except (OSError, http.client.HTTPException) as error:
            self._refused.append(f"a submission: {error!r}")
            connection.close()
            return
        if response.status not in (200, 202):
            self._refused.append(f"a submission: {response.status} {document}")
        else:
            self._ended.append(document["TaskId"])
        self._over.wait(0.02)

    def _read(self, server: Server) -> None:
        """As a client does: it asks again behind the last event that it has seen."""
        last = ""
        while not self._over.is_set():
            connection = http.client.HTTPConnection(*server.address, timeout=5)
            try:
                head = {"Last-Event-ID": last} if last else {}
                connection.request("GET", "/tasky/v1/events", headers=head)
                response = connection.getresponse()
                if response.status != 200:
                    self._refused.append(f"a stream: {response.status} {response.read()!r}")
                    return
                while not self._over.is_set() and (line := response.readline()):
                    if line.startswith(b"id:"):
                        last = line[3:].strip().decode()
            except TimeoutError:
                pass  # nothing happens
            except (OSError, http.client.HTTPException) as error:
                self._refused.append(f"a stream: {error!r}")
            finally:
                connection.close()
            self._reconnects += not self._over.is_set()
