#!/usr/bin/env -S python3 -IS
"""Sleeps, and says every second how far it is. The shortest example of the protocol of docs/protocol.md."""

import json
import signal
import sys
import time


def say(**message: object) -> None:
    print(json.dumps(message), flush=True)


# On cancel: ends at once, and not with status 0, since the work was not done.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))

task = json.loads(sys.stdin.buffer.readline())
seconds = task["params"].get("seconds", 60)
slept = 0
while slept < seconds:
    # One sleep after the other, not one deadline: the time of a pause does not count.
    time.sleep(min(1, seconds - slept))
    slept = min(slept + 1, seconds)
    percent = round(100 * slept / seconds, 1)
    say(type="progress", percent=percent, message=f"{slept:g} of {seconds:g} s")
say(type="result", output={"string_output": "Done sleeping."})
