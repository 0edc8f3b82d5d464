"""1,000 kills of the server at random moments under load: nothing answered is lost, nothing runs twice.

Four clients submit workers of all kinds, cancel, pause, restart and delete them, and go on while the server is dead or
starting. It is killed up to 80 ms after each start, and every fifth time before it is ready.
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from typing import Final

from tests.crashes.disk import read_starts
from tests.crashes.stage import Stage, stage
from tests.prove._parts import Figures, add_common_arguments, modes, report, say

_MISTAKES: Final = "mistakes of any kind"
_ABOUT: Final = "SIGKILL to the server 0 to 80 ms after each start (every fifth: before it is ready), under load."
#: Seconds that a server lives after it is ready.
_LIFE: Final = 0.08
#: ... each tenth one, so that what takes longer comes to its end.
_LONG_LIFE: Final = 1.0
#: Seconds until a server is killed that is not ready yet.
_START: Final = (0.05, 0.35)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=1000, help="kills (default: 1000)")
    parser.add_argument("--seed", type=int, help="of the moments and of what the clients do")
    add_common_arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    seed = random.randrange(1 << 32) if arguments.seed is None else arguments.seed
    say(f"seed {seed}")
    found = {mode: _prove(mode, seed, arguments.count) for mode in modes(arguments.mode)}
    report("kills", _ABOUT, found, into_docs=arguments.record)
    return 0 if all(figures[_MISTAKES] == "0" for figures in found.values()) else 1


def _prove(mode: str, seed: int, count: int) -> Figures:
    """The figures; says what is wrong."""
    began = time.monotonic()
    with stage(mode, seed) as scene:
        kills = _kill(scene, random.Random(seed), count)
        if not scene.told.mistakes:
            scene.finish()
        if scene.told.mistakes:
            say(scene.report())
        return _figures(scene, kills, time.monotonic() - began)


def _kill(scene: Stage, chance: random.Random, count: int) -> int:
    """Gives the number of kills: fewer than `count` where a mistake was found."""
    server, ledger = scene.server, scene.ledger
    for number in range(1, count + 1):
        time.sleep(_LONG_LIFE if number % 10 == 0 else chance.uniform(0, _LIFE))
        server.kill()
        ledger.look_at_processes()
        if number % 5 == 0 and number < count:
            _start_and_kill(scene, chance.uniform(*_START))
        server.start()
        if number % 10 == 0 or number == count:
            ledger.after_start()
            say(f"{number} kills, {len(scene.told.fates)} answered submissions")
        if scene.told.mistakes:
            return number
    return count


def _start_and_kill(scene: Stage, seconds: float) -> None:
    """One that dies before it is ready, or just then."""
    killer = threading.Timer(seconds, lambda: scene.server.process.kill())
    killer.start()
    scene.server.start_doomed()
    killer.join()
    scene.server.kill()


def _figures(scene: Stage, kills: int, seconds: float) -> Figures:
    told, ledger = scene.told, scene.ledger
    return {
        "kills": f"{kills}",
        "answered submissions": f"{len(told.fates)}",
        "attempts that ran": f"{read_starts(ledger.witness).total()}",
        "answered and lost": f"{sum(what.startswith('lost') for _, what in told.mistakes)}",
        "in a live state at the end": f"{ledger.live_at_end}",
        "duplicated trees": f"{ledger.duplicates}",
        _MISTAKES: f"{len(told.mistakes)}",
        "wall time": f"{seconds:.0f} s",
    }
