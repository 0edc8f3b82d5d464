"""Whatever clients, workers, crashes and restarts do, in any order: a task's life is as the contract says.

A Hypothesis state machine drives a real server; `life` says what must come of it. `--all` runs many more examples.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    run_state_machine_as_test,
)

from tasky.model.containment import Kind
from tasky.supervisor import probe
from tests.crashes.draw import drawn_mode
from tests.helpers import REPOSITORY, serving, write_definition
from tests.machine.checks import check_document, check_log, check_processes
from tests.machine.clients import Clients
from tests.machine.crashes import Crashes
from tests.machine.driver import MOST, SLOTS, step
from tests.machine.life import Worker
from tests.machine.stage import Stage
from tests.machine.workers import Workers

PUPPET = REPOSITORY / "tests/workers/puppet.py"
RETRIED = ("exit", "signal", "timeout", "lost")
WORKERS = (
    Worker("plain"),
    Worker("single", max_tasks=1),
    Worker("again", attempts=2, retried=RETRIED),
    Worker("later", attempts=3, retried=("signal", "lost"), delayed=True),
)

workers = st.sampled_from(WORKERS)
manners = st.sampled_from(["obedient", "obedient", "polite", "stubborn"])
#: Which of the tasks that a rule is for.
picks = st.integers(0, MOST - 1)
messages = st.one_of(
    st.builds(lambda value: {"type": "result", "output": value}, st.none() | st.integers(0, 9)),
    st.builds(lambda value: {"type": "progress", "percent": value}, st.integers(0, 100)),
    st.builds(lambda value: {"type": "log", "message": value}, st.sampled_from("abc")),
    st.just({"type": "error", "message": "no", "code": "E_NO"}),
    st.just({"type": "text", "text": "plain"}),
)


class Machine(Clients, Workers, Crashes, RuleBasedStateMachine):
    """The rules: what may happen.

    One without anybody whom it is for does nothing. It is no precondition, since that would depend on how races end,
    and Hypothesis wants the same choices to be there when it replays an example. They are few, and have variants: of
    many, most would be left out of most examples.
    """

    @initialize(first=st.lists(st.tuples(workers, manners), min_size=1, max_size=SLOTS + 1))
    def begin(self, first: list[tuple[Worker, str]]) -> None:
        for worker, manner in first:
            self.submit(worker, manner)

    @step(
        way=st.sampled_from(["once", "twice", "too long", "again"]),
        worker=workers, manner=manners, priority=st.integers(-1, 1), pick=picks,
    )  # fmt: skip
    def submitted(self, way: str, worker: Worker, manner: str, priority: int, pick: int) -> None:
        if self.is_full:
            return
        if way == "once":
            self.submit(worker, manner, priority)
        elif way == "twice":
            self.submit_twice(worker, manner)
        elif way == "too long":
            self.submit_what_takes_too_long(worker)
        elif life := self.pick(pick, self.house.patient):
            self.restart(life)

    @step(what=st.sampled_from(["pause", "resume", "delete", "cancel"]), pick=picks)
    def asked(self, what: str, pick: int) -> None:
        if life := self.pick(pick, self.house.able_to(what)):
            getattr(self, what)(life)

    @step(way=st.sampled_from(["at_once", "twice"]), pick=picks)
    def canceled(self, way: str, pick: int) -> None:
        if life := self.pick(pick, self.house.alive):
            getattr(self, f"cancel_{way}")(life)

    @step(message=messages | st.just("a daemon"), pick=picks)
    def said(self, message: Any, pick: int) -> None:
        if (life := self.pick(pick, self.house.awake)) is None:
            return
        if message == "a daemon":
            self.leave_a_daemon(life)
        else:
            self.say(life, message)

    @step(how=st.sampled_from([0, 1, 3, signal.SIGTERM, signal.SIGPIPE, None]), pick=picks)
    def ended(self, how: int | None, pick: int) -> None:
        """By itself, with a status or a signal; or killed by somebody."""
        if how is None:
            if life := self.pick(pick, self.house.with_process):
                self.killed(life)
        elif life := self.pick(pick, self.house.awake):
            if isinstance(how, signal.Signals):
                self.die(life, how)
            else:
                self.exit(life, how)

    @step(what=st.sampled_from(["cancel", "pause"]), code=st.sampled_from([0, 3]), pick=picks)
    def asked_while_it_exits(self, what: str, code: int, pick: int) -> None:
        """Whichever comes first."""
        if life := self.pick(pick, self.house.obedient):
            getattr(self, f"{what}_while_it_exits")(life, code)

    @step(
        how=st.sampled_from(
            ["stop", "kill", "exit", "cancel", "cancel?grace=0s", "pause", "submit"]
        ),
        worker=workers, manner=manners, pick=picks,
    )  # fmt: skip
    def restarted(self, how: str, worker: Worker, manner: str, pick: int) -> None:
        """The server: after a clean stop, or SIGKILL; that alone, or while a worker exits or a client asks."""
        if how == "stop":
            self.stop()
        elif how == "submit":
            self.crash_while_submitted(worker, manner)
        elif how in ("kill", "exit"):
            self.crash(self.pick(pick, self.house.awake) if how == "exit" else None)
        elif life := self.pick(pick, self.house.alive):
            self.crash_while_asked(life, how)

    # ------------------------------------------------------------------ what always holds

    @invariant()
    def what_is_refused_changes_nothing(self) -> None:
        for life in self.house:
            for request in life.changes_nothing:
                self.is_accepted(life, request)

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        check_processes(self.house)
        for life in self.house:
            check_document(life, self.document(life))
            check_log(life, self.server)
        listed = self.server.get("/tasks/?limit=1000")["Tasks"]
        assert {task["TaskId"] for task in listed} == {life.task_id for life in self.house}

    def teardown(self) -> None:
        self.clean_up()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path / "puppets")
    yield stage
    stage.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """In one kind of containment, drawn with the run's seed; with --all in both."""
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", drawn_mode(metafunc.config), indirect=True)


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    found = probe()
    if request.param == Kind.CGROUP and found.kind is not Kind.CGROUP:
        pytest.skip(f"CGROUPS ARE NOT TESTED: they cannot be had here: {found.reason}")
    return str(request.param)


@pytest.mark.case("P15", "P16", "P17", "P18", "P19", "P33", "S8", "S17")
@pytest.mark.long
def test_life(tmp_path: Path, stage: Stage, kind: str, pytestconfig: pytest.Config) -> None:
    folder = tmp_path / "workers.d"
    for worker in WORKERS:
        define(folder, worker, tmp_path / "puppets")
    count = 100 if pytestconfig.getoption("--all") else 5
    with serving(
        folder, tmp_path / "state", TASKY_MAX_TASKS=str(SLOTS), TASKY_CONTAINMENT=kind
    ) as server:
        machine = type("Life", (Machine,), {"server": server, "stage": stage})
        run_state_machine_as_test(
            machine, settings=settings(max_examples=count, stateful_step_count=15)
        )


def define(folder: Path, worker: Worker, socket: Path) -> None:
    retry = {
        "attempts": worker.attempts,
        "delay": "1h" if worker.delayed else "0s",
        "on": list(worker.retried),
    }
    write_definition(
        folder,
        worker.name,
        command=[sys.executable, "-IS", str(PUPPET)],
        params={"manner": {"type": "string"}},
        env={"PUPPET_SOCKET": str(socket)},
        kill_grace="1h",
        max_tasks=worker.max_tasks,
        **({"retry": retry} if worker.attempts > 1 else {}),
    )
