from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.api import Api, standard


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    api = standard(tmp_path).serve()
    yield api
    api.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """For tests that leave no task running behind."""
    api = standard(tmp_path_factory.mktemp("shared")).serve()
    yield api
    api.stop()
