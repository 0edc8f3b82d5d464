"""scripts/bench: it measures, and what it makes of its figures is right."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.bench import Bench, Contestant, Metric, Scenario, Trouble
from tests.bench.figures import median, ratio
from tests.bench.report import report
from tests.bench.run import run
from tests.bench.scenarios import SCENARIOS
from tests.bench.systems import SYSTEMS
from tests.bench.targets import TARGETS, verdicts
from tests.helpers import REPOSITORY


def results(**found: Any) -> dict[str, Any]:
    return {name: {"seconds": 1, "found": cases} for name, cases in found.items()}


def document(measured: dict[str, Any]) -> dict[str, Any]:
    return {
        "date": "2026-01-01", "command": "scripts/bench", "minutes": 1, "load": 0.5, "fsync": "always",
        "machine": {"cpu": "a", "cores": 2, "kernel": "6.1", "versions": {"Python": "3.11"}},
        "absent": {"rq": "it needs rq"}, "results": measured,
    }  # fmt: skip


def test_it_measures(tmp_path: Path) -> None:
    if not shutil.which("cc"):
        pytest.skip("no C compiler")
    figures = tmp_path / "figures.json"
    subprocess.run(
        [
            *(sys.executable, "-m", "tests.bench", "true", "--quick", "--seconds", "0.05"),
            *("--systems", "tasky,posix_spawn", "--json", figures, "--folder", tmp_path),
        ],
        cwd=REPOSITORY, check=True, capture_output=True,
    )  # fmt: skip
    found = json.loads(figures.read_text())["results"]["true"]["found"]
    assert found.keys() == {"1 client", "16 clients"}
    for systems in found.values():
        assert systems.keys() == {"tasky", "posix_spawn"}
        assert all(sample["rate"] > 0 and sample["p50"] > 0 for (sample,) in systems.values())
    assert list(tmp_path.iterdir()) == [figures]


def test_what_scenarios_compare_is_known() -> None:
    for scenario in SCENARIOS.values():
        assert set(scenario.systems) <= SYSTEMS.keys()
    for target in TARGETS:
        assert target.scenario in SCENARIOS
        assert target.metric in {metric.key for metric in SCENARIOS[target.scenario].metrics}


def test_ratios_are_those_of_neighbours() -> None:
    """The machine was slow in the second round, for both; the third one failed."""
    some = [{"rate": 50.0}, {"rate": 5.0}, None, {"rate": 40.0}]
    others = [{"rate": 100.0}, {"rate": 10.0}, {"rate": 1.0}, {"rate": 100.0}]
    assert ratio(some, others, "rate") == 0.5
    assert ratio(some, [], "rate") is None
    assert median(some, "rate") == 40
    assert median([None], "rate") is None


@pytest.mark.parametrize(("rate", "word"), [(80.0, "met"), (70.0, "**missed**")])
def test_targets_are_met_or_missed(rate: float, word: str) -> None:
    measured = results(
        true={"16 clients": {"tasky": [{"rate": rate}], "posix_spawn": [{"rate": 100.0}]}}
    )
    found = verdicts(measured)
    assert (found[0].ratio, found[0].word) == (rate / 100, word)
    assert {verdict.word for verdict in found[1:]} == {"not measured"}
    assert f"| {rate / 100:.2f} | ≥ 0.75 | {word} |" in report(document(measured))


def test_the_report_has_every_figure_and_what_is_absent() -> None:
    samples = {"rate": 1234.5, "p50": 500.0, "p99": 1500.0}
    text = report(document(results(true={"1 client": {"tasky": [samples]}})), "pictures")
    assert "| 1 client | tasky | - | 1,234 | 0.50 | 1.50 |" in text
    assert "![/bin/true](pictures/true.svg)" in text
    assert "- rq: it needs rq" in text


def test_what_fails_is_left_out_and_named(tmp_path: Path) -> None:
    def fails() -> dict[str, float]:
        raise Trouble("no room")

    def contestants(*_: Any) -> list[Contestant]:
        return [
            Contestant("one", "tasky", fails),
            Contestant("two", "tasky", lambda: {"rate": 1.0}),
            Contestant("one", "webhook", lambda: {"rate": 2.0}),
        ]

    scenario = Scenario("s", "", "", ("tasky",), (Metric("rate", "/s"),), "tasky", contestants)
    bench = Bench(tmp_path, tmp_path, 1, True, frozenset({"tasky"}))
    found = run(bench, [scenario], rounds=2)["s"]["found"]
    assert found == {
        "one": {"tasky": [None, None], "webhook": [{"rate": 2.0}] * 2},
        "two": {"tasky": [{"rate": 1.0}] * 2},
    }
    assert bench.absent == {"s, one, tasky": "no room"}


def test_pictures_are_drawn(tmp_path: Path) -> None:
    if importlib.util.find_spec("matplotlib") is None:
        pytest.skip("the extra `bench` is not here")
    file = tmp_path / "figures.json"
    measured = {"1 client": {"tasky": [{"rate": 1234.5}]}}
    file.write_text(json.dumps(document(results(true=measured))))
    subprocess.run(
        [sys.executable, "-m", "tests.bench", "--read", file, "--pictures", tmp_path],
        cwd=REPOSITORY, check=True, capture_output=True,
    )  # fmt: skip
    assert "1,23" in (tmp_path / "true.svg").read_text()


def test_a_wrong_name_is_said() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "tru"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "there is no scenario tru" in done.stderr
