"""The web page in a real browser: its first load, and how long its scripts hold it up while 1,000 tasks are live."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

from tests.helpers import Server, wait_for, write_definition
from tests.prove._parts import each, folder, modes, ms, need, percentile, report, say, served

#: Says each second how far it is.
_TICK: Final = (
    "use strict; $| = 1; my $done = 0;"
    ' while (1) { $done = ($done + 1) % 100; print qq({"type":"progress","percent":$done}\\n); sleep 1 }'
)
_VIEWS: Final = {
    "tasks, 250 on a page": "#/tasks?limit=250",
    "overview": "#/",
    "workers": "#/workers",
}
#: In which Chromium traces what its threads do.
_CATEGORIES: Final = ["disabled-by-default-devtools.timeline"]
#: Seconds: what holds the page up for longer is felt.
_LONG: Final = 0.05


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tasks", type=int, default=1000, help="live ones (default: 1000)")
    parser.add_argument("--seconds", type=int, default=20, help="on each view (default: 20)")
    parser.add_argument("--loads", type=int, default=10, help="first ones (default: 10)")
    parser.add_argument("--record", action="store_true", help="write docs/reliability.md")


def main(arguments: argparse.Namespace) -> int:
    with folder() as scratch:
        workers = scratch / "workers.d"
        write_definition(workers, "tick", command=[need("perl"), "-e", _TICK])
        many = {"TASKY_MAX_TASKS": str(arguments.tasks)}
        with (
            served(workers, scratch / "state", modes("both")[0], **many) as server,
            chromium() as browser,
        ):
            found = {"first load": loads(browser, server, arguments.loads)}
            ids = each(lambda _: server.submit("tick"), range(arguments.tasks))
            all_run(server, arguments.tasks)
            say(f"{len(ids)} tasks are live")
            for name, address in _VIEWS.items():
                found[name] = watched(browser, server, address, arguments.seconds, scratch)
                say(f"{name}: {found[name]}")
            each(lambda id_: server.request("POST", f"/tasks/{id_}/cancel?grace=0s"), ids)
    about = (
        f"{arguments.loads} first loads, each of a browser that knows nothing yet: until the heading is there."
        f" Then {arguments.tasks} tasks, each of which says once a second how far it is, and"
        f" {arguments.seconds} s on each view: the tasks of the browser's main thread (Chromium's trace), by the clock"
        " and by the processor's time."
    )
    report("page", about, found, into_docs=arguments.record)
    return 0


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or need("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def all_run(server: Server, many: int) -> None:
    def running() -> bool:
        return bool(server.get("/overview")["Running"] == many)

    wait_for(running, f"{many} run", 300)


# ---------------------------------------------------------------------- first loads


def loads(browser: Browser, server: Server, many: int) -> dict[str, str]:
    times, sizes = [], []
    for _ in range(many):
        page = browser.new_context().new_page()
        page.goto(f"{server.url}/#/workers", wait_until="commit")
        page.get_by_role("heading", level=1).wait_for()
        times.append(page.evaluate("performance.now()") / 1000)
        sizes.append(page.evaluate(_TRANSFERRED))
        page.context.close()
    return {
        "usable after, p50 / max": f"{ms(percentile(times, 50))} / {ms(max(times))}",
        "transferred": f"{max(sizes) / 1000:.0f} kB",
    }


_TRANSFERRED: Final = """
["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
    .reduce((sum, each) => sum + each.transferSize, 0)
"""


# ---------------------------------------------------------------------- long tasks


def watched(
    browser: Browser, server: Server, address: str, seconds: int, scratch: Path
) -> dict[str, str]:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"{server.url}/{address}")
    page.get_by_role("heading", level=1).wait_for()
    trace = scratch / "trace.json"
    browser.start_tracing(page=page, path=trace, categories=_CATEGORIES)
    rest(page, seconds)
    browser.stop_tracing()
    page.context.close()
    return figures(json.loads(trace.read_text())["traceEvents"])


def rest(page: Page, seconds: int) -> None:
    """Somebody looks, and scrolls now and then."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        page.mouse.wheel(0, 300)
        page.wait_for_timeout(1000)


def figures(events: list[dict[str, Any]]) -> dict[str, str]:
    """Of the main thread of the renderer that was the busiest: the page's."""
    threads = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks: dict[tuple[int, int], list[dict[str, Any]]] = {thread: [] for thread in threads}
    for event in events:
        place = (event["pid"], event["tid"])
        if place in tasks and event.get("name") == "RunTask" and "dur" in event:
            tasks[place].append(event)
    ours = max(tasks.values(), key=lambda each: sum(event["dur"] for event in each))
    clock = [event["dur"] / 1e6 for event in ours]
    processor = [event.get("tdur", 0) / 1e6 for event in ours]
    return {
        "tasks of the main thread": str(len(ours)),
        "over 50 ms, clock / processor": " / ".join(
            str(sum(time > _LONG for time in times)) for times in (clock, processor)
        ),
        "longest, clock / processor": f"{ms(max(clock))} / {ms(max(processor))}",
        "busy, processor": f"{sum(processor):.1f} s",
    }
