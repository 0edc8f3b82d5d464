"""Chains and schedules on the page: the graph while it changes, the tasks of a step, the rest of one that failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import faults
from tests.browser.stage import Stage, opened
from tests.helpers import Server, wait_for, write_definition


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """While this file is not there, the step `c` fails."""
    return tmp_path_factory.mktemp("gate") / "open"


@pytest.fixture(scope="module", autouse=True)
def _workers(stage: Stage, gate: Path) -> None:
    folder = stage.server.workers
    write_definition(folder, "gate", command=["test", "-e", str(gate)], protocol="text")
    write_definition(
        folder,
        "nightly",
        description="Does it all.",
        chain={
            "a": {"worker": "quick"},
            "b": {"worker": "quick", "for_each": [1, 2, 3]},
            "c": {"worker": "gate", "needs": ["a"]},
            "d": {"worker": "quick", "needs": ["b", "c"]},
        },
        schedule={"cron": "30 2 29 2 *", "time_zone": "Europe/Berlin"},
        **{"finally": {"z": {"worker": "quick"}}},
    )
    wait_for(lambda: stage.server.request("GET", "/workers/nightly").status == 200, "loaded")


def send(server: Server, **body: Any) -> str:
    return str(server.request("POST", "/chains", body).json["TaskId"])


def box(page: Page, step: str) -> Any:
    """Of a step in the graph."""
    return page.locator("li.step").filter(has=page.get_by_text(step, exact=True))


def test_it_is_drawn_while_it_goes_on(page: Page, stage: Stage) -> None:
    chain = send(
        stage.server,
        chain={
            "first": {"worker": "hold"},
            "many": {"worker": "quick", "for_each": [*range(12)]},
            "skipped": {"worker": "quick", "when": {"$": "`false`"}},
        },
    )
    page.goto(f"/#/tasks/{chain}")
    expect(box(page, "first")).to_contain_text("Running")
    expect(box(page, "many")).to_contain_text("Waiting")
    expect(page.locator(".graph > svg path")).to_have_count(2)
    held = stage.server.get(f"/tasks/{chain}")["Steps"][0]["Tasks"][0]["TaskId"]
    box(page, "first").get_by_role("link").click()
    expect(page.get_by_role("main")).to_contain_text(held)
    page.get_by_role("link", name=chain[-8:]).click()  # back to what it is a part of
    expect(box(page, "first")).to_contain_text("Running")
    stage.server.request("POST", f"/tasks/{held}/cancel")
    expect(box(page, "first")).to_contain_text("Canceled")
    expect(box(page, "many")).to_contain_text("Unreached")
    expect(page.get_by_role("button", name="Restart what failed")).to_be_visible()


def test_the_rest_of_one_that_failed(page: Page, stage: Stage, gate: Path) -> None:
    gate.unlink(missing_ok=True)
    chain = stage.server.run("nightly")["TaskId"]
    page.goto(f"/#/tasks/{chain}")
    for step, state in {
        "a": "Completed",
        "c": "Failed",
        "d": "Unreached",
        "z": "Completed",
    }.items():
        expect(box(page, step)).to_contain_text(state)
    gate.touch()
    page.get_by_role("button", name="Restart what failed").click()
    expect(page.get_by_role("main")).not_to_contain_text(chain)
    for step in "abcdz":
        expect(box(page, step)).to_contain_text("Completed")


def test_the_tasks_of_a_step_with_many(page: Page, stage: Stage, gate: Path) -> None:
    gate.touch()
    page.goto(f"/#/tasks/{stage.server.run('nightly')['TaskId']}")
    expect(box(page, "b")).to_contain_text("3 of 3")
    box(page, "b").get_by_role("link").click()
    tasks = page.locator(".step-tasks li")
    expect(tasks).to_have_count(3)
    expect(tasks.nth(2)).to_contain_text("[2]")
    box(page, "b").get_by_role("link").click()
    expect(tasks).to_have_count(0)


def test_when_a_worker_runs_by_itself(page: Page) -> None:
    page.goto("/#/workers")
    expect(page.locator(".worker").filter(has_text="nightly")).to_contain_text("Due in")
    page.goto("/#/workers/nightly")
    facts = page.get_by_role("region", name="About this worker")
    expect(facts).to_contain_text("30 2 29 2 * (Europe/Berlin)")
    expect(facts.locator(".worker-runs li")).to_have_count(5)
    expect(facts.locator(".worker-steps li")).to_have_count(5)
    expect(facts.locator(".worker-steps li").nth(3)).to_contain_text("after b, c")


@pytest.mark.parametrize(("size", "scheme"), [((1280, 860), "light"), ((390, 844), "dark")])
def test_it_can_be_seen_and_used_by_all(
    browser: Browser, stage: Stage, gate: Path, pictures: Path, size: tuple[int, int], scheme: Any
) -> None:
    """On a phone it is a list. The pictures are for people."""
    gate.unlink(missing_ok=True)
    width, height = size
    chain = stage.server.run("nightly")["TaskId"]
    with opened(
        browser, stage, viewport={"width": width, "height": height}, color_scheme=scheme
    ) as page:
        for name, address in {
            "chain": f"tasks/{chain}?step=b",
            "schedule": "workers/nightly",
            "scheduled": "workers",
        }.items():
            page.goto(f"/#/{address}")
            expect(page.get_by_role("main")).to_contain_text("nightly")
            expect(page.get_by_role("main")).to_contain_text("Completed" if name == "chain" else "")
            assert faults(page) == []
            picture = page.screenshot(full_page=True)
            (pictures / f"{name}-{width}-{scheme}.png").write_bytes(picture)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
