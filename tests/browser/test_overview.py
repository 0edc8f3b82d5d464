"""The overview: it is right while things happen, and can be read without a pointer."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.stage import Stage, staged


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Its own, for what is counted."""
    with staged(tmp_path_factory.mktemp("stage")) as stage:
        stage.server.run("quick")
        yield stage


def figure(page: Page, name: str) -> Locator:
    """Its number."""
    link = page.get_by_role("link", name=name, exact=True)
    return page.locator(".figure").filter(has=link).locator("dd.number")


def test_it_follows_what_happens(page: Page, stage: Stage) -> None:
    page.goto("/")
    expect(figure(page, "Completed")).to_have_text("1")
    task_id = stage.server.submit("hold")
    expect(figure(page, "Running")).to_have_text("1")
    running = page.get_by_role("region", name="Running now")
    expect(running.get_by_role("row").filter(has_text=task_id[-8:])).to_be_visible()
    stage.server.run("quick")
    expect(figure(page, "Completed")).to_have_text("2")
    stage.server.run("report", {"title": "x", "fail": True})
    row = page.get_by_role("region", name="Slowest workers").get_by_role("row", name="report")
    expect(row).to_be_visible()
    stage.server.request("POST", f"/tasks/{task_id}/cancel?grace=0s")
    expect(running).to_contain_text("Nothing runs.")
    row.get_by_role("link", name="1").click()
    expect(page).to_have_url(re.compile("worker=report&status=Failed"))
    expect(page.get_by_role("main")).to_contain_text("it was told to fail")


def test_plots_have_values(page: Page, stage: Stage) -> None:
    """Where the pointer is, in a table, and in words for those who see neither."""
    page.goto("/#/?window=15m")
    plot = page.get_by_role("region", name="Tasks that ended")
    shapes = plot.get_by_role("img", name="Tasks that ended")
    expect(shapes).to_have_accessible_name(re.compile(r"Completed: at most [1-9]"))
    shapes.hover()
    expect(plot.locator(".plot-legend b").first).to_be_visible()
    plot.get_by_role("button", name="Table").click()
    expect(plot.get_by_role("columnheader", name="Completed")).to_be_visible()
    expect(plot.get_by_role("row").nth(1)).to_be_visible()


def test_how_far_back_is_in_the_address(page: Page, stage: Stage) -> None:
    page.goto("/")
    page.get_by_role("button", name="24 hours").click()
    expect(page).to_have_url(re.compile("window=24h"))
    page.reload()
    button = page.get_by_role("button", name="24 hours")
    expect(button).to_have_attribute("aria-pressed", "true")
