"""The page that shows the description: what it is made of, and that it asks nobody else."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.helpers import REPOSITORY
from tests.web.api import Api

STATIC = REPOSITORY / "tasky/web/static"


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
def test_the_page(shared: Api, path: str) -> None:
    answer = shared.get(path)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    for place in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
        assert place.startswith("/tasky/v1/")
        assert shared.get(place.removeprefix("/tasky/v1")).status_int == 200


@pytest.mark.parametrize(
    ("name", "kind"), [("docs.css", "text/css"), ("docs.js", "text/javascript")]
)
def test_what_it_is_made_of(shared: Api, name: str, kind: str) -> None:
    answer = shared.get(f"/docs/{name}")
    assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    again = shared.get(f"/docs/{name}", if_none_match=answer.headers["ETag"])
    assert again.status_int == 304


@pytest.mark.parametrize("name", ["docs.html", "docs.py", "..%2fdocs.py", "%2e%2e", "docs.js%00"])
def test_nothing_else_is_served(shared: Api, name: str) -> None:
    assert shared.get(f"/docs/{name}").status_int == 404


def test_nothing_in_line_and_nothing_from_elsewhere() -> None:
    page = (STATIC / "docs.html").read_text()
    assert re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page) is None
    for file in STATIC.glob("docs.*"):
        assert re.search(r"https?://", file.read_text()) is None, file
    script = (STATIC / "docs.js").read_text()
    assert (
        re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", script)
        is None
    )


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_it_shows_every_operation(shared: Api) -> None:
    """In a document that is no more than what the script uses."""
    program = (REPOSITORY / "tests/web/page.js").read_text()
    script = (STATIC / "docs.js").read_text()
    description = shared.get("/openapi.json").text
    ran = subprocess.run(
        ["node", "-e", f"{program.replace('DESCRIPTION', description)}\n{script}\nreport();"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    for text in ("POST /tasky/v1/workers/echo", "curl -X POST", "Idempotency-Key", "Comes back"):
        assert text in ran.stdout
