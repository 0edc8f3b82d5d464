"""The Celery application, in the peers' environment: nothing of ours is there. BENCH_REDIS is the socket of Redis."""

import os
import subprocess

from celery import Celery

_REDIS = f"redis+socket://{os.environ['BENCH_REDIS']}"

app = Celery("bench", broker=f"{_REDIS}?virtual_host=0", backend=f"{_REDIS}?virtual_host=1")
app.conf.update(
    # A task whose worker dies is not lost: as it is with Tasky.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=4,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)


@app.task(name="run")
def run(command: list[str]) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()
