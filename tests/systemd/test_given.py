"""What is taken out of the environment, and for whom it was."""

from __future__ import annotations

import os

import pytest

from tasky.errors import TaskyError
from tasky.systemd import Given

OURS, ANOTHERS = str(os.getpid()), "1"


def test_everything_is_taken_out() -> None:
    environ = {
        "NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": OURS,
        "LISTEN_FDS": "1", "LISTEN_PID": OURS, "LISTEN_FDNAMES": "tasky.socket", "LANG": "C",
    }  # fmt: skip
    assert Given.take(environ) == Given(notify_socket="@x", watchdog=60.0, sockets=1)
    assert environ == {"LANG": "C"}
    assert Given.take(environ) == Given()


def test_what_is_for_another_process_is_dropped() -> None:
    environ = {
        "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": ANOTHERS, "LISTEN_FDS": "1", "LISTEN_PID": ANOTHERS,
    }  # fmt: skip
    assert Given.take(environ) == Given()
    assert not environ


@pytest.mark.parametrize("value", ["0", "-1", "1s", "\u0661"])
def test_what_is_no_number(value: str) -> None:
    with pytest.raises(TaskyError, match="WATCHDOG_USEC"):
        Given.take({"WATCHDOG_USEC": value})
