"""docs/client.md: its examples run, one after the other, and it names every call and every error."""

from __future__ import annotations

import inspect
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasky import client as library
from tasky.client import ApiError, Client, Event
from tests.helpers import REPOSITORY, Server, link_bundled, serving

TEXT = (REPOSITORY / "docs/client.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With those of the bundled workers that are in the examples."""
    if shutil.which("node") is None:
        pytest.skip("THE EXAMPLES ARE NOT TESTED: no Node.js; scripts/test --system installs it")
    folder = tmp_path_factory.mktemp("docs")
    link_bundled(folder / "workers.d", "sleeper", "diskfree", "csvstats")
    with serving(folder / "workers.d", folder / "state") as server:
        yield server


def test_the_examples(
    bundled: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TASKY_URL", bundled.url)
    cities = tmp_path / "cities.csv"
    cities.write_text("city,people\nBonn,330\n")
    names = {"cities": cities}
    said = []
    try:
        for number, example in enumerate(EXAMPLES):
            code = example.replace("http://127.0.0.1:8888", bundled.url)
            exec(compile(code, f"example {number}", "exec"), names)
            said.append(capsys.readouterr().out)
    finally:
        names["client"].close()  # type: ignore[attr-defined]
    first, submitting, chained, watching, following, all_of_them, errors, calls = said
    assert first == "Completed\n"
    assert "Completed {'string_output': 'Done sleeping." in submitting
    assert re.findall(r"^\w+ \w+", chained, re.MULTILINE) == ["first Completed", "second Completed"]
    assert watching.startswith("it is ")
    assert "\nthe end: Completed" in watching
    assert following.startswith("Filesystem ")
    assert all_of_them.endswith(" result\n")
    assert "/seconds " in errors
    assert "it has ended already: Completed" in errors
    assert "Completed" in calls


def test_every_call_is_named() -> None:
    calls = {name for name, _ in inspect.getmembers(Client, callable) if not name.startswith("_")}
    rows = re.search(r"^## All calls\n(.*)", TEXT, re.MULTILINE | re.DOTALL)
    assert rows is not None
    named = set(re.findall(r"`([a-z_]+)\(", rows[1]))
    assert named == calls - {"close"}


def test_every_class_is_named() -> None:
    classes = [one for one in vars(library).values() if inspect.isclass(one)]
    wanted = [one for one in classes if issubclass(one, ApiError | Event)]
    assert len(wanted) > 15
    for one in wanted:
        assert f"`{one.__name__}`" in TEXT, one
