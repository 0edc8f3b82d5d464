"""A server without HTTP, for tests that kill it: `python mini_server.py STATE COMMAND...` starts two tasks of a worker
with that command and one that waits, asks for the cancel of the second, and says their ids. The setting `containment`
is taken from the environment."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from tasky.model.containment import Kind
from tests.supervisor.chaos import pids
from tests.supervisor.house import SECOND, House, speaker


def main(state: str, *command: str) -> None:
    worker = speaker("w", *command, max_tasks=2, kill_grace=3600 * SECOND)
    kind = Kind(os.environ.get("TASKY_CONTAINMENT", Kind.AUTO))
    house = House(Path(state), worker, containment=kind)
    running, canceling = house.submit("w"), house.submit("w")
    for task_id in (running, canceling):
        pids(house, task_id)
    waiting = house.submit("w")
    house.supervisor.cancel(canceling)
    print(running, canceling, waiting, flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
