"""docs/metrics.md, the alerts and the dashboard name the metrics that a real server has, and no others."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers import REPOSITORY, serving, write_definition
from tests.scrapes import Scrape, scrape

RULES = REPOSITORY / "etc/prometheus/tasky-alerts.yml"
RULE_TESTS = REPOSITORY / "etc/prometheus/tasky-alerts.test.yml"
DASHBOARD = REPOSITORY / "etc/grafana/tasky-dashboard.json"
TABLE = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.+) \|$", re.MULTILINE)
NAME = re.compile(r"\b(?:tasky|process)_\w+")
SELECTOR = re.compile(r"\b((?:tasky|process)_\w+)\{([^}]*)\}")
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
#: What Prometheus itself adds.
TARGET = {"instance", "job"}

Row = tuple[str, str, frozenset[str], str]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Scrape:
    root = tmp_path_factory.mktemp("monitoring")
    write_definition(root / "workers.d", "true", command=["/bin/true"])
    with serving(root / "workers.d", root / "state") as server:
        server.run("true")
        scrape(server)
        return scrape(server)


def rows(found: Scrape) -> Iterator[Row]:
    for family in found.families.values():
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        suffix = "_total" if family.type == "counter" else ""
        yield family.name + suffix, family.type, frozenset(labels), family.documentation


def documented() -> list[Row]:
    page = (REPOSITORY / "docs/metrics.md").read_text()
    return [
        (name, kind, frozenset(re.findall(r"`(\w+)`", labels)), about)
        for name, kind, labels, about in TABLE.findall(page)
    ]


def labels_by_sample() -> dict[str, frozenset[str]]:
    """Of each sample that an expression may name."""
    return {
        name.removesuffix("_total") + suffix: labels | ({"le"} if suffix == "_bucket" else set())
        for name, kind, labels, _ in documented()
        for suffix in SUFFIXES.get(kind, ("",))
    }


def test_the_table_is_what_a_server_shows(found: Scrape) -> None:
    assert sorted(documented()) == sorted(rows(found))


def alerts() -> list[str]:
    document = yaml.safe_load(RULES.read_text())
    return [rule["expr"] for group in document["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return shown


def dashboard() -> list[str]:
    document = json.loads(DASHBOARD.read_text())
    queries = [each["query"] for each in document["templating"]["list"]]
    return [
        *queries,
        *(target["expr"] for panel in panels() for target in panel.get("targets", [])),
    ]


@pytest.mark.parametrize("expressions", [alerts(), dashboard()], ids=["alerts", "dashboard"])
def test_every_metric_and_label_exists(expressions: list[str]) -> None:
    known = labels_by_sample()
    assert len(expressions) > 5
    for expression in expressions:
        assert set(NAME.findall(expression)) <= known.keys(), expression
        for name, matchers in SELECTOR.findall(expression):
            labels = set(re.findall(r"(\w+)\s*[!=]", matchers))
            assert labels <= known[name] | TARGET, expression
        for grouping in re.findall(r"\bby \(([^)]*)\)", expression):
            allowed = TARGET.union(*(known[name] for name in NAME.findall(expression)))
            assert {label.strip() for label in grouping.split(",")} <= allowed, expression


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    shown = {name for expression in dashboard() for name in NAME.findall(expression)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    ours = {name for name, *_ in documented() if name.startswith("tasky_")}
    # That is an alert, and part of `tasky_ready`.
    assert ours - families == {"tasky_store_blocked"}


def test_the_dashboard_can_be_imported() -> None:
    document = json.loads(DASHBOARD.read_text())
    assert document["title"] == "Tasky"
    assert "id" not in document  # else it would replace another one
    identifiers = [panel["id"] for panel in panels()]
    assert len(identifiers) == len(set(identifiers))
    for panel in panels():
        if panel["type"] == "row":
            continue
        assert panel["datasource"]["uid"] == "${datasource}"
        assert [each["refId"] for each in panel["targets"]] == list("ABCDEF")[
            : len(panel["targets"])
        ]
    assert list(overlapping()) == []


def overlapping() -> Iterator[tuple[str, str]]:
    places = [(panel["title"], panel["gridPos"]) for panel in panels()]
    for number, (title, a) in enumerate(places):
        for other, b in places[number + 1 :]:
            beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
            above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
            if not (beside or above):
                yield title, other


def promtool(*arguments: str | Path) -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("ALERTS ARE NOT CHECKED: no promtool; scripts/test --system installs it")
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("what", "file"), [("check", RULES), ("test", RULE_TESTS)])
def test_promtool_has_nothing_to_say_of_the_alerts(what: str, file: Path) -> None:
    promtool(what, "rules", file)


def test_promtool_has_nothing_to_say_of_the_dashboard(tmp_path: Path) -> None:
    """Its expressions as rules, with values for its variables."""
    targets = [target for panel in panels() for target in panel.get("targets", [])]
    expressions = [each["expr"].replace("$__rate_interval", "5m") for each in targets]
    rules = [{"record": f"x:{number}", "expr": each} for number, each in enumerate(expressions)]
    file = tmp_path / "dashboard.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", file)


def test_every_alert_has_a_test_of_its_own() -> None:
    document = yaml.safe_load(RULES.read_text())
    names = [rule["alert"] for group in document["groups"] for rule in group["rules"]]
    text = RULE_TESTS.read_text()
    assert [name for name in names if text.count(name) < 2] == []
