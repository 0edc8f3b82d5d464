"""The workers that the tests of the client and the command line run, and the server that has them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.helpers import Server, serving, write_definition, write_worker

ECHO = """
import json, sys
task = json.loads(sys.stdin.readline())
print(json.dumps({"type": "result", "output": task["params"]}))
"""
#: Writes to every stream, and says that it has begun; ends at SIGTERM, or at once unless it is to stay.
TALK = """
import json, signal, sys
task = json.loads(sys.stdin.readline())
print("plain \\x1b[31mred\\x1b[0m", flush=True)
print("to stderr", file=sys.stderr, flush=True)
print(json.dumps({"type": "log", "level": "warning", "message": "hot", "degrees": 80}))
print(json.dumps({"type": "progress", "percent": 42.4, "message": "half \\x1b[31mway"}), flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
if task["params"]["stay"]:
    signal.pause()
print("last words")
"""
#: SIGTERM does not end it.
IGNORE = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True:
    signal.pause()
"""
FAIL = """
import json
print(json.dumps({"type": "result", "output": "as far as it came"}))
print(json.dumps({"type": "error", "message": "no such\\ncity", "code": "geo"}))
"""
LEAVE = """
import json, pathlib
pathlib.Path("sub").mkdir()
pathlib.Path("sub/data.csv").write_bytes(b"a,b\\n1,2\\n")
pathlib.Path("empty").touch()
for path in ("sub/data.csv", "empty"):
    print(json.dumps({"type": "artifact", "path": path, "media_type": "text/csv"}))
"""
WAIT_FOR_FILE = """
import json, os, sys, time
task = json.loads(sys.stdin.readline())
print("before", flush=True)
print('{"type": "progress", "percent": 1}', flush=True)
while not os.path.exists(task["params"]["path"]):
    time.sleep(0.01)
print("after", flush=True)
"""


#: Its second attempt succeeds.
FLAKY = """
import json, sys
attempt = json.loads(sys.stdin.readline())["attempt"]
print("attempt", attempt, flush=True)
if attempt == 1:
    sys.exit("not yet")
"""


#: Each attempt waits for a file with its number; the first one fails then.
FALLS_AND_RISES = """
import json, os, sys, time
task = json.loads(sys.stdin.readline())
print("began", task["attempt"], flush=True)
while not os.path.exists(os.path.join(task["params"]["folder"], str(task["attempt"]))):
    time.sleep(0.01)
if task["attempt"] == 1:
    sys.exit("ended 1")
"""


def write_workers(folder: Path) -> None:
    write_worker(
        folder, "echo", ECHO, description="Gives back what it gets.",
        usage="Try:\n  tasky run echo text=hello\n",
        params={
            "text": {"type": "string", "description": "any text"},
            "count": {"type": "integer", "default": 1},
            "force": {"type": "boolean", "default": False},
            "names": {"type": "array", "items": {"type": "string"}, "default": []},
            "password": {"type": "string", "secret": True, "default": ""},
        },
    )  # fmt: skip
    stay = {"stay": {"type": "boolean", "default": True}}
    write_worker(folder, "talk", TALK, params=stay, kill_grace="20s")
    write_worker(folder, "ignore", IGNORE, kill_grace="60s")
    write_worker(folder, "fail", FAIL)
    write_worker(folder, "leave", LEAVE)
    write_worker(folder, "flaky", FLAKY, retry={"attempts": 3})
    write_worker(
        folder, "fallsandrises", FALLS_AND_RISES, params={"folder": {"type": "string"}},
        retry={"attempts": 2},
    )  # fmt: skip
    write_worker(folder, "waitforfile", WAIT_FOR_FILE, params={"path": {"type": "string"}})
    write_definition(folder, "say", command=["printf"], args=["{text}"], protocol="text",
                     params={"text": {"type": "string"}})  # fmt: skip
    write_definition(
        folder, "print", command=["sh", "-c", 'yes line | head -n "$0"'],
        args=["{lines}"], protocol="text", params={"lines": {"type": "integer"}},
    )  # fmt: skip
    write_worker(
        folder, "choose", ECHO,
        params={
            "colour": {"type": "string", "enum": ["red", "green", "grey"], "description": "Which"},
            "count": {"type": "integer", "enum": [1, 2]},
            "loud": {"type": "boolean", "default": False},
        },
    )  # fmt: skip
    write_definition(folder, "nothing", command=["true"], protocol="text")
    write_definition(folder, "sleep", command=["sleep", "600"], protocol="text")
    write_definition(folder, "switch", command=["true"], protocol="text")


@contextlib.contextmanager
def serving_workers(folder: Path) -> Iterator[Server]:
    write_workers(folder / "workers.d")
    with serving(folder / "workers.d", folder / "state") as server:
        yield server
