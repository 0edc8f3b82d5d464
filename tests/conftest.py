"""What holds for every test: none leaves a child process behind, and with --no-skip none is left out."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A shell starts what is to run in its background with SIGINT ignored, and that is inherited: Ctrl-C would do nothing in
# the processes that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No time limit for an example: the machine may be busy.
settings.register_profile(
    "tasky", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("tasky")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skip", action="store_true", help="a test that is skipped fails")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.config.getoption("--no-skip"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and --no-skip allows none: {report.longrepr}"
    return report


def _children() -> set[int]:
    """Also zombies: a child that nobody waited for is a leak."""
    found: set[int] = set()
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended
            found.update(map(int, (thread / "children").read_text().split()))
    return found


@pytest.fixture(autouse=True)
def _no_child_is_left() -> Generator[None, None, None]:
    before = _children()
    yield
    left = _children() - before
    assert not left, f"child processes are left: {sorted(left)}"
