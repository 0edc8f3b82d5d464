"""The server dies at each point in turn, under load, and starts again: every promise is kept.

A few of them belong to each run of the tests, drawn with pytest-randomly's seed; all of them to `scripts/test --all`.
"""

from __future__ import annotations

import random
import signal

import pytest

from tasky.crash import Point

from .plans import PLANS, RECOVERY, Plan, setting
from .stage import Stage, stage


@pytest.mark.case("P19", "S8", "S17", "K1", "T1")
@pytest.mark.parametrize("point", list(Point))
def test_it_dies_there_and_nothing_is_lost(point: Point, mode: str, seed: int) -> None:
    where = setting(point, random.Random(f"{seed} {point} {mode}"))
    plan = PLANS[point]
    print(f"TASKY_CRASH_AT={where} TASKY_CONTAINMENT={mode} seed={seed}")
    first = None if plan in (Plan.AGAIN, Plan.PRUNE) else where
    with stage(mode, seed, first) as scene:
        _bring_to_it(scene, plan, where)
        assert scene.server.await_death() == point
        scene.restart()
        scene.await_load()
        scene.settle()


@pytest.mark.case("P19")
def test_it_dies_again_and_again_while_it_recovers(mode: str, seed: int) -> None:
    with stage(mode, seed) as scene:
        scene.await_load()
        scene.await_survivor()
        scene.server.kill()
        for point in RECOVERY:
            scene.restart(point)
            assert scene.server.await_death() == point
        scene.restart()
        scene.settle()


def _bring_to_it(scene: Stage, plan: Plan, where: str) -> None:
    match plan:
        case Plan.AGAIN:
            scene.await_load()
            scene.await_survivor()
            scene.server.kill()
            scene.restart(where)
        case Plan.PRUNE:
            scene.await_load()
            scene.server.kill()
            scene.told.pruned = True
            scene.server.set(TASKY_RETENTION_COUNT="3")
            scene.restart(where)
        case Plan.RELOAD:
            scene.await_load()
            scene.server.process.send_signal(signal.SIGHUP)
        case Plan.UPGRADE:
            scene.await_load()
            scene.server.process.send_signal(signal.SIGUSR2)
        case Plan.STOP:  # "put.back" takes a task that is just about to start
            scene.await_load()
            while scene.server.stop() == 0:
                scene.restart(where)
                scene.await_load()
