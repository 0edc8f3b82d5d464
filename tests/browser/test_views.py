"""Each view as it is looked at: by axe, on a small screen, in the dark; its first load; and with nothing to show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import faults
from tests.browser.stage import Stage, opened, staged

SIZES = {"desktop": (1280, 860), "phone": (390, 844)}
#: Where each view is, and what is there once it is whole; {task}: a task that has a result.
VIEWS = {
    "overview": ("", "Slowest workers"),
    "workers": ("workers", "Makes a table of squares."),
    "run": ("workers/report", "Latest tasks"),
    "tasks": ("tasks", "quick"),
    "task": ("tasks/{task}", "square"),
    "log": ("tasks/{task}?tab=log", "green"),
    "switches": ("admin", "Takes tasks"),
    "definitions": ("admin?tab=definitions", "report.yaml"),
    "tokens": ("admin?tab=tokens", "auth: true"),
    "server": ("admin?tab=server", "containment"),
}


@pytest.fixture(scope="module")
def task(stage: Stage) -> str:
    """The last of some that have ended, of which one failed; one goes on."""
    server = stage.server
    for _ in range(4):
        server.run("quick")
    server.run("report", {"title": "none", "fail": True})
    server.await_status(server.submit("hold", {}, "?label=team:ops&label=season:autumn"), "Running")
    return str(server.run("report", {"title": "squares", "rows": 40})["TaskId"])


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """No task has ever been there."""
    with staged(tmp_path_factory.mktemp("bare")) as stage:
        yield stage


def show(page: Page, view: str, task: str) -> None:
    address, there = VIEWS[view]
    page.goto(f"/#/{address.replace('{task}', task)}")
    expect(page.get_by_role("main")).to_contain_text(there)
    page.evaluate("document.fonts.ready")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, stage: Stage, task: str, scheme: Any) -> None:
    wrong = []
    with opened(browser, stage, color_scheme=scheme) as page:
        for view in VIEWS:
            show(page, view, task)
            wrong += [f"{view}: {each}" for each in faults(page)]
    assert wrong == []


def test_axe_on_dialogs_and_signing_in(page: Page, task: str) -> None:
    show(page, "task", task)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert faults(page) == []


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_pictures(
    browser: Browser, stage: Stage, task: str, pictures: Path, size: str, scheme: Any
) -> None:
    """They are for people; what a test can see is that nothing is wider than the screen."""
    width, height = SIZES[size]
    screen = {"width": width, "height": height}
    phone = size == "phone"
    with opened(
        browser, stage, viewport=screen, color_scheme=scheme, has_touch=phone, locale="en-GB"
    ) as page:
        for view in VIEWS:
            show(page, view, task)
            (pictures / f"{view}-{size}-{scheme}.png").write_bytes(page.screenshot())
            assert page.evaluate("document.documentElement.scrollWidth") <= width, view


def test_the_switch_of_colours_stays(page: Page, stage: Stage) -> None:
    page.goto("/")
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    button = page.get_by_role("banner").get_by_role("button").first
    for _ in range(3):
        button.click()
        if page.evaluate(ground) != before:
            break
    after = page.evaluate(ground)
    assert after != before
    page.reload()
    expect(page.get_by_role("main")).to_be_visible()
    assert page.evaluate(ground) == after


def test_with_nothing_to_show(browser: Browser, bare: Stage) -> None:
    with opened(browser, bare) as page:
        for address, there in (("", "Nothing has run lately"), ("tasks", "No tasks yet")):
            page.goto(f"/#/{address}")
            expect(page.get_by_role("main")).to_contain_text(there)
        page.goto("/#/no/such/view")
        expect(page.get_by_role("main")).not_to_be_empty()
        page.goto(f"/#/tasks/{'0' * 32}")
        expect(page.get_by_role("main")).to_contain_text("There is no such task")


def test_nothing_comes_from_elsewhere(page: Page, stage: Stage, task: str) -> None:
    """And the policy is the one that is documented."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    answer = page.goto("/")
    assert answer is not None
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    for view in VIEWS:
        show(page, view, task)
    assert asked
    assert [url for url in asked if not url.startswith(("data:", f"{stage.url}/"))] == []


def test_the_keyboard_alone(page: Page, task: str) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_visible()
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="report Completed")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("w")
    expect(page.get_by_role("heading", name="Workers", exact=True)).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("hostile")
    expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(1)


def test_the_first_load(browser: Browser, stage: Stage, task: str, pictures: Path) -> None:
    """What it takes is a figure, for the machine may be busy; that it fits is looked at in tests/web/test_page.py."""
    with opened(browser, stage) as page:
        show(page, "overview", task)
        figures = page.evaluate(
            """() => {
                const kinds = ["navigation", "resource"];
                const all = kinds.flatMap((kind) => performance.getEntriesByType(kind));
                const page = all.filter((each) => !each.name.includes("/tasky/v1/"));
                return {
                    requests: page.length,
                    bytes: page.reduce((sum, each) => sum + each.transferSize, 0),
                    painted: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
                    loaded: Math.max(...page.map((each) => each.responseEnd)),
                };
            }"""
        )
    (pictures / "first-load.json").write_text(json.dumps(figures))
    assert figures["requests"] > 10
    assert 0 < figures["bytes"] < 100_000
