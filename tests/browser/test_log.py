"""The log of a task: however long it is, and while it grows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.stage import Stage, opened, staged
from tests.helpers import write_definition, write_worker

MANY = 200_000
FLAKY = """
    import os, sys
    attempt = os.environ["TASKY_ATTEMPT"]
    print(f"this is attempt {attempt}", flush=True)
    sys.exit(attempt != "2")
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    root = tmp_path_factory.mktemp("logs")
    workers = root / "workers.d"
    count = ["seq", "-f", "line %.0f", "1", str(MANY)]
    write_definition(workers, "many", command=count, protocol="text")
    os.mkfifo(root / "say")
    write_definition(workers, "says", command=["cat", str(root / "say")], protocol="text")
    write_worker(workers, "flaky", FLAKY, protocol="text", retry={"attempts": 2, "delay": "0s"})
    with staged(root) as stage:
        yield stage


@pytest.fixture(scope="module")
def many(stage: Stage) -> str:
    return stage.server.submit("many", {}, "?wait=60s")


def open_log(page: Page, task_id: str) -> Locator:
    page.goto(f"/#/tasks/{task_id}?tab=log")
    return page.get_by_role("region", name="Lines of the log")


def middle_line(lines: Locator) -> int:
    """The number of the line in the middle of what one sees."""
    number: int = lines.evaluate(
        """(view) => {
            const { left, top, height } = view.getBoundingClientRect();
            return Number(document.elementFromPoint(left + 5, top + height / 2)
                .closest(".log-line").firstElementChild.textContent);
        }"""
    )
    return number


def test_any_part_of_a_long_log_can_be_seen(page: Page, many: str) -> None:
    lines = open_log(page, many)
    expect(lines.get_by_text("line 1", exact=True)).to_be_visible()
    expect(page.get_by_text("200,000 lines")).to_be_visible()
    page.get_by_role("button", name="End", exact=True).click()
    expect(lines.get_by_text(f"line {MANY}", exact=True)).to_be_in_viewport()
    lines.evaluate("(view) => { view.scrollTop = view.scrollHeight / 2 }")
    expect(lines.get_by_text("line 100000", exact=True)).to_be_visible()
    assert abs(middle_line(lines) - MANY / 2) < 100
    lines.hover()
    page.mouse.wheel(0, 3000)
    expect(lines.get_by_text("line 100150", exact=True)).to_be_visible()
    assert lines.locator(".log-line").count() < 300
    page.get_by_role("button", name="Start", exact=True).click()
    expect(lines.get_by_text("line 1", exact=True)).to_be_in_viewport()


def test_wrapping_leaves_one_where_one_is(page: Page, many: str) -> None:
    lines = open_log(page, many)
    expect(lines.get_by_text("line 1", exact=True)).to_be_visible()
    lines.evaluate("(view) => { view.scrollTop = view.scrollHeight / 3 }")
    expect(lines.get_by_text(f"line {MANY // 3}", exact=True)).to_be_visible()
    before = middle_line(lines)
    page.get_by_role("button", name="Wrap").click()
    expect(page.get_by_role("button", name="Wrap")).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Times").click()
    expect(lines.locator("time").first).to_be_visible()
    assert abs(middle_line(lines) - before) <= 2


def test_a_text_is_looked_for_from_where_one_is(page: Page, many: str) -> None:
    lines = open_log(page, many)
    page.get_by_role("button", name="End", exact=True).click()
    expect(lines.get_by_text(f"line {MANY}", exact=True)).to_be_in_viewport()
    lines.evaluate("(view) => { view.scrollTop = view.scrollHeight / 2 }")
    expect(lines.get_by_text("line 100000", exact=True)).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("LINE 77777")
    status = page.get_by_role("search").get_by_role("status")
    expect(status).to_have_text("1 of 1")
    expect(lines.locator(".current")).to_have_text("77777line 77777")
    expect(lines.locator(".current")).to_be_in_viewport()
    page.get_by_label("Search the log").fill("9999")
    expect(status).to_have_text("8 of 38")
    expect(lines.locator(".current")).to_have_text("79999line 79999")
    page.keyboard.press("Enter")
    expect(lines.locator(".current")).to_have_text("89999line 89999")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    expect(lines.locator(".current")).to_have_text("69999line 69999")
    expect(lines.locator(".current")).to_be_in_viewport()
    page.get_by_label("Search the log").fill("nothing like it")
    expect(status).to_have_text("none")
    page.keyboard.press("Escape")
    expect(status).to_have_text("")


def test_a_log_that_grows_is_followed_until_one_looks_elsewhere(
    page: Page, stage: Stage, browser: Browser
) -> None:
    task_id = stage.server.submit("says", {})
    fifo = stage.server.workers.parent / "say"
    with fifo.open("w", buffering=1) as say:
        lines = open_log(page, task_id)
        follow = page.get_by_role("button", name="Follow")
        say.write("".join(f"word {number}\n" for number in range(1, 301)))
        expect(lines.get_by_text("word 300", exact=True)).to_be_in_viewport()
        expect(follow).to_have_attribute("aria-pressed", "true")
        lines.hover()
        page.mouse.wheel(0, -2000)
        expect(follow).to_have_attribute("aria-pressed", "false")
        expect(lines.get_by_text("word 300", exact=True)).not_to_be_in_viewport()
        before = middle_line(lines)
        say.write("".join(f"word {number}\n" for number in range(301, 601)))
        expect(page.get_by_text("600 lines")).to_be_visible()
        assert middle_line(lines) == before
        page.keyboard.press("f")
        expect(lines.get_by_text("word 600", exact=True)).to_be_in_viewport()
        with opened(browser, stage) as another:  # comes later, and sees the end
            also = open_log(another, task_id)
            expect(also.get_by_text("word 600", exact=True)).to_be_in_viewport()
        say.write("last word\n")
    expect(page.get_by_role("heading", name="says Completed")).to_be_visible()
    expect(lines.get_by_text("last word", exact=True)).to_be_in_viewport()


def test_of_a_line_without_end_the_beginning_is_shown(page: Page, stage: Stage) -> None:
    task_id = stage.server.submit("hostile", {}, "?wait=60s")
    lines = open_log(page, task_id)
    expect(lines.get_by_text("1,048,576 characters")).to_be_visible()
    assert len(lines.inner_text()) < 20_000
    lines.get_by_role("button", name="all 1,048,576 characters").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The first 200,000 of 1,048,576 characters.")
    expect(dialog.get_by_text("xxxxxxxx")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_of_one_attempt(page: Page, stage: Stage) -> None:
    lines = open_log(page, stage.server.submit("flaky", {}, "?wait=60s"))
    expect(lines.get_by_text("this is attempt 1")).to_be_visible()
    page.get_by_label("Attempt", exact=True).select_option("Attempt 2")
    expect(lines.get_by_text("this is attempt 2")).to_be_visible()
    expect(lines.get_by_text("this is attempt 1")).to_have_count(0)
    expect(page.get_by_role("figure", name="2 attempts")).to_be_visible()


def test_a_log_without_lines_says_so(page: Page, stage: Stage) -> None:
    open_log(page, stage.server.submit("quick", {}, "?wait=60s"))
    expect(page.get_by_text("Nothing was said")).to_be_visible()


def test_taking_it_away(page: Page, many: str, tmp_path: Path) -> None:
    open_log(page, many)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the log").click()
    download.value.save_as(tmp_path / "log")
    assert download.value.suggested_filename == f"{many}.log"
    assert (tmp_path / "log").read_text().splitlines()[-1] == f"line {MANY}"
