"""A real Prometheus scrapes a real server: it is content, and each expression of the dashboard shows something."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import PATIENCE, REPOSITORY, Server, wait_for, write_definition

VARIABLES = {"$__rate_interval": "10s", "$instance": ".*", "$worker": ".*"}
DASHBOARD = REPOSITORY / "etc/grafana/tasky-dashboard.json"


class Prometheus:
    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, route: str, **query: str) -> Any:
        """The data of an answer; None while there is none."""
        address = f"{self._url}/api/v1/{route}?{urllib.parse.urlencode(query)}"
        with contextlib.suppress(OSError), urllib.request.urlopen(address) as answer:
            return json.load(answer)["data"]
        return None

    def values(self, expression: str) -> list[str]:
        data = self.ask("query", query=expression)
        return [each["value"][1] for each in data["result"] if each["value"][1] != "NaN"]


@pytest.fixture
def prometheus(
    serve: Callable[..., Server], workers: Path, tmp_path: Path
) -> Iterator[tuple[Prometheus, Server]]:
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("PROMETHEUS ITSELF IS NOT TESTED: not found; scripts/test --system installs it")
    write_definition(workers, "false", command=["/bin/false"])
    server = serve()
    job = {"job_name": "tasky", "static_configs": [{"targets": ["{}:{}".format(*server.address)]}]}
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(REPOSITORY / "etc/prometheus/tasky-alerts.yml")],
        "scrape_configs": [job],
    }
    (tmp_path / "prometheus.yml").write_text(json.dumps(config))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen(
        [
            program,
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/tsdb",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        yield Prometheus(f"http://127.0.0.1:{port}"), server
        process.terminate()


def expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    found = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    for name, value in VARIABLES.items():
        found = [each.replace(name, value) for each in found]
    return found


def test_it_reads_everything(prometheus: tuple[Prometheus, Server]) -> None:
    asked, server = prometheus

    def targets() -> Any:
        return (asked.ask("targets") or {"activeTargets": []})["activeTargets"]

    wait_for(lambda: targets() and targets()[0]["health"] != "unknown", "a first scrape")
    assert [(target["health"], target["lastError"]) for target in targets()] == [("up", "")]
    lacking = expressions()

    def all_show() -> bool:
        server.run("true")
        server.run("false")
        lacking[:] = [each for each in lacking if not asked.values(each)]
        return not lacking

    with contextlib.suppress(AssertionError):
        wait_for(all_show, patience=PATIENCE)
    assert lacking == []
    rules = [rule for group in asked.ask("rules")["groups"] for rule in group["rules"]]
    assert len(rules) >= 8
    assert [rule for rule in rules if rule["health"] != "ok"] == []
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []
