"""The frame around the views: what one sees first, coming and going back, what cannot be loaded."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.stage import Stage, opened
from tests.helpers import wait_for


def test_one_begins_at_the_top_and_comes_back_to_where_one_was(page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 300})
    page.goto("/#/workers")
    card = page.get_by_role("link", name="report", exact=True)
    expect(card).to_be_visible()
    card.scroll_into_view_if_needed()
    wait_for(lambda: page.evaluate("scrollY") > 0, "it has scrolled")
    place = page.evaluate("scrollY")
    card.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="report")).to_be_visible()
    expect(page.get_by_role("main")).to_be_focused()
    wait_for(lambda: page.evaluate("scrollY") == 0, "the top")
    page.go_back()
    expect(card).to_be_visible()
    wait_for(lambda: page.evaluate("scrollY") == place, "the former place")


def test_a_view_of_a_version_that_the_server_has_no_more(page: Page) -> None:
    page.goto("/#/workers")
    expect(page.get_by_role("heading", name="Workers")).to_be_visible()
    page.route("**/views/tasks.js", lambda route: route.fulfill(status=404), times=1)
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.get_by_role("alert")).to_contain_text("Perhaps the server was updated")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_visible()


def test_the_page_begins_when_the_server_answers(browser: Browser, stage: Stage) -> None:
    answers: list[str] = []

    def fail_first(route: Route) -> None:
        answers.append(route.request.url)
        if len(answers) == 1:
            route.abort()
        else:
            route.continue_()

    with opened(browser, stage) as page:
        page.route("**/whoami", fail_first)
        page.goto("/#/workers")
        expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
        expect(page.get_by_role("heading", name="Workers")).to_be_visible()


def test_an_address_of_nothing(page: Page) -> None:
    page.goto("/#/nowhere/at/all")
    page.get_by_role("link", name="To the overview").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def test_help_says_the_keys_of_the_view(page: Page) -> None:
    page.goto("/#/workers")
    expect(page.get_by_role("heading", name="Workers")).to_be_visible()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Help")
    expect(dialog).to_contain_text("Next worker")
    expect(dialog).to_contain_text("Go to Admin")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="hold")).to_be_visible()


def test_light_and_dark_are_kept(page: Page) -> None:
    page.goto("/#/workers")
    page.get_by_role("button", name="Colours: as the system has it").click()
    page.get_by_role("button", name="Colours: light").click()
    page.reload()
    expect(page.get_by_role("button", name="Colours: dark")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
