"""kill -9 of the server: what its tasks leave is ended at the next start, in whatever mode either of the two is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasky.model.containment import Kind
from tasky.model.states import State
from tasky.supervisor.containment import former, home
from tests.helpers import PATIENCE, REPOSITORY
from tests.supervisor.chaos import Witness, chaotic
from tests.supervisor.house import House, behaving


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "witness")


@pytest.fixture
def crashed(state: Path, witness: Witness) -> Iterator[Callable[..., list[str]]]:
    """Starts two tasks in a server of their own, kills it; gives the ids of the one that ran, the one that was being
    canceled and one that waited. Whatever the test does, they end."""

    def crash(kind: Kind, mode: str) -> list[str]:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.supervisor.mini_server", str(state)),
                *chaotic(witness, mode).command,
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env=os.environ | {"TASKY_CONTAINMENT": str(kind)},
        )
        assert server.stdout is not None
        try:
            return server.stdout.readline().split()
        finally:
            server.kill()
            server.wait(PATIENCE)
            server.stdout.close()

    yield crash
    former.end_all(state)


@pytest.mark.case("P19")
@pytest.mark.parametrize("next_kind", [Kind.CGROUP, Kind.PROCESS_GROUP])
def test_nothing_of_them_is_left(
    houses: Callable[..., House], crashed: Callable[..., list[str]], witness: Witness, state: Path,
    kind: Kind, next_kind: Kind,
) -> None:  # fmt: skip
    running, canceling, _ = crashed(kind, "stubborn-daemon")
    assert witness.something_is_left()
    if kind is Kind.CGROUP:
        assert Path(state, "containment").exists()
    house = houses(behaving("w", "result", 1), containment=next_kind)
    assert not witness.something_is_left()
    assert house.state(running) is State.FAILED
    assert house.state(canceling) is State.CANCELED
    house.close()
    assert not Path(home.find().folder, home.instance(state)).exists()
    assert not Path(state, "containment").exists()


@pytest.mark.case("P19")
@pytest.mark.parametrize("kind", [Kind.CGROUP], indirect=True)
def test_in_a_cgroup_not_even_what_hides(
    houses: Callable[..., House], crashed: Callable[..., list[str]], witness: Witness, kind: Kind
) -> None:
    """Without one, nothing tells any more where it comes from: the documented limit of process groups."""
    crashed(kind, "scrubbed-daemon")
    houses(behaving("w", "result", 1), containment=kind)
    assert not witness.something_is_left()


def test_a_file_that_names_another_cgroup_ends_nothing(state: Path, tmp_path: Path) -> None:
    state.mkdir()
    for other in ("/", str(tmp_path), str(Path(home.find().folder)), "../x", "", "\0"):
        (state / "containment").write_text(other)
        assert former.folders(state) == frozenset()
