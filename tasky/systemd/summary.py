"""The line that `systemctl status` shows of a server that runs. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def summary(
    *, running: int, queued: int, workers: int, problems: Sequence[object], store: object | None
) -> str:
    """What is wrong comes with it, the first mistake with its file and line."""
    parts = [f"{running} running, {queued} queued, {workers} worker{'' if workers == 1 else 's'}"]
    if store is not None:
        parts.append(f"store: {store}")
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        parts.append(f"not loaded{more}: {problems[0]}")
    return "; ".join(parts)
