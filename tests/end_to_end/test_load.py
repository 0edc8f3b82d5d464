"""Many tasks at once, and workers whose output is hostile: the server keeps its size and its other tasks go on."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers import Server, wait_for, write_worker

MIB = 1 << 20
#: More threads that start processes, at the most.
SPAWNERS = 3


def threads(server: Server) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))


def descriptors(server: Server) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def memory(server: Server, name: str = "VmRSS") -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    match = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
    assert match is not None
    return int(match[1]) * 1024


@pytest.mark.long
@pytest.mark.case("P27")
def test_200_tasks_at_once(serve: Callable[..., Server], workers: Path) -> None:
    write_worker(
        workers,
        "talker",
        """
        import os, sys
        fifo = sys.stdin.readline()
        import json
        params = json.loads(fifo)["params"]
        open(params["gate"]).close()              # until all 200 are there
        for number in range(1, 101):
            print('{"type":"progress","percent":%d}' % number, flush=True)
        print('{"type":"result","output":%d}' % os.getpid())
        """,
        params={"gate": {"type": "string"}},
    )
    gate = workers.parent / "gate"
    os.mkfifo(gate)
    server = serve(TASKY_MAX_TASKS="200")
    for _ in range(20):  # every thread, connection and cache that ordinary work makes
        server.run("true")
    at_rest = threads(server), descriptors(server), memory(server)

    ids = [server.submit("talker", {"gate": str(gate)}) for _ in range(200)]
    wait_for(lambda: len(server.task_processes()) == 200, "all run")
    # On a busy machine, a start that takes seconds gets others going beside it.
    assert threads(server) <= at_rest[0] + SPAWNERS, "no thread belongs to a task"
    assert server.get("/workers/talker")["running"] == 200
    with open(gate, "w"):  # noqa: PTH123 - a FIFO: opens when the first reader does
        pids = set()
        for task_id in ids:
            assert server.await_status(task_id, "Completed", "Failed") == "Completed"
            task = server.get(f"/tasks/{task_id}")
            assert task["Progress"]["Percent"] == 100
            pids.add(server.get(f"/tasks/{task_id}/result")["Output"])
    assert len(pids) == 200
    wait_for(lambda: descriptors(server) <= at_rest[1] + 4, "descriptors are given back")
    assert threads(server) <= at_rest[0] + SPAWNERS
    assert memory(server) - at_rest[2] < 16 * MIB
    assert len(list((server.state).glob("*.db"))) == 1, "one store"


def sizes(folder: Path) -> Iterator[int]:
    """Of the files in it; what is being removed meanwhile is not counted."""
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                yield Path(place, name).stat().st_size


HOSTILE = {
    "flood": """
        import os
        block = b"all work and no play makes jack a dull boy\\n" * 1500
        for _ in range((1 << 30) // len(block)):
            os.write(1, block)
        """,
    "long_line": """
        import os
        for _ in range(100):
            os.write(1, b"x" * (1 << 20))
        """,
    "rubbish": """
        import os
        for _ in range(1000):
            os.write(1, b"\\xff\\xfe\\x00\\xc3(\\n" + b"[" * 500 + b"\\n")
            os.write(1, b'{"type":"progress","percent":NaN}\\n')
        """,
    "deaf": """
        import os, signal
        os.write(1, b'{"type":"progress","percent":1}\\n')
        signal.pause()
        """,
    "hasty": "",
}


@pytest.fixture
def hostile(serve: Callable[..., Server], workers: Path) -> Server:
    for name, script in HOSTILE.items():
        params = {"padding": {"type": "string", "default": ""}}
        write_worker(workers, name, script, params=params, kill_grace="1s")
    return serve()


@pytest.mark.parametrize("name", ["flood", "long_line", "rubbish", "hasty"])
def test_hostile_output(hostile: Server, name: str) -> None:
    """1 GiB of lines, a line of 100 MB, bytes that are no UTF-8, a worker that ends before it is spoken to."""
    for _ in range(10):
        hostile.run("true")
    before = memory(hostile)
    task_id = hostile.submit(name, {"padding": "x" * (200_000 if name == "hasty" else 0)})
    others = 0
    while hostile.status(task_id) in ("Queued", "Running"):
        assert hostile.run("true")["Status"] == "Completed"
        others += 1
    assert hostile.status(task_id) == "Completed", hostile.get(f"/tasks/{task_id}/result")
    assert others or name == "hasty"
    assert memory(hostile, "VmHWM") - before < 32 * MIB
    size = sum(sizes(hostile.state / "tasks"))
    assert size < 17 * MIB, "a log is bounded"


def test_workers_that_never_read(hostile: Server) -> None:
    """A megabyte of input each, for pipes of 64 KiB: the loop goes on, and so do cancel and the others."""
    for _ in range(10):
        hostile.run("true")
    before = memory(hostile)
    ids = [hostile.submit("deaf", {"padding": "x" * 1_000_000}) for _ in range(8)]
    for task_id in ids:
        wait_for(lambda task_id=task_id: hostile.get(f"/tasks/{task_id}/status").get("Progress"))
    assert hostile.run("true")["Status"] == "Completed"
    for task_id in ids:
        hostile.request("POST", f"/tasks/{task_id}/cancel")
        assert hostile.await_status(task_id, "Canceled") == "Canceled"
    assert memory(hostile, "VmHWM") - before < 32 * MIB


def test_a_cursor_reaches_every_task_while_others_come(server: Server) -> None:
    ids = {server.submit("true") for _ in range(120)}
    stop = threading.Event()

    def more() -> None:
        while not stop.is_set():
            server.submit("true")

    submitter = threading.Thread(target=more)
    submitter.start()
    try:
        seen: list[str] = []
        page = server.get("/tasks/?limit=7")
        while True:
            seen += [task["TaskId"] for task in page["Tasks"]]
            if "Next" not in page:
                break
            page = server.get(f"/tasks/?limit=7&after={page['Next']}")
    finally:
        stop.set()
        submitter.join()
    assert len(seen) == len(set(seen))
    assert ids <= set(seen)
