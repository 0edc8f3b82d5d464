"""A worker that reads its task, if there is one, and answers with one JSON line; one after the other where its process
is used for several tasks."""

import json
import os
import sys


def answer(line: str) -> None:
    about = {"id": json.loads(line)["id"]} if line else {}
    print(json.dumps({"type": "result", "output": {"answer": 42}, **about}), flush=True)


if os.environ.get("TASKY_PROTOCOL") == "2":
    for line in sys.stdin:
        answer(line)
else:
    answer(sys.stdin.readline())
