"""What somebody does who has a token and no command line: from signing in to the downloaded file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tasky.model.access import Scope
from tasky.store import Tokens
from tests.browser.axe import faults
from tests.browser.stage import Stage, opened, staged


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("guarded"), TASKY_AUTH="true") as stage:
        yield stage


@pytest.fixture
def page(browser: Browser, guarded: Stage) -> Iterator[Page]:
    with opened(browser, guarded) as page:
        yield page


def token(stage: Stage, name: str, *scopes: str) -> str:
    made, _ = Tokens(stage.server.state).create(name, tuple(map(Scope.parse, scopes)))
    return made


def sign_in(page: Page, secret: str) -> None:
    page.get_by_label("Token", exact=True).fill(secret)
    page.get_by_role("button", name="Sign in").click()


def test_the_whole_story(page: Page, guarded: Stage, tmp_path: Path) -> None:
    page.goto("/#/workers")
    sign_in(page, "tsk_" + "0" * 43)
    expect(page.get_by_role("alert")).not_to_be_empty()
    assert faults(page) == []
    sign_in(page, token(guarded, "ann", "read", "run:*"))
    expect(page.get_by_role("heading", name="Workers")).to_be_visible()
    assert "Admin" not in page.get_by_role("navigation", name="Main").inner_text()

    page.keyboard.press("/")
    page.keyboard.type("squares")
    page.get_by_role("link", name="report", exact=True).click()
    run_with_a_mistake_and_mend_it(page)
    see_what_came_of_it(page, tmp_path)
    run_it_again_with_changes(page)


def run_with_a_mistake_and_mend_it(page: Page) -> None:
    page.get_by_role("textbox", name="rows").fill("5000")
    page.get_by_role("button", name="Run", exact=True).click()
    title, rows = (
        page.get_by_role("textbox", name="title"),
        page.get_by_role("textbox", name="rows"),
    )
    expect(title).to_have_attribute("aria-invalid", "true")
    expect(rows).to_have_attribute("aria-invalid", "true")
    expect(title).to_be_focused()
    title.fill("squares of small numbers")
    expect(title).not_to_have_attribute("aria-invalid", "true")
    rows.fill("3")
    page.keyboard.press("Control+Enter")


def see_what_came_of_it(page: Page, folder: Path) -> None:
    expect(page.get_by_role("heading", name="report Completed")).to_be_visible()
    page.get_by_role("tab", name="Result").click()
    expect(page.get_by_role("row", name="2 4")).to_be_visible()
    page.get_by_role("tab", name="Log").click()
    expect(page.get_by_text("3 rows for squares of small numbers")).to_be_visible()
    expect(page.get_by_text("green", exact=True)).to_have_class(re.compile("ansi-fg-2"))
    page.get_by_role("tab", name="Files").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == "report.csv"
    assert file.read_text() == "row,square\n0,0\n1,1\n2,4\n"
    page.get_by_role("tab", name="Parameters").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("squares of small numbers")


def run_it_again_with_changes(page: Page) -> None:
    page.get_by_role("link", name="Run with changes").click()
    expect(page.get_by_role("textbox", name="title")).to_have_value("squares of small numbers")
    page.get_by_role("switch", name="fail").click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("heading", name="report Failed")).to_be_visible()
    expect(page.get_by_role("group", name="Why it failed")).to_contain_text("it was told to fail")


def test_watching_and_canceling(page: Page, guarded: Stage) -> None:
    page.goto("/#/workers/hold")
    sign_in(page, token(guarded, "ben", "read", "run:hold"))
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("heading", name="hold Running")).to_be_visible()
    expect(page.get_by_text("line 2", exact=True)).to_be_visible()
    page.get_by_role("button", name="Pause", exact=True).first.click()
    expect(page.get_by_role("heading", name="hold Paused")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("heading", name="hold Running")).to_be_visible()
    address = page.url
    page.reload()
    expect(page.get_by_role("heading", name="hold Running")).to_be_visible()
    page.get_by_role("button", name="Cancel", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("heading", name="hold Running")).to_be_visible()
    page.get_by_role("button", name="Cancel", exact=True).click()
    dialog.get_by_role("button", name=re.compile("^Cancel")).click()
    expect(page.get_by_role("heading", name="hold Canceled")).to_be_visible()
    page.get_by_role("button", name="Run again").click()
    expect(page.get_by_role("heading", name="hold Running")).to_be_visible()
    assert page.url != address
    page.get_by_role("button", name="Cancel", exact=True).click()
    dialog.get_by_role("button", name=re.compile("^Cancel")).click()
    expect(page.get_by_role("heading", name="hold Canceled")).to_be_visible()


def test_an_admin(page: Page, guarded: Stage) -> None:
    page.goto("/#/admin")
    sign_in(page, token(guarded, "root", "admin"))
    switch = page.get_by_role("switch", name="quick takes tasks")
    expect(switch).to_be_checked()
    switch.click()
    expect(switch).not_to_be_checked()
    page.get_by_role("tab", name="Definitions").click()
    expect(page.get_by_text("No mistakes.")).to_be_visible()
    page.get_by_text("report.yaml").click()
    expect(page.get_by_role("group", name="The definition of report")).to_contain_text("command")

    page.get_by_role("tab", name="Tokens").click()
    page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("no good name")
    dialog.get_by_role("button", name="Make it").click()
    expect(dialog.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    assert faults(page) == []
    dialog.get_by_label("Name").fill("ci")
    dialog.get_by_label("Scopes").fill("run:report read")
    dialog.get_by_role("button", name="Make it").click()
    expect(dialog.get_by_text(re.compile("^tsk_"))).to_be_visible()
    assert faults(page) == []
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_role("row", name=re.compile("^ci"))).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Revoke ci").click()
    dialog.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("row", name=re.compile("^ci"))).to_have_count(0)

    page.get_by_role("tab", name="Server").click()
    expect(page.get_by_role("heading", name="ready")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="containment")).to_be_visible()


def test_a_session_that_ends(page: Page, guarded: Stage) -> None:
    """What somebody has typed is still there after signing in again."""
    page.goto("/#/workers/report")
    sign_in(page, token(guarded, "eve", "read", "run:*"))
    page.get_by_role("textbox", name="title").fill("half a word")
    Tokens(guarded.server.state).revoke("eve")
    # The stream of what happens may tell of it first: then the dialog is before the button already.
    page.get_by_role("button", name="Run", exact=True).dispatch_event("click")
    expect(page.get_by_role("dialog")).to_contain_text("Your session has ended")
    sign_in(page, token(guarded, "eve2", "read", "run:*"))
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("textbox", name="title")).to_have_value("half a word")
