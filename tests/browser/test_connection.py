"""A server that is started again, and a network that is away: the page says so, comes back, and catches up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.stage import Stage, opened, staged
from tests.helpers import wait_for

LOST = "Connection lost"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Each test's own, as it goes down."""
    with staged(tmp_path) as stage:
        yield stage


@pytest.fixture
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    with opened(browser, stage, complains=True) as page:
        yield page


def test_a_restart_of_the_server(page: Page, stage: Stage) -> None:
    task_id = stage.server.submit("hold")
    page.goto("/#/tasks")
    row = page.get_by_role("row").filter(has_text=task_id[-8:])
    expect(row).to_contain_text("Running")
    stage.server.stop()
    expect(page.get_by_text(LOST)).to_be_visible()
    stage.server.start()
    expect(page.get_by_text(LOST)).to_have_count(0)
    expect(row).to_contain_text("Failed")
    later = stage.server.submit("quick")
    expect(page.get_by_role("row").filter(has_text=later[-8:])).to_contain_text("Completed")


def test_a_log_goes_on_after_a_restart(page: Page, stage: Stage) -> None:
    task_id = stage.server.submit("hold")
    page.goto(f"/#/tasks/{task_id}")
    expect(page.get_by_text("line 1", exact=True)).to_be_visible()
    stage.restart()
    expect(page.get_by_role("heading", name="hold Failed")).to_be_visible()
    expect(page.get_by_text("line 1", exact=True)).to_be_visible()


def test_a_network_that_is_away(page: Page, stage: Stage) -> None:
    """Nothing that somebody does is lost without a word."""
    page.goto("/#/workers/report")
    page.get_by_role("textbox", name="title").fill("offline")
    page.context.set_offline(True)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text(LOST)).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text(LOST)).to_have_count(0)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("heading", name="report Completed")).to_be_visible()


def test_a_server_that_takes_its_time(page: Page, stage: Stage) -> None:
    page.clock.install()
    page.goto("/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    held, takes_its_time = list[Route](), True

    def answer(route: Route) -> None:
        held.append(route) if takes_its_time else route.continue_()

    page.route("**/tasky/v1/workers**", answer)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Workers").click()
    wait_for_route(page, held)
    page.clock.fast_forward(4000)
    expect(page.get_by_text("The server takes its time")).to_be_visible()
    takes_its_time = False
    for route in held:
        route.continue_()
    expect(page.get_by_text("Makes a table of squares.")).to_be_visible()
    expect(page.get_by_text("The server takes its time")).to_have_count(0)


def wait_for_route(page: Page, held: list[Route]) -> None:
    """Events of the browser come while something is asked of it."""

    def there() -> bool:
        page.evaluate("0")
        return bool(held)

    wait_for(there, "a request that is held")
