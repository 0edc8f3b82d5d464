"""The list of tasks: finding some, going from one to the next, and what happens meanwhile."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage import Stage


@pytest.fixture(scope="module")
def tasks(stage: Stage) -> dict[str, str]:
    """The latest of those that there are, by what they are for."""
    submit = stage.server.submit
    for _ in range(60):
        submit("quick", {})
    return {
        "good": submit("report", {"title": "a"}, "?label=team:ops&label=n:1&wait=60s"),
        "bad": submit("report", {"title": "b", "fail": True}, "?label=team:ops&wait=60s"),
        "later": submit("quick", {}, "?at=2100-01-01T00:00:00Z&label=team:dev"),
    }


def ids(page: Page) -> list[str]:
    links = page.locator("tbody a[href^='#/tasks/']")
    return [str(link.get_attribute("href")).rpartition("/")[2] for link in links.all()]


def test_filters_are_in_the_address(page: Page, tasks: dict[str, str]) -> None:
    page.goto("/#/tasks")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Failed").click()
    expect(rows).to_have_count(1)
    assert ids(page) == [tasks["bad"]]
    expect(rows.first).to_contain_text("it was told to fail")
    page.reload()
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="Completed").click()
    page.get_by_label("Worker", exact=True).select_option("report")
    expect(rows).to_have_count(2)
    page.get_by_title("Only tasks with n:1").click()
    expect(rows).to_have_count(1)
    assert page.url.endswith("#/tasks?status=Failed&status=Completed&worker=report&label=n%3A1")
    page.get_by_role("button", name="Without the label n:1").click()
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Clear all").click()
    expect(rows).to_have_count(50)


def test_a_text_and_a_label(page: Page, tasks: dict[str, str]) -> None:
    page.goto("/#/tasks")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(50)
    page.keyboard.press("/")
    page.keyboard.type("TOLD to")
    expect(rows).to_have_count(1)
    page.keyboard.press("Escape")
    expect(rows).to_have_count(50)
    label = page.get_by_label("Label, as key:value")
    label.fill("team")
    label.press("Enter")
    expect(label).to_have_attribute("aria-invalid", "true")
    label.fill("team:dev")
    label.press("Enter")
    expect(rows).to_have_count(1)
    assert ids(page) == [tasks["later"]]
    expect(rows.first).to_contain_text("not before")
    page.goto("/#/tasks?text=nobody-said-this")
    expect(page.get_by_text("No task is like that")).to_be_visible()


def test_from_page_to_page(page: Page, tasks: dict[str, str]) -> None:
    page.goto("/#/tasks")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(50)
    newest = ids(page)
    assert newest == sorted(newest, reverse=True)
    page.keyboard.press("]")
    expect(page.get_by_role("link", name="Newest")).to_be_visible()
    expect(page.locator(f"a[href$='{newest[0]}']")).to_have_count(0)
    assert not set(ids(page)) & set(newest)
    page.go_back()
    expect(page.locator(f"a[href$='{newest[0]}']")).to_be_visible()
    page.get_by_label("Tasks on a page").select_option("100")
    expect(rows.nth(60)).to_be_attached()


def test_by_keyboard_alone(page: Page, tasks: dict[str, str]) -> None:
    page.goto("/#/tasks")
    expect(page.locator("tbody tr")).to_have_count(50)
    for _ in range(3):
        page.keyboard.press("j")
    page.keyboard.press("k")
    second = ids(page)[1]
    expect(page.locator(f"a[href$='{second}']")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_contain_text(second)
    assert page.url.endswith(f"#/tasks/{second}")


def test_what_happens_shows_at_once(page: Page, stage: Stage, tasks: dict[str, str]) -> None:
    page.goto("/#/tasks")
    expect(page.locator("tbody tr")).to_have_count(50)
    task_id = stage.server.submit("hold", {})
    row = page.get_by_role("row").filter(has=page.locator(f"a[href$='{task_id}']"))
    expect(row).to_contain_text("Running")
    expect(row).to_contain_text("10 %")
    expect(row).to_contain_text("waiting")
    page.get_by_role("button", name="Running").click()
    expect(row).to_be_visible()
    stage.server.request("POST", f"/tasks/{task_id}/cancel?grace=0s")
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Clear all").click()
    expect(row).to_contain_text("Canceled")


def test_deleting_asks_before(page: Page, stage: Stage) -> None:
    task_id = stage.server.submit("quick", {}, "?wait=60s")
    page.goto(f"/#/tasks/{task_id}")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("heading", name="quick Completed")).to_be_visible()
    page.keyboard.press("d")
    page.get_by_role("button", name="Delete task").click()
    expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_text("There is no such task")).to_be_visible()


def test_a_task_that_somebody_else_deletes(page: Page, stage: Stage) -> None:
    task_id = stage.server.submit("hold", {})
    page.goto(f"/#/tasks/{task_id}")
    expect(page.get_by_role("heading", name="hold Running")).to_be_visible()
    stage.server.request("POST", f"/tasks/{task_id}/cancel?grace=0s")
    expect(page.get_by_role("heading", name=re.compile("hold Canceled"))).to_be_visible()
    stage.server.request("DELETE", f"/tasks/{task_id}")
    page.reload()
    expect(page.get_by_text("There is no such task")).to_be_visible()
