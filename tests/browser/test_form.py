"""The form of a worker: each kind of parameter, what is wrong with it, and all that can be done besides running it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tasky.model.access import Scope
from tasky.store import Tokens
from tests.browser.stage import Stage, opened, staged
from tests.helpers import write_worker

_EVERY = """
    import json, sys
    params = json.loads(sys.stdin.readline())["params"]
    for name in ("file", "others"):
        paths = params[name] if isinstance(params[name], list) else [params[name]]
        params[name] = [open(path).read() for path in paths]
    print(json.dumps({"type": "result", "output": params}), flush=True)
"""
_TARGET = {
    "type": "object",
    "properties": {
        "host": {"type": "string", "minLength": 1},
        "port": {"type": "integer", "maximum": 65535, "default": 22},
    },
    "required": ["host"],
    "additionalProperties": False,
}
PARAMS: dict[str, Any] = {
    "text": {"type": "string", "minLength": 1, "maxLength": 20},
    "lines": {"type": "string", "maxLength": 4000, "default": ""},
    "count": {"type": "integer", "minimum": 1, "maximum": 20, "default": 3},
    "dry": {"type": "boolean", "default": True},
    "mode": {"enum": ["fast", "careful"], "default": "fast"},
    "level": {"enum": [1, 2.5, None, "a longer word than fits in a row"], "default": None},
    "colours": {"type": "array", "items": {"enum": ["red", "green", "blue"]}, "default": []},
    "since": {"type": "string", "format": "date", "default": "2026-01-01"},
    "until": {"type": ["string", "null"], "format": "date-time", "default": None},
    "paths": {"type": "array", "items": {"type": "string", "pattern": "^/"}, "minItems": 1},
    "target": _TARGET,
    "extra": {"default": None},
    "key": {"type": "string", "secret": True},
    "file": {"type": "string", "format": "file"},
    "others": {"type": "array", "items": {"type": "string", "format": "file"}, "default": []},
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    root = tmp_path_factory.mktemp("form")
    write_worker(root / "workers.d", "every", _EVERY, params=PARAMS)
    write_worker(
        root / "workers.d",
        "host",
        "pass",
        params={"host": {"type": "string", "format": "hostname"}, "port": {"default": 80}},
    )
    with staged(root) as stage:
        yield stage


@pytest.fixture
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    with opened(browser, stage, timezone_id="Europe/Berlin") as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield page


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("letter.txt", "one.txt", "two.txt"):
        tmp_path.joinpath(name).write_text(f"the text of {name}")
    return tmp_path


def field(page: Page, name: str) -> Any:
    return page.locator(f'[data-field="{name}"]')


def control(page: Page, name: str) -> Any:
    return field(page, name).locator("input, textarea, select").first


def fill(page: Page, folder: Path) -> None:
    control(page, "text").fill('it\'s "quoted" $HOME')
    control(page, "lines").fill("one\ntwo")
    control(page, "count").fill("7")
    control(page, "dry").click()
    page.get_by_label("careful").check()
    control(page, "level").select_option(label="2.5")
    page.get_by_role("checkbox", name="blue").check()
    page.get_by_role("checkbox", name="red").check()
    control(page, "since").fill("2026-11-24")
    control(page, "until").fill("2026-12-24T18:00:00")
    control(page, "paths").fill("/a")
    page.keyboard.press("Enter")
    page.keyboard.type("/b")
    control(page, "host").fill("example.org")
    control(page, "extra").fill('{"a": [1, null]}')
    control(page, "key").fill("hunter22")
    control(page, "file").set_input_files(folder / "letter.txt")
    control(page, "others").set_input_files([folder / "one.txt", folder / "two.txt"])


WANTED = {
    "text": 'it\'s "quoted" $HOME',
    "lines": "one\ntwo",
    "count": 7,
    "dry": False,
    "mode": "careful",
    "level": 2.5,
    "colours": ["red", "blue"],
    "since": "2026-11-24",
    "until": "2026-12-24T17:00:00.000Z",
    "paths": ["/a", "/b"],
    "target": {"host": "example.org", "port": 22},
    "extra": {"a": [1, None]},
    "key": "******",
    "file": ["the text of letter.txt"],
    "others": ["the text of one.txt", "the text of two.txt"],
}


def ask(stage: Stage, path: str) -> Any:
    with urlopen(f"{stage.url}/tasky/v1{path}") as answer:
        return json.load(answer)


def test_every_kind_of_parameter(page: Page, stage: Stage, folder: Path) -> None:
    page.goto("/#/workers/every")
    fill(page, folder)
    page.get_by_text("Labels, priority").click()
    control(page, "label").fill("team:ops")
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    line = page.evaluate("navigator.clipboard.readText()")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("heading", name="every Completed")).to_be_visible()
    task = ask(stage, f"/tasks/{page.url.rpartition('/')[2]}")
    assert task["Output"] == WANTED
    assert task["Labels"] == {"team": "ops"}

    page.get_by_role("link", name="Run with changes").click()
    expect(control(page, "text")).to_have_value('it\'s "quoted" $HOME')
    expect(page.get_by_label("paths, item 2")).to_have_value("/b")
    expect(control(page, "until")).to_have_value("2026-12-24T18:00")
    expect(page.get_by_role("checkbox", name="blue")).to_be_checked()
    expect(control(page, "key")).to_have_value("")
    expect(field(page, "file")).to_contain_text("to be chosen again")
    expect(control(page, "label")).to_have_value("team:ops")

    run_in_a_shell(stage, line.replace("…", "hunter22"), folder)


def run_in_a_shell(stage: Stage, line: str, folder: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{line.replace('label=', 'wait=30s&label=')} --silent"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nowhere"},
        check=True,
        stdout=subprocess.PIPE,
    )
    assert json.loads(done.stdout)["Output"] == WANTED


def test_what_is_wrong_is_said_as_one_types(page: Page) -> None:
    page.goto("/#/workers/every")
    control(page, "count").fill("21")
    expect(field(page, "count")).to_contain_text("At most 20")
    control(page, "count").fill("20")
    expect(field(page, "count")).not_to_contain_text("At most 20")
    control(page, "paths").fill("a")
    expect(field(page, "paths")).to_contain_text("1: Does not fit ^/")
    control(page, "extra").fill("[1,")
    expect(field(page, "extra")).to_contain_text("Not JSON")
    control(page, "port").fill("70000")
    expect(field(page, "port")).to_contain_text("At most 65535")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(control(page, "text")).to_be_focused()
    expect(field(page, "file")).to_contain_text("Required")
    page.get_by_role("button", name="Reset").click()
    expect(page.locator("[aria-invalid=true]")).to_have_count(0)


def test_what_the_server_says_stands_at_its_field(page: Page) -> None:
    page.goto("/#/workers/host")
    control(page, "host").fill("not a host")
    page.keyboard.press("Control+Enter")
    expect(field(page, "host").get_by_role("alert")).to_contain_text("hostname")
    control(page, "host").fill("example.org")
    expect(field(page, "host").get_by_role("alert")).to_have_count(0)
    page.get_by_text("Labels, priority").click()
    control(page, "timeout").fill("5 minutes")
    page.keyboard.press("Control+Enter")
    expect(field(page, "timeout").get_by_role("alert")).not_to_be_empty()


def test_an_answer_that_is_lost_starts_nothing_twice(page: Page, stage: Stage) -> None:
    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    before = len(ask(stage, "/tasks/?worker=host")["Tasks"])
    page.goto("/#/workers/host")
    control(page, "host").fill("example.org")
    page.route("**/workers/host", lose, times=1)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("The server cannot be reached.")).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/#/tasks/*")
    assert len(ask(stage, "/tasks/?worker=host")["Tasks"]) == before + 1


def test_the_end_of_a_session_keeps_what_one_has_typed(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with staged(tmp_path_factory.mktemp("ending"), TASKY_AUTH="true") as stage:
        tokens = Tokens(stage.server.state)
        first, second = (tokens.create(name, (Scope.parse("admin"),))[0] for name in ("a", "b"))
        with opened(browser, stage) as page:
            page.goto("/#/workers/report")
            page.get_by_label("Token", exact=True).fill(first)
            page.keyboard.press("Enter")
            page.get_by_role("textbox", name="title").fill("a long title")
            tokens.revoke("a")
            # The page may have heard of it by its stream already: then the dialog is there before the click.
            page.get_by_role("button", name="Run", exact=True).dispatch_event("click")
            dialog = page.get_by_role("dialog", name="Your session has ended")
            dialog.get_by_label("Token").fill(second)
            page.keyboard.press("Enter")
            expect(dialog).to_have_count(0)
            expect(page.get_by_role("textbox", name="title")).to_have_value("a long title")
            page.get_by_role("button", name="Run", exact=True).click()
            expect(page.get_by_role("heading", name="report Completed")).to_be_visible()
