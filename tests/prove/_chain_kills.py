"""The server dies at every passage of every point that a chain comes by, and the chain goes on."""

from __future__ import annotations

import http.client
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from tasky.crash import Point
from tests.crashes.mortal import Mortal, short_folder
from tests.helpers import write_definition
from tests.prove._parts import say

T = TypeVar("T")
#: Those of a chain, and those of each of its tasks.
POINTS: Final = (
    Point.STEP_ORDERED,
    Point.STEP_STORED,
    Point.STEP_ENDED,
    Point.CHAIN_OVER,
    Point.INSERTED,
    Point.START_STORED,
    Point.END_STORED,
    Point.COMMITTED,
)
_AGAIN: Final = {"attempts": 3, "on": ["lost"]}
_PARTS: Final = {"a": 1, "b": 3, "c": 1, "d": 1, "z": 1}
_OUTPUT: Final = [["a1", "a2", "a3"], "a1a2a3c"]
_SCRIPT: Final = """#!/bin/sh
echo "$TASKY_TASK_ID" >>"$WITNESS"
case $1 in
hold) echo ready; exec sleep 600 ;;
fail) exit 3 ;;
esac
echo "$1"
"""


def write_step(workers: Path, witness: Path) -> None:
    """The worker `step` says what it is given, waits or fails; it witnesses each start."""
    workers.mkdir(parents=True, exist_ok=True)
    script = workers / "step.sh"
    script.write_text(_SCRIPT)
    script.chmod(0o755)
    write_definition(
        workers,
        "step",
        command=["./step.sh"],
        protocol="text",
        args=["{what}"],
        params={"what": {"type": "string"}},
        env={"WITNESS": str(witness)},
        kill_grace="1s",
    )


def step(what: object, **more: Any) -> dict[str, Any]:
    return {"worker": "step", "params": {"what": what}, **more}


def said(expression: str) -> dict[str, str]:
    return {"$": expression}


def starts(witness: Path) -> Counter[str]:
    """How often each task was started, by its id."""
    return Counter(witness.read_text().split() if witness.exists() else ())


def at_every_point(mode: str) -> dict[str, dict[str, str]]:
    """For each point: what became of the chain after each death there, in words."""
    return {
        f"`{point}`": _at(point, mode, retries=True) | _at(point, mode, retries=False)
        for point in POINTS
    }


def _at(point: Point, mode: str, *, retries: bool) -> dict[str, str]:
    deaths, ends = 0, Counter[str]()
    while True:
        end = _run(f"{point}:{deaths + 1}", mode, retries=retries)
        if end is None:
            break
        deaths += 1
        ends[end] += 1
    kind = "`retry: {on: [lost]}`" if retries else "no `retry`"
    say(f"{point}, {kind}: {deaths} deaths, {dict(ends)}")
    found = "; ".join(f"{count} {end}" for end, count in sorted(ends.items()))
    times = "death" if deaths == 1 else "deaths"
    return {f"deaths, and what became of the chain: {kind}": f"{deaths} {times}: {found}"}


def _run(where: str, mode: str, *, retries: bool) -> str | None:
    """A server that dies there, and what became of the chain; None: it does not come by there so often."""
    with (
        tempfile.TemporaryDirectory(prefix="tasky-prove-", dir="/var/tmp") as scratch,
        _mortal(Path(scratch), mode, where) as server,
    ):
        caller = _Survivor(server)
        headers = {"Idempotency-Key": "one"}
        task_id = caller(
            lambda: server.request("POST", "/chains", _chain(retries), **headers).json["TaskId"]
        )
        caller(lambda: _end(server, task_id))
        if not caller.deaths:
            return None
        task = caller(lambda: server.get(f"/tasks/{task_id}"))
        return _verdict(task, starts(Path(scratch) / "witness"), retries=retries)


@contextmanager
def _mortal(scratch: Path, mode: str, where: str) -> Iterator[Mortal]:
    write_step(scratch / "workers.d", scratch / "witness")
    with (
        short_folder() as socket,
        closing(
            Mortal(
                scratch / "workers.d",
                scratch / "state",
                socket / "s",
                TASKY_CONTAINMENT=mode,
                TASKY_CRASH_AT=where,
            )
        ) as server,
    ):
        yield server


class _Survivor:
    """Asks again where the server has died, which is begun again, once."""

    def __init__(self, server: Mortal) -> None:
        self._server: Final = server
        self.deaths = 0

    def __call__(self, ask: Callable[[], T]) -> T:
        while True:
            try:
                return ask()
            except (OSError, http.client.HTTPException):
                self._server.await_death()
                self.deaths += 1
                self._server.arm(None)
                self._server.start()


def _end(server: Mortal, task_id: str) -> None:
    while server.request("GET", f"/tasks/{task_id}/result").status == 409:
        pass


def _chain(retries: bool) -> dict[str, Any]:
    more = {"retry": _AGAIN} if retries else {}
    return {
        "chain": {
            "a": step("a", **more),
            "b": step(
                said("join('', [steps.a.output.string_output, item])"),
                for_each=["1", "2", "3"],
                max_parallel=2,
                **more,
            ),
            "c": step("c", needs=["a"], **more),
            "d": step(
                said(
                    "join('', [steps.b.output[].string_output, [steps.c.output.string_output]][])"
                ),
                needs=["b", "c"],
                **more,
            ),
        },
        "finally": {"z": step("z", **more)},
        "output": said("[steps.b.output[].string_output, steps.d.output.string_output]"),
    }


def _verdict(task: dict[str, Any], started: Counter[str], *, retries: bool) -> str:
    """What became of it; MISTAKE in it, if that breaks the promise."""
    done = Counter[str]()
    for one in task["Steps"]:
        done[one["Name"]] = sum(part["Status"] == "Completed" for part in one["Tasks"])
    twice = [id_ for id_, count in started.items() if count > 1]
    if twice:
        return f"MISTAKE: {len(twice)} tasks ran twice"
    if task["Status"] == "Completed":
        if done != _PARTS or task["Output"] != _OUTPUT:
            return f"MISTAKE: completed with {dict(done)} and {task['Output']}"
        return "completed, each part once"
    code = task.get("Error", {}).get("details", {}).get("error", {}).get("code")
    if retries or code != "lost":
        return f"MISTAKE: {task['Status']} by {task.get('Error')}"
    if any(done[name] > count for name, count in _PARTS.items()):
        return f"MISTAKE: more was done than there is: {dict(done)}"
    return "failed by `lost`, nothing twice"
