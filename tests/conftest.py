"""What holds for every test: none leaves anything behind (tests/order.py), and with --no-skip none is left out."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.cases", "tests.crashes.draw", "tests.order"]

# A run starts hundreds of servers, and several processes collect all tests: each file is compiled once, also where the
# environment wants no bytecode to be kept.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

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
    parser.addoption(
        "--pictures", metavar="DIR", help="where the pictures of the page go, to be kept"
    )
    parser.addoption("--no-skip", action="store_true", help="a test that is skipped fails")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules with a long test come first: one that began last would be waited for by all the others. (pytest-randomly
    has made the order; a module stays together.)"""
    long = {item.path for item in items if item.get_closest_marker("long")}
    items.sort(key=lambda item: item.path not in long)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.config.getoption("--no-skip"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and --no-skip allows none: {report.longrepr}"
    return report
