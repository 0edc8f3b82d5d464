"""The cases of docs/reliability.md: which tests have them, and the page's tables. A plugin of pytest's, too.

A test has a case by its mark: `@pytest.mark.case("P3")`. The tables are the only list of the cases.
PYTEST_DONT_REWRITE: scripts/cases imports it before there is a pytest.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

import pytest

from tests.record import RELIABILITY, recorded, replaced

ROOT: Final = RELIABILITY.parent.parent
MARK: Final = "scripts/cases"
#: | P1 | what must happen | tests | why there is none | result |
_ROW: Final = re.compile(r"^\| ([A-Z]\d+) \|(.*)\|(.*)\|(.*)\|(.*)\|$")
_NAME: Final = re.compile(r"`([\w/]+\.py)::([\w:]+)`")
#: Of a case with many tests so many are named.
_MOST: Final = 4

Tests = Mapping[str, frozenset[str]]
"""By case: tests as `store/test_lock.py::test_two`, whatever their parameters."""


@dataclass(frozen=True)
class Case:
    """A row of the tables."""

    id: str
    about: str
    tests: str
    reason: str
    result: str

    @classmethod
    def of_line(cls, line: str) -> Self | None:
        match = _ROW.match(line)
        return cls(match[1], *(match[number].strip() for number in range(2, 6))) if match else None

    def __str__(self) -> str:
        cells = (self.id, self.about, self.tests, self.reason, self.result)
        return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"

    @property
    def named(self) -> list[str]:
        return [f"{file}::{test}" for file, test in _NAME.findall(self.tests)]


def read(document: str) -> list[Case]:
    lines = recorded(document, MARK).splitlines()
    return [case for line in lines if (case := Case.of_line(line))]


def rewritten(document: str, tests: Tests, results: Mapping[str, str] | None = None) -> str:
    """With the tests of each case, and if there are any with the results. The rest stays."""
    lines = []
    for line in recorded(document, MARK).splitlines():
        case = Case.of_line(line)
        if case:
            case = replace(case, tests=names(tests.get(case.id, ())))
            if results is not None:
                case = replace(case, result=results.get(case.id, ""))
        lines.append(str(case or line))
    return replaced(document, MARK, "\n".join(lines))


def names(tests: Iterable[str]) -> str:
    first, rest = sorted(tests)[:_MOST], sorted(tests)[_MOST:]
    more = [f"and {len(rest)} more"] if rest else []
    return ", ".join([*(f"`{name}`" for name in first), *more])


# ---------------------------------------------------------------------- what pytest has collected


@dataclass
class Collected:
    """`files` are those that pytest has looked into."""

    tests: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    files: set[Path] = field(default_factory=set)

    @property
    def is_whole(self) -> bool:
        return self.files >= set((ROOT / "tests").rglob("test_*.py"))


COLLECTED: Final = pytest.StashKey[Collected]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[COLLECTED] = Collected()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Before others leave tests out. A report of a test tells its cases (`Outcomes`), also from another process."""
    collected = config.stash[COLLECTED]
    for item in items:
        collected.files.add(item.path)
        for case in dict.fromkeys(case for mark in item.iter_markers("case") for case in mark.args):
            name = item.nodeid.partition("[")[0].removeprefix("tests/")
            collected.tests[case].add(name)
            item.user_properties.append(("case", case))


class Outcomes:
    """Of the tests of each case, in a run of pytest."""

    def __init__(self) -> None:
        self._found: Final[dict[str, dict[str, str]]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Setup and teardown count where they fail: the look at what was left is a teardown."""
        if report.when == "call" or report.outcome != "passed":
            for _, case in (pair for pair in report.user_properties if pair[0] == "case"):
                before = self._found[case].get(report.nodeid)
                self._found[case][report.nodeid] = (
                    "failed" if before == "failed" else report.outcome
                )

    def results(self) -> dict[str, str]:
        """Such as `7 passed`, or `1 failed, 6 passed`."""
        counts = {case: Counter(tests.values()) for case, tests in self._found.items()}
        return {
            case: ", ".join(f"{number} {outcome}" for outcome, number in sorted(count.items()))
            for case, count in counts.items()
        }


class _Keep:
    """What a run of pytest has collected, for after its end."""

    collected = Collected()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.collected = session.config.stash[COLLECTED]


def collect() -> Tests:
    """In a pytest of its own, so not within a test."""
    keep, said = _Keep(), io.StringIO()
    with contextlib.redirect_stdout(said):
        status = pytest.main([str(ROOT / "tests"), "--collect-only", "-qq"], plugins=[keep])
    if status != pytest.ExitCode.OK:
        sys.exit(said.getvalue()[-3000:])
    return {case: frozenset(tests) for case, tests in keep.collected.tests.items()}


def run(*arguments: str) -> tuple[int, dict[str, str]]:
    """The tests of all cases: pytest's exit status, and the results."""
    outcomes = Outcomes()
    status = pytest.main([str(ROOT / "tests"), "-m", "case", *arguments], plugins=[outcomes])
    return int(status), outcomes.results()


if __name__ == "__main__":
    from tests.cases import collect  # the plugin's own; what is run as __main__ is another module

    print(json.dumps({case: sorted(tests) for case, tests in collect().items()}))
