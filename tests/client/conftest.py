"""One real server for the tests of a module: each test has tasks of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasky.client import Client
from tests.client.workers import serving_workers
from tests.helpers import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Gone before other modules run: a child beside its own would make a server in this process less sure."""
    with serving_workers(tmp_path_factory.mktemp("client")) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url) as client:
        yield client
