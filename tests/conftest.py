"""What holds for every test: none leaves anything behind (tests/order.py), and with --no-skip none is left out."""

from __future__ import annotations

import signal
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.cases", "tests.crashes.draw", "tests.order"]

# A shell starts what is to run in its background with SIGINT ignored, and that is inherited: Ctrl-C would do nothing in
# the processes that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No time limit for an example: the machine may be busy.
settings.register_profile(
    "tasky", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("tasky")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all", action="store_true", help="also what takes long: all crash points, more of chance"
    )
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
