"""A worker that waits for its task, and for the next one after that. Parameter `acts`: what it does, one after the
other; each a list of a word and what belongs to it. Run it with -I -S: it is started often.
"""

# It starts faster without pathlib.
# ruff: noqa: PTH109, PTH118, PTH123, PTH208, RET503

import json
import os
import signal
import sys
import threading

served = 0


def say(**message):
    os.write(1, json.dumps(message).encode() + b"\n")


def leave(seconds, *, daemon):
    """A child that sleeps; as a daemon it has lost its parent, its session, its environment and its folder."""
    if child := os.fork():
        return os.waitpid(child, 0) if daemon else None
    if daemon:
        os.setsid()
        os.chdir("/")
        if os.fork():
            os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    nowhere = os.open("/dev/null", os.O_RDWR)
    for fd in range(3):
        os.dup2(nowhere, fd)
    os.execve("/bin/sleep", ["sleep", seconds], {} if daemon else dict(os.environ))


def at_gate(gate, then):
    words = os.open(gate, os.O_RDONLY)
    while os.read(words, 1) != b"\n":  # no more than its own
        pass
    os.close(words)
    then()


def act(task, what, *more):
    if what == "answer":
        say(
            type="result",
            id=task["id"],
            output={
                "pid": os.getpid(),
                "served": served,
                "id": task["id"],
                "attempt": task["attempt"],
                "cwd": os.getcwd(),
                "workdir": task["workdir"],
                "files": sorted(os.listdir(task["workdir"])),
                "environ": {k: v for k, v in os.environ.items() if k.startswith("TASKY_")},
            },
        )
    elif what == "say":
        os.write(1, (more[0] + "\n").encode())
    elif what == "stderr":
        os.write(2, (more[0] + "\n").encode())
    elif what == "message":
        mine = {"id": task["id"]} if more[0]["type"] in ("result", "error") else {}
        say(**{**mine, **more[0]})
    elif what == "write":
        with open(os.path.join(task["workdir"], more[0]), "w") as file:
            file.write(more[0])
    elif what == "child":
        leave(more[0], daemon=False)
    elif what == "daemon":
        leave(more[0], daemon=True)
    elif what == "gate":  # goes on when it is opened
        at_gate(more[0], lambda: None)
    elif (
        what == "later"
    ):  # does something else when the gate is opened, whatever its task is by then
        then = {
            "say": lambda: os.write(1, b"late\n"),
            "stderr": lambda: os.write(2, b"late\n"),
            "end": lambda: os._exit(3),
        }[more[1]]
        threading.Thread(target=at_gate, args=(more[0], then), daemon=True).start()
    elif what == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif what == "hang":
        say(type="progress", message=str(os.getpid()))
        signal.pause()
    elif what == "close":
        os.close(1)
    elif what == "exit":
        os._exit(more[0])
    else:
        raise AssertionError(what)


if len(sys.argv) > 1:
    exec(sys.argv[1])  # before there is a task
while line := sys.stdin.readline():
    served += 1
    task = json.loads(line)
    for each in task["params"]["acts"]:
        act(task, *each)
