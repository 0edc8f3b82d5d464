"""A program that answers with one JSON line. As a worker of Tasky it reads its task first; one after the other where
its process is used for several tasks."""

import json
import os
import sys


def answer(line: str) -> None:
    about = {"id": json.loads(line)["id"]} if line else {}
    print(json.dumps({"type": "result", "output": {"answer": 42}, **about}), flush=True)


protocol = os.environ.get("TASKY_PROTOCOL")
if protocol == "2":
    for line in sys.stdin:
        answer(line)
else:
    answer(sys.stdin.readline() if protocol else "")
