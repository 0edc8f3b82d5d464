"""A server in a world of few pids, each of which is soon another's: `python -m tests.hostile.small_world FOLDER KIND`.

Beside its tasks there are bystanders, processes that are nobody's business, in sessions of their own. They come and go,
and get the numbers that the tasks' processes have had. Says as JSON what became of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

from tests.helpers import serving
from tests.hostile.arena import Arena, Hostile, workers

#: At a time. Each lives for a moment.
AT_ONCE: Final = 12
MOMENT: Final = "0.03"
#: At least, and at most; in between until so many numbers have come again.
ROUNDS: Final = range(4, 60)
ENOUGH: Final = 12


class Bystanders(threading.Thread):
    """`signalled` are those that did not end by themselves; `reused` how many had a number that was a task's."""

    def __init__(self) -> None:
        super().__init__(name="bystanders")
        self.count = 0
        self.reused = 0
        self.signalled: list[int] = []
        self.once: set[int] = set()
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            for bystander in [self._start() for _ in range(AT_ONCE)]:
                if bystander.wait():
                    self.signalled.append(bystander.returncode)

    def _start(self) -> subprocess.Popen[bytes]:
        bystander = subprocess.Popen(["/bin/sleep", MOMENT], start_new_session=True)
        self.count += 1
        self.reused += bystander.pid in self.once
        return bystander

    def close(self) -> None:
        self._over.set()
        self.join()


def play(arena: Arena, bystanders: Bystanders) -> None:
    """Tasks whose ends leave something that may still be meant for them: a timer, a number, a row."""
    for round_ in range(ROUNDS.stop):
        if round_ >= ROUNDS.start and bystanders.reused >= ENOUGH:
            return
        polite = [arena.unleash("waits", query="?timeout=60s") for _ in range(2)]
        stubborn = arena.unleash("stubborn-daemon")
        for hostile in (*polite, stubborn):
            bystanders.once.update(hostile.pids())
        if round_ == ROUNDS.start // 2:
            arena.server.kill()
            arena.server.start()
        for hostile in polite:
            _cancel(hostile, "400ms")
        _cancel(stubborn, "10ms")
        arena.submit("true", query="?timeout=200ms").ended()
        for hostile in (*polite, stubborn):
            _cancel(hostile, "0s")  # too late: 409


def _cancel(hostile: Hostile, grace: str) -> None:
    hostile.server.request("POST", f"/tasks/{hostile.task_id}/cancel?grace={grace}")
    hostile.ended()


def main(folder: Path, kind: str) -> None:
    bystanders = Bystanders()
    with serving(workers(folder / "workers.d"), folder / kind, TASKY_CONTAINMENT=kind) as server:
        arena = Arena(server, folder)
        bystanders.start()
        try:
            play(arena, bystanders)
            arena.others_are_served()
        finally:
            bystanders.close()
    report = {name: getattr(bystanders, name) for name in ("count", "reused", "signalled")}
    print(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
