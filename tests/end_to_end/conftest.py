"""Servers for the tests: real ones, on loopback ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.helpers import Server, serving, write_definition, write_worker


@pytest.fixture
def workers(tmp_path: Path) -> Path:
    """A workers.d with what most tests need."""
    folder = tmp_path / "workers.d"
    write_definition(folder, "true", command=["/bin/true"], protocol="text")
    write_definition(
        folder, "sleep", command=["sleep"], protocol="text", args=["{seconds}"],
        params={"seconds": {"type": "integer", "default": 600}}, kill_grace="20s",
    )  # fmt: skip
    write_worker(
        folder,
        "stubborn",
        """
        import signal, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print('{"type":"progress","percent":1}', flush=True)
        while True:
            time.sleep(600)
        """,
        kill_grace="1s",
    )
    write_worker(
        folder,
        "polite",
        """
        import json, signal, sys
        signal.signal(signal.SIGTERM, lambda *_: (print('{"type":"result","output":"bye"}'), sys.exit(0)))
        print('{"type":"progress","percent":1}', flush=True)
        signal.pause()
        """,
        kill_grace="60s",
    )
    return folder


@pytest.fixture
def serve(workers: Path, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts a server on the test's folders: `serve("--listen", ..., TASKY_MAX_TASKS="8")`."""
    with ExitStack() as servers:
        yield lambda *arguments, **environ: servers.enter_context(
            serving(workers, tmp_path / "state", *arguments, **environ)
        )


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve()
