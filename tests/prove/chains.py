"""Chains: their shapes, and the death of the server at every point of one.

A diamond, a fan-out, a failure with `finally`, a cancel in the midst; then the server is killed at every passage of
every point that a chain comes by; and what a step costs beside the same task submitted by hand, in turns.
"""

from __future__ import annotations

import argparse
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from tests.helpers import Server, task_processes, wait_for
from tests.prove._chain_cost import cost
from tests.prove._chain_kills import at_every_point, said, starts, step, write_step
from tests.prove._parts import folder, modes, report, say, served, table

_ITEMS: Final = 500
_AT_ONCE: Final = 20
_ABOUT: Final = (
    "each kind of chain on a server of its own state; then a chain of a diamond with a fan-out of three in it and a"
    " `finally`, once for each passage of each point of the crash harness: the server dies there by SIGKILL, is started"
    " again, and the chain goes on."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--record", action="store_true", help="write docs/reliability.md")


def main(arguments: argparse.Namespace) -> int:
    mode = modes("both")[0]
    with folder() as scratch:
        witness = scratch / "witness"
        write_step(scratch / "workers.d", witness)
        with served(scratch / "workers.d", scratch / "state", mode) as server:
            shapes = _shapes(server, witness)
            costs = cost(server)
    say(str(shapes))
    say(str(costs))
    deaths = at_every_point(mode)
    more = "\n\n".join((table("killed at", deaths, across=True), table("cost", costs, across=True)))
    report("chains", _ABOUT, {"found": shapes}, into_docs=arguments.record, more=more)
    return 1 if "MISTAKE" in f"{shapes}{deaths}" else 0


def _shapes(server: Server, witness: Path) -> dict[str, str]:
    found = {
        "a diamond": _diamond(server),
        f"{_ITEMS} items, {_AT_ONCE} at once": _fan_out(server),
        "a step fails, with `finally`": _failure(server),
        "canceled while one branch runs": _cancel(server),
    }
    twice = sum(count > 1 for count in starts(witness).values())
    found["tasks that were started twice"] = f"{twice}{' MISTAKE' if twice else ''}"
    return found


def _send(server: Server, body: Mapping[str, Any], query: str = "") -> Any:
    answer = server.request("POST", f"/chains{query}", body)
    assert answer.status in (200, 201), answer.body
    return answer.json


def _told(server: Server, task_id: str, expected: Mapping[str, str], words: str) -> str:
    """The words, and how the chain and its steps ended; MISTAKE where that is not what is expected."""
    task = server.get(f"/tasks/{task_id}")
    ends = {"chain": task["Status"]} | {one["Name"]: one["Status"] for one in task["Steps"]}
    shown = ", ".join(f"{name} {end}" for name, end in ends.items())
    return f"{words}{shown}{'' if ends == expected else ' MISTAKE'}"


def _diamond(server: Server) -> str:
    ended = _send(
        server,
        {
            "chain": {
                "a": step("a"),
                "b": step(said("join('', [steps.a.output.string_output, 'b'])"), needs=["a"]),
                "c": step(said("join('', [steps.a.output.string_output, 'c'])"), needs=["a"]),
                "d": step(
                    said("join('', [steps.b.output.string_output, steps.c.output.string_output])"),
                    needs=["b", "c"],
                ),
            }
        },
        "?wait=1m",
    )
    output = ended["Output"]["string_output"]
    expected = dict.fromkeys(("chain", "a", "b", "c", "d"), "Completed")
    words = f"output `{output}`; {'' if output == 'abac' else 'MISTAKE '}"
    return _told(server, ended["TaskId"], expected, words)


def _fan_out(server: Server) -> str:
    ended = _send(
        server,
        {
            "chain": {
                "s": step(said("to_string(item)"), for_each=[*range(_ITEMS)], max_parallel=_AT_ONCE)
            }
        },
        "?wait=10m",
    )
    outputs = [one["string_output"] for one in ended["Output"]]
    in_order = outputs == [str(number) for number in range(_ITEMS)]
    most = _most_at_once(server, ended["TaskId"])
    good = in_order and most <= _AT_ONCE
    return (
        f"{ended['Status']}; {len(set(outputs))} outputs, {'in' if in_order else 'not in'} the order of the items; at"
        f" most {most} tasks at once{'' if good else ' MISTAKE'}"
    )


def _most_at_once(server: Server, chain: str) -> int:
    """By the stored times of its tasks."""
    with closing(sqlite3.connect(server.state / "tasky.db")) as database:
        rows = database.execute(
            "SELECT started, finished FROM children JOIN tasks ON id = child WHERE parent = ?",
            (chain,),
        ).fetchall()
    changes = Counter[int]()
    for started, finished in rows:
        changes[started] += 1
        changes[finished] -= 1
    most = now = 0
    for moment in sorted(changes):
        now += changes[moment]
        most = max(most, now)
    return most


def _failure(server: Server) -> str:
    ended = _send(
        server,
        {
            "chain": {
                "a": step("a", needs=[]),
                "b": step("fail", needs=["a"]),
                "c": step("c", needs=["b"]),
            },
            "finally": {"z": step(said("steps.b.status"))},
        },
        "?wait=1m",
    )
    expected = {
        "chain": "Failed", "a": "Completed", "b": "Failed", "c": "Unreached", "z": "Completed",
    }  # fmt: skip
    details = ended["Error"]["details"]
    words = f"`{ended['Error']['code']}` of {details['step']}: `{details['error']['code']}`; "
    return _told(server, ended["TaskId"], expected, words)


def _cancel(server: Server) -> str:
    task_id = _send(
        server,
        {
            "chain": {
                "a": step("a"),
                "b": step("hold", needs=["a"]),
                "c": step("c", needs=["a"]),
                "d": step("d", needs=["b", "c"]),
            },
            "finally": {"z": step("z")},
        },
    )["TaskId"]
    wait_for(lambda: _in_the_midst(server, task_id), "b runs, and c has completed")
    server.request("POST", f"/tasks/{task_id}/cancel")
    server.await_status(task_id, "Canceled", "Completed", "Failed")
    expected = {
        "chain": "Canceled", "a": "Completed", "b": "Canceled", "c": "Completed",
        "d": "Unreached", "z": "Completed",
    }  # fmt: skip
    left = len(task_processes(server.state))
    words = f"{left} processes left; {'MISTAKE ' if left else ''}"
    return _told(server, task_id, expected, words)


def _in_the_midst(server: Server, task_id: str) -> bool:
    steps = {one["Name"]: one for one in server.get(f"/tasks/{task_id}")["Steps"]}
    held = [part["TaskId"] for part in steps["b"]["Tasks"]]
    if steps["c"]["Status"] != "Completed" or not held:
        return False
    return b"ready" in server.request("GET", f"/tasks/{held[0]}/log").body
