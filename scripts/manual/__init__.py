"""The man pages, made from what they describe: see scripts/man."""

from __future__ import annotations

from pathlib import Path

from . import commands, markdown, settings


def pages(root: Path) -> dict[str, str]:
    """The text of each page, by the name of its file."""
    return {
        "tasky.1": commands.page(),
        "tasky.yaml.5": settings.page((root / "etc/tasky.yaml").read_text(encoding="utf-8")),
        "tasky-worker.5": markdown.page(
            (root / "docs/writing-workers.md").read_text(encoding="utf-8"),
            "tasky-worker(5)",
            "a worker of Tasky, and the file that describes it",
        ),
        "tasky-protocol.7": markdown.page(
            (root / "docs/protocol.md").read_text(encoding="utf-8"),
            "tasky-protocol(7)",
            "how a worker and the Tasky server talk",
        ),
    }
