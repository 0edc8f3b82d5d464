"""What axe says of a page: can somebody use it who does not see it, or sees it badly?"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import axe_playwright_python
from playwright.sync_api import Page

_AXE: Final = Path(axe_playwright_python.__file__).with_name("axe.min.js")


def faults(page: Page) -> list[str]:
    """Those that axe calls serious or critical, with the first element of each."""
    page.evaluate(_AXE.read_text())
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{each['id']}: {each['help']}: {each['nodes'][0]['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
