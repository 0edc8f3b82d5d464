"""A real browser, started once, on real servers. Whatever a page complains of fails the test that had it open."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.stage import Stage, opened, staged

#: Debian's; Playwright's own are not wanted.
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium: scripts/test --system installs it")
    with sync_playwright() as playwright:
        # Its sandbox does not work for root, nor where user namespaces are forbidden. It sees our own server only.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A server without authentication."""
    with staged(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    """At the server's address, but nowhere yet."""
    with opened(browser, stage) as page:
        yield page


@pytest.fixture
def pictures(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Where pictures go: `--pictures DIR` keeps them."""
    chosen = request.config.getoption("--pictures")
    folder = tmp_path / "pictures" if chosen is None else Path(str(chosen))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
