"""The web page as it is served: what browsers may keep, what is compressed, and that nothing else is given away."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from tasky.errors import NotFound
from tasky.web.assets import takes_gzip
from tasky.web.page import Files, shipped
from tests.helpers import REPOSITORY
from tests.web.api import Api

FOLDER = REPOSITORY / "tasky/web/static/page"
FILES = [str(file.relative_to(FOLDER)) for file in FOLDER.rglob("*") if file.is_file()]
SOURCES = [path for path in FILES if not path.startswith("vendor/")]


def test_the_page_asks_for_files_that_there_are(shared: Api) -> None:
    answer = shared.get("//")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    places = re.findall(r'\b(?:src|href)="([^"]+)"', answer.text)
    assert places
    for place in places:
        assert place.startswith(f"page/{shipped().version}/")
        assert shared.get(f"//{place}").status_int == 200


def test_its_policy(shared: Api) -> None:
    policy = shared.get("//").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "*" not in policy
    for refused in ("base-uri", "form-action", "frame-ancestors", "trusted-types"):
        assert f"{refused} 'none'" in policy


@pytest.mark.parametrize("path", FILES)
def test_each_file(shared: Api, path: str) -> None:
    if path == "index.html":
        return
    url = f"//page/{shipped().version}/{path}"
    plain = shared.get(url)
    assert plain.body == (FOLDER / path).read_bytes()
    assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    packed = shared.get(url, accept_encoding="br, gzip")
    if packed.headers.get("Content-Encoding") == "gzip":
        assert gzip.decompress(packed.body) == plain.body
        assert len(packed.body) < len(plain.body)
        assert packed.headers["ETag"] != plain.headers["ETag"]
        assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    for first, headers in ((plain, {}), (packed, {"accept_encoding": "gzip"})):
        again = shared.get(url, if_none_match=first.headers["ETag"], **headers)
        assert again.status_int == 304
        assert again.body == b""


@pytest.mark.parametrize(
    "path",
    ["index.html", "app.js/x", "none.js", "../docs.js", "..%2f..%2fpage.py", "%2e%2e/docs.js", ""],
)
def test_nothing_else_is_served(shared: Api, path: str) -> None:
    assert shared.get(f"//page/{shipped().version}/{path}").status_int == 404


@pytest.mark.parametrize("path", ["app.js", "0000000000000000/app.js", "@/app.js"])
def test_no_other_version_is_served(shared: Api, path: str) -> None:
    assert shared.get(f"//page/{path}").status_int == 404


def test_the_version_changes_with_any_file(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<script src="page/a.js"></script>')
    (tmp_path / "ui").mkdir()
    (tmp_path / "ui/b.js").write_text("1")
    before = Files(tmp_path)
    assert before.find(f"{before.version}/ui/b.js").plain == b"1"
    (tmp_path / "ui/b.js").write_text("2")
    after = Files(tmp_path)
    assert after.version != before.version
    assert f'src="page/{after.version}/a.js"'.encode() in after.document.plain
    with pytest.raises(NotFound):
        after.find(f"{before.version}/ui/b.js")


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        ("gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, GZIP;q=0.8", True),
        ("*", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("*, gzip;q=0", False),
        ("*;q=0", False),
        ("x-gzip-not", False),
    ],
)
def test_who_takes_gzip(accepted: str, takes: bool) -> None:
    assert takes_gzip(accepted) is takes


@pytest.mark.parametrize("path", SOURCES)
def test_nothing_in_line_and_nothing_from_elsewhere(path: str) -> None:
    text = (FOLDER / path).read_text()
    if path.endswith(".html"):
        assert re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", text) is None
    assert re.findall(r"https?://(?!www\.w3\.org/)[a-z]", text) == []
    markup = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    assert re.search(markup, text) is None


VIEWS = [path for path in FILES if path.startswith("views/") and path.count("/") == 1]


@pytest.mark.parametrize("view", VIEWS)
def test_the_first_load_is_small(view: str) -> None:
    """The page, what it names, one view, and all that they import; compressed, without the heads of the answers."""
    page = shipped()
    named = re.findall(r'"page/\w+/([^"]+)"', page.document.plain.decode())
    modules = imported({path for path in named if path.endswith(".js")} | {view})
    loaded = [page.document, *(page.find(f"{page.version}/{path}") for path in {*named, *modules})]
    assert sum(len(each.packed or each.plain) for each in loaded) < 100_000


def imported(modules: set[str]) -> set[str]:
    """These, and what they import before they run."""
    found: set[str] = set()
    while modules:
        path = modules.pop()
        found.add(path)
        text = (FOLDER / path).read_text()
        for place in re.findall(r"""(?:\bfrom|\bimport)\s*["'](\.[^"']+)["']""", text):
            other = (FOLDER / path).parent.joinpath(place).resolve().relative_to(FOLDER)
            if str(other) not in found:
                modules.add(str(other))
    return found
