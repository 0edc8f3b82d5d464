"""docs/reliability.md: every case has its tests, or says why not; what it names is there."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests import cases
from tests.helpers import REPOSITORY
from tests.record import RELIABILITY, recorded, replaced

PAGE = RELIABILITY.read_text()
CASES = cases.read(PAGE)
GROUPS = {"P": 36, "L": 27, "S": 17, "C": 19, "H": 30}


@pytest.fixture(scope="module")
def tests(pytestconfig: pytest.Config) -> cases.Tests:
    """By case. This run has them all if it is one of all tests; else another pytest collects them."""
    collected = pytestconfig.stash[cases.COLLECTED]
    if collected.is_whole:
        return {case: frozenset(tests) for case, tests in collected.tests.items()}
    done = subprocess.run(
        [sys.executable, "-m", "tests.cases"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {case: frozenset(tests) for case, tests in json.loads(done.stdout).items()}


def test_the_tables_have_them_all() -> None:
    listed = [case.id for case in CASES]
    assert len(listed) == len(set(listed))
    wanted = {f"{group}{number}" for group, last in GROUPS.items() for number in range(1, last + 1)}
    assert wanted <= set(listed)
    assert all(case.about for case in CASES)


def test_every_case_is_tested_or_says_why_not(tests: cases.Tests) -> None:
    assert [case.id for case in CASES if case.id not in tests and not case.reason] == []
    assert tests.keys() <= {case.id for case in CASES}, "marks of cases that there are not"


def test_every_test_that_is_named_is_there_and_has_the_case(tests: cases.Tests) -> None:
    wrong = [
        f"{case.id}: {name}"
        for case in CASES
        for name in case.named
        if name not in tests.get(case.id, ())
    ]
    assert not wrong, "scripts/cases --write puts it right"
    unnamed = [case.id for case in CASES if case.id in tests and not case.named]
    assert not unnamed, "scripts/cases --write puts it right"


# ---------------------------------------------------------------------- the tables

TABLE = """\
Before.
<!-- scripts/cases: -->

| case | what happens | tests | not tested here because | result |
|---|---|---|---|---|
| P1 | one: | `a/test_x.py::test_old` | | 1 passed |
| S2 | two `|` | | needs a second machine | |

<!-- :scripts/cases -->
After.
"""


def test_a_table_is_rewritten_but_for_what_people_say() -> None:
    few = {"P1": {f"a/test_x.py::test_{number}" for number in range(6)}}
    text = cases.rewritten(TABLE, {case: frozenset(names) for case, names in few.items()})
    first, second = cases.read(text)
    assert first.named == [f"a/test_x.py::test_{number}" for number in range(4)]
    assert first.tests.endswith(", and 2 more")
    assert (first.about, first.result) == ("one:", "1 passed")
    assert (second.tests, second.reason) == ("", "needs a second machine")
    assert text.startswith("Before.\n")
    assert text.endswith("After.\n")
    assert cases.rewritten(text, {case: frozenset(names) for case, names in few.items()}) == text
    with_results = cases.rewritten(text, {}, {"S2": "3 passed"})
    assert [case.result for case in cases.read(with_results)] == ["", "3 passed"]


def test_marks_that_are_missing() -> None:
    assert recorded(replaced(TABLE, "scripts/cases", "x"), "scripts/cases") == "x"
    with pytest.raises(LookupError, match="scripts/prove"):
        replaced(TABLE, "scripts/prove", "x")


def report(when: str, outcome: str, nodeid: str, *ids: str) -> pytest.TestReport:
    properties = [("case", one) for one in ids]
    return pytest.TestReport(
        nodeid, (nodeid, 1, nodeid), {}, outcome, None, when,  # type: ignore[arg-type]
        user_properties=properties,
    )  # fmt: skip


def test_results() -> None:
    """What is left behind after a test is an error of its teardown, and fails it."""
    outcomes = cases.Outcomes()
    for one in (
        report("setup", "passed", "a", "P1"),
        report("call", "passed", "a", "P1"),
        report("teardown", "passed", "a", "P1"),
        report("call", "passed", "b", "P1", "P2"),
        report("teardown", "failed", "b", "P1", "P2"),
        report("setup", "skipped", "c", "P3"),
    ):
        outcomes.pytest_runtest_logreport(one)
    assert outcomes.results() == {"P1": "1 failed, 1 passed", "P2": "1 failed", "P3": "1 skipped"}
