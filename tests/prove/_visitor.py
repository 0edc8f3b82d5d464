"""What asks the server inside of the machine of `scripts/prove systemd`: it has Python there, and nothing else.

python3 _visitor.py TOKEN submit WORKER COUNT PARAMS   the ids, as JSON
python3 _visitor.py TOKEN settle ID...                 waits for them; state, result, lines of each, as JSON
python3 _visitor.py TOKEN states ID...                 their states, as JSON
python3 _visitor.py TOKEN describe WORKER              its description
python3 _visitor.py TOKEN knock                        asks, each time by a connection of its own, until its input
                                                       ends: what came of it, as JSON
python3 _visitor.py TOKEN stick PID                    stops the threads that wait in epoll, the supervisor's loop
                                                       among them, until the process has ended; how many
"""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import select
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ADDRESS = ("127.0.0.1", 8888)
PATIENCE = 120.0
#: The numbers of epoll_wait and epoll_pwait, of x86-64 and ARM64.
_EPOLL = ("232", "281") if os.uname().machine == "x86_64" else ("22",)
#: ptrace.h
_SEIZE, _INTERRUPT = 0x4206, 0x4207
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


class Visitor:
    def __init__(self, token: str) -> None:
        self._headers = {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(*ADDRESS, timeout=PATIENCE)
        try:
            data = None if body is None else json.dumps(body).encode()
            if data is not None:
                headers["Content-Type"] = "application/json"
            connection.request(method, f"/tasky/v1{path}", data, self._headers | headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def document(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        status, content = self.ask(method, path, body, **headers)
        assert status < 300, (path, status, content)
        return json.loads(content)

    # ------------------------------------------------------------------ the commands

    def submit(self, worker: str, count: str, params: str) -> list[str]:
        path, wanted = f"/workers/{worker}", json.loads(params)
        return [self.document("POST", path, wanted)["TaskId"] for _ in range(int(count))]

    def states(self, *ids: str) -> list[str]:
        return [self.document("GET", f"/tasks/{one}/status")["Status"] for one in ids]

    def settle(self, *ids: str) -> list[dict[str, Any]]:
        deadline = time.monotonic() + PATIENCE
        while set(self.states(*ids)) & {"Queued", "Running", "Paused", "Canceling"}:
            assert time.monotonic() < deadline, "they do not end"
            time.sleep(0.1)
        return [self._end(one) for one in ids]

    def _end(self, task_id: str) -> dict[str, Any]:
        result = self.document("GET", f"/tasks/{task_id}/result")
        status, log = self.ask("GET", f"/tasks/{task_id}/log")
        assert status == 200, log
        lines = log.decode().splitlines()
        wanted = [f"line {number}" for number in range(len(lines))]
        return {
            "state": result["Status"],
            "code": result.get("Error", {}).get("code"),
            "counted": result.get("Output"),
            "lines": len(lines),
            "in_order": all(map(str.endswith, lines, wanted)),
        }

    def describe(self, worker: str) -> str:
        return str(self.document("GET", f"/workers/{worker}")["description"])

    def knock(self) -> dict[str, Any]:
        """Refused: nobody listened. Lost: the connection broke before the answer came."""
        found: Counter[str] = Counter()
        longest = 0.0
        while not select.select([sys.stdin], [], [], 0.005)[0]:
            begun = time.monotonic()
            try:
                status, _ = self.ask("GET", "/workers/")
            except ConnectionRefusedError:
                found["refused"] += 1
            except (OSError, http.client.HTTPException):
                found["lost"] += 1
            else:
                found["answered" if status == 200 else str(status)] += 1
            longest = max(longest, time.monotonic() - begun)
        return {**found, "longest": longest}

    def stick(self, process: str) -> int:
        """By ptrace(2), so that all other threads go on. A signal that is to end the process waits for our end, too."""
        watched = os.pidfd_open(int(process))
        threads = list(Path(f"/proc/{process}/task").iterdir())
        stuck = [one for one in threads if (one / "syscall").read_text().split()[0] in _EPOLL]
        for thread in stuck:
            for request in (_SEIZE, _INTERRUPT):
                if _libc.ptrace(request, int(thread.name), None, None) != 0:
                    raise OSError(ctypes.get_errno(), "ptrace")
        select.select([watched, sys.stdin], [], [], PATIENCE)
        os.close(watched)
        return len(stuck)


def main(token: str, command: str, *arguments: str) -> None:
    act: Callable[..., Any] = getattr(Visitor(token), command)
    print(json.dumps(act(*arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
