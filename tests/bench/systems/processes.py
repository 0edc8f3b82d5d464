"""Starting a system's server and ending it; what it costs while it runs."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from ..bench import Trouble

_PATIENCE: Final = 120.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@contextmanager
def running(
    *command: str | Path, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server in the foreground, in a process group of its own: that is ended with all that is in it. What it says is
    in the file `words` of the folder."""
    with (folder / "words").open("ab") as words:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        _kill_group(process.pid)
        process.wait()


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError):  # nothing is left of it
        os.killpg(group, signal.SIGKILL)


def wait_for(
    condition: Callable[[], bool], what: str, pause: float = 0.002, patience: float = _PATIENCE
) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise Trouble(f"did not happen within {patience:g} s: {what}")
        time.sleep(pause)


def said(folder: Path, process: subprocess.Popen[bytes], pattern: str) -> re.Match[str]:
    """Waits until the server has said that."""
    found: list[re.Match[str]] = []

    def look() -> bool:
        text = (folder / "words").read_text(errors="replace")
        match = re.search(pattern, text)
        if match:
            found.append(match)
        elif process.poll() is not None:
            raise Trouble(f"it ended: {text[-300:].strip()}")
        return bool(found)

    wait_for(look, f"it says {pattern}")
    return found[0]


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def answers(port: int, process: subprocess.Popen[bytes]) -> None:
    """Waits until somebody listens there."""

    def look() -> bool:
        if process.poll() is not None:
            raise Trouble("it ended while it was started")
        with socket.socket() as door:
            return door.connect_ex(("127.0.0.1", port)) == 0

    wait_for(look, f"port {port} is open")


class Cost(NamedTuple):
    """Of a server and its helpers: bytes of anonymous memory (without code and files), processor time in s."""

    memory: int
    processor: float


def cost(pid: int, tasks: str) -> Cost:
    """Without the processes of tasks, which are called `tasks`."""
    own = [process for process in _tree(pid) if _name(process) != tasks]
    return Cost(sum(map(_resident, own)), sum(map(_processor, own)))


def running_tasks(pid: int, tasks: str) -> int:
    return sum(_name(process) == tasks for process in _tree(pid))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            children = (thread / "children").read_text().split()
        except OSError:
            continue  # it is gone
        for child in children:
            yield from _tree_of_child(int(child))


def _tree_of_child(pid: int) -> Iterator[int]:
    try:
        yield from _tree(pid)
    except FileNotFoundError:
        return


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _resident(pid: int) -> int:
    try:
        match = re.search(
            r"^Anonymous:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M
        )
    except OSError:
        return 0
    return int(match[1]) * 1024 if match else 0


def _processor(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / _TICKS
