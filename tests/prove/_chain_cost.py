"""What a chain costs beside the same tasks, submitted by a client."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from tests.helpers import Server
from tests.prove._chain_kills import step
from tests.prove._parts import Client, each, percentile

#: In a row, each after the end of the one before.
_ROW: Final = 100
#: Side by side, so many at once.
_MANY: Final = 500
_AT_ONCE: Final = 20
_ROUNDS: Final = 5


def cost(server: Server) -> dict[str, dict[str, str]]:
    """By the chain and by hand in turns, so that both meet the same machine; the medians of the rounds."""
    kinds: dict[str, tuple[int, Callable[[], object], Callable[[], object]]] = {
        f"{_ROW} steps in a row": (_ROW, lambda: _row(server), lambda: _row_by_hand(server)),
        f"{_MANY} items, {_AT_ONCE} at once": (
            _MANY,
            lambda: _fan(server),
            lambda: _fan_by_hand(server),
        ),
    }
    found: dict[str, dict[str, str]] = {}
    for what, (count, by_chain, by_hand) in kinds.items():
        times = [(_timed(by_chain), _timed(by_hand)) for _ in range(_ROUNDS)]
        chained = percentile([one for one, _ in times], 50) / count * 1000
        alone = percentile([other for _, other in times], 50) / count * 1000
        ratio = percentile([one / other for one, other in times], 50)
        found[what] = {
            "a step of the chain": f"{chained:.1f} ms",
            "a task by hand": f"{alone:.1f} ms",
            "ratio, median of the rounds": f"**{ratio:.2f}**",
        }
    return found


def _timed(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def _chain(server: Server, body: dict[str, Any]) -> None:
    client = Client(server)
    answer = client("POST", "/chains?wait=10m", body)
    client.close()
    assert answer["Status"] == "Completed", answer


def _row(server: Server) -> None:
    _chain(server, {"chain": {f"s{number}": step("x") for number in range(_ROW)}})


def _row_by_hand(server: Server) -> None:
    client = Client(server)
    for _ in range(_ROW):
        _task(client)
    client.close()


def _fan(server: Server) -> None:
    items = [*range(_MANY)]
    _chain(server, {"chain": {"s": step("x", for_each=items, max_parallel=_AT_ONCE)}})


def _fan_by_hand(server: Server) -> None:
    """As many clients as there are tasks at once, each of which waits for its own."""
    assert _MANY % _AT_ONCE == 0

    def some(_: int) -> None:
        client = Client(server)
        for _ in range(_MANY // _AT_ONCE):
            _task(client)
        client.close()

    each(some, range(_AT_ONCE), _AT_ONCE)


def _task(client: Client) -> None:
    answer = client("POST", "/workers/step?wait=1m", {"what": "x"})
    while answer["status"] == 202:  # more wait than the server has threads for it
        task_id = answer["TaskId"]
        answer = client("GET", f"/tasks/{task_id}/result")
        answer["TaskId"] = task_id
        if answer["status"] == 409:
            answer["status"] = 202
    assert answer["Status"] == "Completed", answer
