"""The modules of the page: what they import is there, what is needed first is asked for first, and those that draw
nothing do what they should."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import tasky.web

PAGE = Path(tasky.web.__file__).parent / "static" / "page"
TESTS = Path(__file__).parent / "page"
MODULES = sorted(PAGE.rglob("*.js"))

_STATIC = re.compile(r'^(?:import|export)\b[^;]*?\bfrom\s*"(\.[^"]+)"|^import\s*"([^"]+)"', re.M)
_ANY = re.compile(r'\b(?:from|import)\s*\(?\s*"(\.\.?/[^"]+)"')


def closure(module: Path) -> set[Path]:
    """A module, and all that a browser must have before it begins with it."""
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            named = (a or b for a, b in _STATIC.findall(one.read_text()))
            waiting += [one.parent.joinpath(name).resolve() for name in named]
    return found


def named_by(module: Path) -> Iterator[Path]:
    for name in _ANY.findall(module.read_text()):
        yield module.parent.joinpath(name).resolve()


def test_what_modules_import_is_there() -> None:
    missing = [(one, path) for one in MODULES for path in named_by(one) if not path.is_file()]
    assert missing == []


def test_no_module_is_left_over() -> None:
    reached = {PAGE / "theme.js"}
    waiting = [PAGE / "app.js"]
    while waiting:
        one = waiting.pop()
        if one not in reached:
            reached.add(one)
            waiting += named_by(one)
    assert [path for path in MODULES if path not in reached] == []


def test_the_document_asks_at_once_for_all_that_the_page_begins_with() -> None:
    document = (PAGE / "index.html").read_text()
    asked = re.findall(r'<link rel="modulepreload" href="page/([^"]+)">', document)
    wanted = closure(PAGE / "app.js") - {PAGE / "app.js"}
    assert asked == sorted(str(path.relative_to(PAGE)) for path in wanted)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_the_modules_that_draw_nothing(tmp_path: Path) -> None:
    """As modules: Node.js of some versions takes a file for one only if its folder says so."""
    shutil.copytree(PAGE, tmp_path / "page")
    tmp_path.joinpath("package.json").write_text('{"type": "module"}')
    for test in TESTS.glob("*.test.mjs"):
        text = test.read_text().replace('"PAGE/', '"./page/')
        tmp_path.joinpath(test.name).write_text(text)
    done = subprocess.run(
        ["node", "--test", *map(str, sorted(tmp_path.glob("*.test.mjs")))],
        env={"LANG": "en_US.UTF-8", "TZ": "Europe/Berlin", "PATH": "/usr/bin:/bin:/usr/local/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
