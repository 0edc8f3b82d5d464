"""Tasks that count, under a server of another machine, and what is asked of both."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.prove._inside import Broken, Machine, Visitor, Way

TASKS: Final = 20
#: Each line in two writes, so that whatever happens finds some that are not whole.
COUNTER: Final = """#!/usr/bin/python3 -IS
import json, os.path, sys, time
seconds = json.loads(sys.stdin.readline())["params"]["seconds"]
end, number = time.monotonic() + seconds, 0
while time.monotonic() < end and not os.path.exists("/etc/tasky/over"):
    sys.stdout.write("line ")
    sys.stdout.flush()
    time.sleep(0.01)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
    number += 1
print(json.dumps({"type": "result", "output": number}))
"""
DEFINITION: Final = """description: Counts.
command: [./counter.py]
params: {seconds: {type: number}}
max_tasks: 0
kill_grace: 5s
"""
#: With it, those that count come to their end.
OVER: Final = "/etc/tasky/over"


class Counting:
    """Its tasks write numbered lines: of each it can be told whether all are there."""

    def __init__(self, machine: Machine, way: Way) -> None:
        self.machine: Final = machine
        self.way: Final = way
        self.token = ""

    @property
    def _visitor(self) -> Visitor:
        if not self.token:
            raise Broken("it was not installed")
        return Visitor(self.machine, self.token)

    def _submit(self, seconds: float) -> list[str]:
        """That all run, and have written something."""
        ids = self._visitor("submit", "counter", str(TASKS), json.dumps({"seconds": seconds}))
        self.machine.wait_for(lambda: set(self._visitor("states", *ids)) != {"Queued"}, "they run")
        return [str(one) for one in ids]

    def _whole(self, ids: list[str]) -> str:
        """All have completed, and each line of theirs is there, in its order."""
        ended = self._visitor("settle", *ids)
        bad = [
            one
            for one in ended
            if one["state"] != "Completed" or not one["in_order"] or one["lines"] != one["counted"]
        ]
        if bad:
            raise Broken(f"{len(bad)} of {len(ids)} are not whole, such as {bad[0]}")
        return (
            f"{len(ids)} completed, all of their {sum(one['lines'] for one in ended)} lines there"
        )

    def _asked(self, knocks: Any, lost: int = 0) -> str:
        """`lost`: how many requests may have been under way in what was killed."""
        counts = self._visitor.ended(knocks)
        longest = counts.pop("longest")
        bad = {what: count for what, count in counts.items() if what not in ("answered", "lost")}
        if bad or counts.get("lost", 0) > lost or not counts.get("answered"):
            raise Broken(f"requests: {counts}")
        under_way = f", {counts['lost']} lost that was under way" if counts.get("lost") else ""
        return f"requests: {counts['answered']} answered, 0 refused{under_way}, the longest took {longest:.1f} s"

    def _answers(self) -> None:
        self._visitor("describe", "counter")

    def _has_counter(self) -> bool:
        try:
            self._answers()
        except Broken:
            return False
        return True

    def _limits(self) -> str:
        """What the kernel there can keep: where cgroups of version 1 have the controllers, nothing."""
        available = self.machine.run("cat /sys/fs/cgroup/cgroup.controllers").split()
        names = {"memory": "memory", "cpu": "cpu", "pids": "processes"}
        kept = [limit for controller, limit in names.items() if controller in available]
        return f"by cgroup: {', '.join(kept)}" if kept else "controllers: none"

    def _complaint(self) -> str:
        status = self.machine.shown("StatusText")
        _, found, complaint = status.partition("not loaded")
        return f"not loaded{complaint}"[:120] if found and "counter.yaml:" in complaint else ""

    def _expect(self, name: str, value: str) -> None:
        self.machine.wait_for(lambda: self.machine.shown(name) == value, f"{name}={value}")

    def _only_the_server(self) -> None:
        self.machine.wait_for(
            lambda: self.machine.processes() == [str(self.machine.main_pid)],
            "no other process is left",
        )

    def _examined(self, command: str) -> dict[str, Any]:
        lines = self.machine.run(f"cd /; {command}", status=None).splitlines()
        return {one["subject"]: one for one in map(json.loads, lines)}
