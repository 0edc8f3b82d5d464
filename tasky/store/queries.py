"""The SQL of the store, by name: `queries.sql` and `migrations/*.sql` are read once, at import."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

_HEADING: Final = re.compile(r"^-- ([a-z0-9_]+) --$", re.MULTILINE)
_FOLDER: Final = files(__package__)


def parse(text: str) -> dict[str, str]:
    """Statements under `-- name --` headings, without the final semicolon."""
    _, *parts = _HEADING.split(text)
    names, bodies = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError("a query's name is used twice")
    return {name: body.strip().rstrip(";") for name, body in zip(names, bodies, strict=True)}


def _migrations() -> tuple[str, ...]:
    """The scripts in the order of their numbers, which begin at 1 and have no gap."""
    scripts = sorted(
        (item for item in (_FOLDER / "migrations").iterdir() if item.name.endswith(".sql")),
        key=lambda item: item.name,
    )
    numbers = [int(item.name.partition("_")[0]) for item in scripts]
    if numbers != list(range(1, len(scripts) + 1)):
        raise ValueError(f"the migrations are numbered {numbers}")
    return tuple(item.read_text("utf-8") for item in scripts)


QUERIES: Final = parse((_FOLDER / "queries.sql").read_text("utf-8"))
MIGRATIONS: Final = _migrations()
