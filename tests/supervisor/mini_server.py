"""A server without HTTP, for tests that kill it: `python mini_server.py STATE COMMAND...` starts two tasks of a worker
with that command and one that waits, asks for the cancel of the second, and says their ids."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.supervisor.house import SECOND, House, speaker


def main(state: str, *command: str) -> None:
    house = House(Path(state), speaker("w", *command, max_tasks=2, kill_grace=3600 * SECOND))
    running, canceling = house.start("w"), house.start("w")
    waiting = house.submit("w")
    house.supervisor.cancel(canceling)
    print(running, canceling, waiting, flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
