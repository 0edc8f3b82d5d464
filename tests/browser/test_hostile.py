"""Text of strangers is text: in every field that a worker or a client can fill, on every view that shows it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage import Stage
from tests.browser.workers import ANSI, RTL, SCRIPT

EVIL = f"{SCRIPT} {ANSI} {RTL}"


@pytest.fixture(scope="module")
def tasks(stage: Stage) -> tuple[str, str]:
    """One that ended well, one that did not."""
    label = "?label=%3Cb%3Ebold:%3Cimg%20src%3Dx%3E&wait=30s"
    good = stage.server.submit("hostile", {"text": EVIL}, label)
    bad = stage.server.submit("hostile", {"text": EVIL, "fail": True}, label)
    return good, bad


def check(page: Page) -> None:
    """Nothing of it became an element, an address or a title."""
    assert page.title() != "owned"
    assert page.locator("main script, main b b, img[src=x], [onerror]").count() == 0
    assert page.locator("a[href^='javascript']").count() == 0


@pytest.mark.parametrize(
    "view", ["", "workers", "workers/hostile", "tasks", "admin?tab=definitions", "admin"]
)
def test_on_each_view(page: Page, tasks: tuple[str, str], view: str) -> None:
    page.goto(f"/#/{view}")
    expect(page.get_by_role("main")).to_contain_text("hostile")
    check(page)


@pytest.mark.parametrize("which", [0, 1])
def test_on_the_page_of_a_task(page: Page, tasks: tuple[str, str], which: int) -> None:
    page.goto(f"/#/tasks/{tasks[which]}")
    for tab in ("Result", "Log", "Parameters", "Files"):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tabpanel")).to_contain_text("<script>")
        check(page)
    if which == 1:
        expect(page.get_by_role("group", name="Why it failed")).to_contain_text("<script>")


def test_colours_of_a_terminal_are_classes(page: Page, tasks: tuple[str, str]) -> None:
    page.goto(f"/#/tasks/{tasks[0]}")
    page.get_by_role("tab", name="Log").click()
    expect(page.get_by_role("tabpanel").locator(".ansi-fg-1").first).to_have_text("red")


def test_in_the_address(page: Page, tasks: tuple[str, str]) -> None:
    for address in (f"tasks?text={SCRIPT}", f"tasks/{SCRIPT}", f"workers/{SCRIPT}", SCRIPT):
        page.goto("about:blank")
        page.goto(f"/#/{address}")
        expect(page.get_by_role("main")).not_to_be_empty()
        check(page)
