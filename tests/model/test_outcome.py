"""How a task ends: every row of the table."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tasky.model.limits import Limits
from tasky.model.outcome import Ending, ExitStatus, Reason, WorkerError, decide
from tasky.model.states import Event
from tasky.model.task import Failure

GOOD = ExitStatus(code=0)
BAD = ExitStatus(code=7)
KILLED = ExitStatus(signal=signal.SIGKILL)
SAID = WorkerError("no space")


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"status": GOOD}, None),
        ({"status": BAD}, "exit"),
        ({"status": KILLED}, "signal"),
        ({"status": ExitStatus(lost=True)}, "lost"),
        ({"status": GOOD, "error": SAID}, "worker"),
        ({"status": BAD, "error": SAID}, "worker"),
        ({"status": KILLED, "error": SAID}, "worker"),
        ({"status": GOOD, "reason": Reason.TIMEOUT, "timeout": 10**9}, "timeout"),
        ({"status": KILLED, "reason": Reason.TIMEOUT, "timeout": 10**9}, "timeout"),
        ({"status": GOOD, "reason": Reason.TIMEOUT, "timeout": 1, "error": SAID}, "timeout"),
        ({"status": GOOD, "reason": Reason.SHUTDOWN}, "shutdown"),
        ({"status": KILLED, "reason": Reason.SHUTDOWN}, "shutdown"),
        ({"status": GOOD, "reason": Reason.OUTPUT}, "output"),
        ({"status": KILLED, "reason": Reason.OUTPUT, "error": SAID}, "output"),
        ({"status": KILLED, "out_of_memory": True}, "memory"),
        ({"status": BAD, "out_of_memory": True}, "memory"),
        ({"status": BAD, "out_of_memory": True, "error": SAID}, "memory"),
        ({"status": GOOD, "out_of_memory": True, "error": SAID}, "memory"),
        ({"status": ExitStatus(lost=True), "out_of_memory": True}, "memory"),
        ({"status": GOOD, "out_of_memory": True}, None),
        ({"status": KILLED, "out_of_memory": True, "reason": Reason.TIMEOUT}, "timeout"),
        ({"status": KILLED, "out_of_memory": True, "reason": Reason.OUTPUT}, "output"),
    ],
)
def test_code(facts: dict[str, Any], code: str | None) -> None:
    event, failure = decide(Ending(**facts))
    assert event is (Event.FAIL if code else Event.SUCCEED)
    assert (failure.code if failure else None) == code


@pytest.mark.parametrize("status", [GOOD, BAD, KILLED])
def test_a_cancelled_task_never_succeeds(status: ExitStatus) -> None:
    event, _ = decide(Ending(status=status, reason=Reason.CANCEL))
    assert event is Event.FAIL


def failure_of(**facts: Any) -> Failure:
    _, failure = decide(Ending(**facts))
    assert failure is not None
    return failure


def test_the_facts_are_kept() -> None:
    assert failure_of(status=BAD).exit_code == 7
    assert failure_of(status=KILLED).signal == "SIGKILL"
    assert failure_of(status=ExitStatus(signal=40)).signal == "SIG40"
    assert failure_of(status=GOOD, error=SAID).exit_code is None, "0 is no news"


def test_the_message_has_the_last_words() -> None:
    assert (
        failure_of(status=BAD, last_words="disk on fire").message == "exit status 7: disk on fire"
    )
    assert failure_of(status=BAD).message == "exit status 7"
    limit = failure_of(status=KILLED, reason=Reason.TIMEOUT, timeout=90 * 10**9).message
    assert limit == "it ran for longer than 1m30s"


def test_the_message_names_the_limit() -> None:
    limits = Limits(memory=512 << 20, output=1 << 20)
    assert (
        failure_of(status=KILLED, reason=Reason.OUTPUT, limits=limits).message
        == "it wrote more than 1MiB"
    )
    memory = failure_of(status=KILLED, out_of_memory=True, limits=limits)
    assert memory.message == "it used more than 512MiB of memory"
    assert memory.signal == "SIGKILL"
    assert (
        failure_of(status=KILLED, out_of_memory=True).message
        == "the system had no memory left for it"
    )


@pytest.mark.parametrize(
    ("code", "details", "shown"),
    [
        (None, None, None),
        (None, [1], [1]),
        ("E1", None, {"code": "E1"}),
        ("E1", {"a": 1}, {"code": "E1", "a": 1}),
        ("E1", [1], {"code": "E1", "details": [1]}),
    ],
)
def test_the_workers_own_code_is_in_the_details(code: Any, details: Any, shown: Any) -> None:
    error = WorkerError("x", code, details)
    assert failure_of(status=GOOD, error=error).details == shown


def test_a_failure_survives_json() -> None:
    failure = failure_of(status=BAD, error=WorkerError("x", "E", {"n": [None]}))
    assert Failure.from_json(failure.as_json()) == failure
