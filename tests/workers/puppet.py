"""A worker that does what a test tells it: it connects to the test's socket, says who it is, and obeys line by line.

Parameter `manner`, what it does on SIGTERM: `obedient` (dies of it), `polite` (a result, exit 0) or `stubborn` (says so
to the test and goes on).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from typing import Any

task = json.loads(sys.stdin.readline())
wire = socket.socket(socket.AF_UNIX)


def tell(**document: Any) -> None:
    wire.sendall(json.dumps(document).encode() + b"\n")


def polite(*_: object) -> None:
    os.write(1, b'{"type":"result","output":"bye"}\n')
    os._exit(0)


def stubborn(*_: object) -> None:
    tell(heard="TERM")


def leave_a_daemon() -> None:
    """Twice forked, in a session of its own, deaf to SIGTERM, without our pipes; it keeps our environment."""
    if os.fork():
        os.wait()
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    nowhere = os.open("/dev/null", os.O_RDWR)
    for fd in range(3):
        os.dup2(nowhere, fd)
    os.execv("/bin/sleep", ["sleep", "1000"])


def obey(command: dict[str, Any]) -> None:
    match command:
        case {"do": "say", "line": line}:
            os.write(1, line.encode() + b"\n")
        case {"do": "leave a daemon"}:
            leave_a_daemon()
        case {"do": "exit", "code": code}:
            os._exit(code)
        case {"do": "die", "signal": number}:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


manner = task["params"]["manner"]
if manner != "obedient":
    signal.signal(signal.SIGTERM, polite if manner == "polite" else stubborn)
wire.connect(os.environ["PUPPET_SOCKET"])
tell(task=task["id"], attempt=task["attempt"], pid=os.getpid())
for line in wire.makefile():
    obey(json.loads(line))
    tell(done=True)
