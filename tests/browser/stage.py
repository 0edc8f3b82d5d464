"""What the browser looks at: a server with workers that do what the tests need, and pages that complain aloud."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.browser.workers import write_workers
from tests.helpers import PATIENCE, Server, serving

expect.set_options(timeout=PATIENCE * 1000)


class Stage:
    """A server that keeps its address when it is started again."""

    def __init__(self, server: Server) -> None:
        self.server = server

    @property
    def url(self) -> str:
        return self.server.url

    def restart(self) -> None:
        self.server.stop()
        self.server.start()


@contextlib.contextmanager
def staged(root: Path, **environ: str) -> Iterator[Stage]:
    workers = root / "workers.d"
    write_workers(workers)
    address = f"127.0.0.1:{_free_port()}"
    with serving(workers, root / "state", "--listen", address, **environ) as server:
        yield Stage(server)


def _free_port() -> int:
    """Of those that the kernel gives to nobody else soon: it goes round."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def opened(
    browser: Browser, stage: Stage, *, complains: bool = False, **options: Any
) -> Iterator[Page]:
    """A page of a browser that knows nothing yet. If it complains of anything, that is an error, unless it may."""
    context = browser.new_context(base_url=stage.url, **options)
    context.set_default_timeout(PATIENCE * 1000)
    try:
        page = context.new_page()
        complaints = _listen(page)
        yield page
        assert complains or complaints == []
    finally:
        context.close()


def _listen(page: Page) -> list[str]:
    """What goes wrong from now on: errors of scripts, breaches of the policy."""
    found: list[str] = []

    def said(message: ConsoleMessage) -> None:
        # An answer that is an error is logged by the browser itself, whatever the page makes of it.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            found.append(f"{message.type}: {message.text}")

    page.on("console", said)
    page.on("pageerror", lambda error: found.append(f"error: {error}"))
    return found
