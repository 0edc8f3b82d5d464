"""docs/api.md names every route, option, status and member that there is."""

from __future__ import annotations

import json
import re

import pytest

from tasky.errors import TaskyError
from tasky.service import Service
from tasky.web.app import Readiness, routes
from tasky.web.resource import Resource
from tests.helpers import REPOSITORY
from tests.web.api import Api
from tests.web.test_problems import tree

PAGE = (REPOSITORY / "docs/api.md").read_text()


def _never() -> Readiness:
    raise AssertionError("no request is answered")


ROUTES: list[tuple[str, Resource]] = [
    (path.replace("{task_id}", "{id}").replace("{path:path}", "{path}"), resource)
    for path, resource in routes(object.__new__(Service), 0, _never, 1).items()
]


def sections() -> dict[str, str]:
    """By anchor."""
    parts = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    names = (name.lower().replace(" ", "-") for name in parts[1::2])
    return dict(zip(names, parts[2::2], strict=True))


@pytest.mark.parametrize(("path", "resource"), ROUTES, ids=[path for path, _ in ROUTES])
def test_every_route_with_its_methods_and_options(path: str, resource: Resource) -> None:
    found = dict(re.findall(rf"\[`([A-Z]+) {re.escape(path)}/?`\]\(#([a-z-]+)\)", PAGE))
    allowed = set(resource.allow.split(", "))
    assert set(found) == allowed - {"HEAD", "OPTIONS"}
    text = "".join(sections()[anchor] for anchor in found.values())
    for option in options_of(resource):
        assert f"\n| `{option}` |" in text


def options_of(resource: Resource) -> set[str]:
    return {option for about in resource.operations.values() for option in about.query}


def test_no_option_that_there_is_not() -> None:
    documented = {
        name
        for anchor, text in sections().items()
        if anchor not in ("one-task", "errors", "health")
        for name in re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE)
    }
    assert documented == {name for _, resource in ROUTES for name in options_of(resource)}


def test_every_status() -> None:
    documented = {int(number) for number in re.findall(r"^\| (\d{3}) \|", PAGE, re.MULTILINE)}
    assert documented == {kind.status for kind in tree(TaskyError)} | {405, 408, 431, 501}


def test_every_member_of_a_task(api: Api) -> None:
    documented = set(re.findall(r"`([A-Z]\w+)`", sections()["one-task"]))
    task_id = api.submit("fail", query="?timeout=1h&at=2000-01-01T00:00:00Z")
    again = api.post(f"/tasks/{task_id}/restart").json["TaskId"]
    for each in (task_id, again):
        api.reach(each, "Failed")
        assert set(api.get(f"/tasks/{each}").json) <= documented


def test_links_lead_somewhere() -> None:
    assert set(re.findall(r"\]\(#([a-z-]+)\)", PAGE)) <= set(sections())


def test_examples_are_json() -> None:
    """Where nothing was left out of them."""
    answers = [line for line in PAGE.splitlines() if line.startswith(("{", "["))]
    whole = [line for line in answers if "…" not in line and not line.endswith(",")]
    assert len(whole) > 10
    for line in whole:
        json.loads(line)
