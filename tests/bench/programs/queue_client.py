"""The clients of Celery and of RQ, in the peers' environment: nothing of ours is there.

    queue_client.py celery|rq wait CLIENTS SECONDS PAUSE TEXT COMMAND ...   submit, wait for the result, pause, again
    queue_client.py celery|rq submit CLIENTS COUNT COMMAND ...              submit, and wait for the last end

BENCH_REDIS is the socket of Redis. Each client is a process, forked when everything is imported, with a connection of
its own. Prints what load.c prints, and "accepted", the seconds until the last one was submitted.
"""

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable

import redis

SYSTEM, MODE, CLIENTS = sys.argv[1], sys.argv[2], int(sys.argv[3])
PATIENCE = 30
READY = multiprocessing.Barrier(CLIENTS)


def celery_client(command: list[str]) -> tuple[Callable[[], object], Callable[[object], str]]:
    from celery_app import run

    return lambda: run.delay(command), lambda sent: sent.get(timeout=PATIENCE)


def rq_client(command: list[str]) -> tuple[Callable[[], object], Callable[[object], str]]:
    import rq
    from rq_jobs import run

    queue = rq.Queue(connection=redis.Redis(unix_socket_path=os.environ["BENCH_REDIS"]))

    def result(job: rq.job.Job) -> str:
        found = job.latest_result(timeout=PATIENCE)
        if found is None or found.type is not found.Type.SUCCESSFUL:
            sys.exit(f"no result of RQ: {found}")
        return str(found.return_value)

    return lambda: queue.enqueue(run, command), result


def done_by(system: str) -> int:
    """How many tasks have ended."""
    if system == "celery":
        return int(redis.Redis(unix_socket_path=os.environ["BENCH_REDIS"], db=1).dbsize())
    connection = redis.Redis(unix_socket_path=os.environ["BENCH_REDIS"])
    return int(connection.zcard("rq:finished:default"))


CLIENT = {"celery": celery_client, "rq": rq_client}[SYSTEM]


def waiting(command: list[str], seconds: float, pause: float, text: str) -> dict[str, object]:
    submit, result = CLIENT(command)
    result(submit())  # connects
    took = []
    READY.wait()
    begin = now = time.monotonic()
    while not took or now < begin + seconds:
        time.sleep(pause)
        before = time.monotonic()
        answer = result(submit())
        if text not in answer:
            sys.exit(f"{answer!r} lacks {text!r}")
        now = time.monotonic()
        took.append(now - before)
    return {"begin": begin, "end": now, "took": took}


def submitting(command: list[str], count: int) -> dict[str, object]:
    submit, _ = CLIENT(command)
    submit()  # connects
    took = []
    READY.wait()
    begin = now = time.monotonic()
    for _ in range(count):
        before = now
        submit()
        now = time.monotonic()
        took.append(now - before)
    return {"begin": begin, "end": now, "took": took}


def in_processes(work: Callable[[], dict[str, object]]) -> list[dict[str, object]]:
    pipes = []
    for _ in range(CLIENTS):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.close(reader)
            with os.fdopen(writer, "w") as pipe:
                json.dump(work(), pipe)
            os._exit(0)
        os.close(writer)
        pipes.append(reader)
    found = []
    for reader in pipes:
        with os.fdopen(reader) as pipe:
            found.append(json.load(pipe))
    for _ in range(CLIENTS):
        os.wait()
    return found


def main() -> None:
    CLIENT(["/bin/true"])  # imports what the forked ones need
    if MODE == "wait":
        seconds, pause = float(sys.argv[4]), float(sys.argv[5])
        text, command = sys.argv[6], sys.argv[7:]
        found = in_processes(lambda: waiting(command, seconds, pause, text))
    else:
        each, command = int(sys.argv[4]) // CLIENTS, sys.argv[5:]
        before = done_by(SYSTEM)
        found = in_processes(lambda: submitting(command, each))
        while done_by(SYSTEM) < before + (each + 1) * CLIENTS:
            time.sleep(0.005)
    begin, end = min(it["begin"] for it in found), max(it["end"] for it in found)
    took = sorted(one for it in found for one in it["took"])
    figures = {
        "count": len(took),
        "seconds": (end if MODE == "wait" else time.monotonic()) - begin,
        "accepted": end - begin,
        "p50_us": took[len(took) // 2] * 1e6,
        "p99_us": took[len(took) * 99 // 100] * 1e6,
    }
    print(json.dumps(figures))


main()
