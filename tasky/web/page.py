"""The web page: one document at the root, and the files that it is made of, each below a folder that is named by the
contents of all of them. So a browser keeps the files for ever, asks for the document each time, and never mixes two
versions. Everybody may have them: they say nothing of the server."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from typing import Final

import falcon

from ..errors import NotFound
from ..model.access import Need
from .assets import ASK_AGAIN, FOR_EVER, MEDIA_TYPES, STATIC, Asset, answer
from .query import read_query
from .resource import NO_OPTIONS, Answer, Resource, operation

_DOCUMENT: Final = "index.html"
#: Where the document names a file: relative to itself, so that a proxy may have it all below a path of its own.
_PLACE: Final = re.compile(r'\b(src|href)="page/')
#: Nothing but this server's own files is run, shown or asked. Text that came from elsewhere cannot become markup: what
#: would make it so (innerHTML and the like) takes no text at all.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)


class Files:
    """All that the page is made of."""

    def __init__(self, folder: Traversable) -> None:
        found = {path: Asset.read(file) for path, file in _below(folder)}
        told = "\n".join(f"{path} {found[path].tag}" for path in sorted(found))
        self.version: Final = hashlib.sha256(told.encode()).hexdigest()[:16]
        text = found.pop(_DOCUMENT).plain.decode()
        document = _PLACE.sub(rf'\1="page/{self.version}/', text)
        self.document: Final = Asset.of(document.encode(), MEDIA_TYPES[".html"])
        self._files: Final = {f"{self.version}/{path}": asset for path, asset in found.items()}

    def find(self, path: str) -> Asset:
        """`path` begins with the version."""
        asset = self._files.get(path)
        if asset is None:
            raise NotFound
        return asset


@functools.cache
def shipped() -> Files:
    """Those that come with Tasky: read once, as nobody changes them while it runs."""
    return Files(STATIC.joinpath("page"))


class Page(Resource):
    tag = "page"

    def __init__(self, files: Files) -> None:
        self._document: Final = files.document

    @operation(
        "The web page.",
        Need.OPEN,
        answers={
            200: Answer("The page.", "Page", ("text/html",), ("ETag",)),
            304: Answer("It is as before.", headers=("ETag",)),
        },
        errors=(412,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        answer(req, resp, self._document, ASK_AGAIN, {"Content-Security-Policy": POLICY})


class PageFile(Resource):
    tag = "page"

    def __init__(self, files: Files) -> None:
        self._files: Final = files

    @operation(
        "What the web page is made of.",
        Need.OPEN,
        answers={
            200: Answer("The file.", "Page", ("*/*",), ("ETag",)),
            304: Answer("It is as before.", headers=("ETag",)),
        },
        errors=(412,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, path: str) -> None:
        read_query(req, NO_OPTIONS)
        answer(req, resp, self._files.find(path), FOR_EVER)


def _below(folder: Traversable, before: str = "") -> Iterator[tuple[str, Traversable]]:
    """All files, with their paths."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, f"{before}{entry.name}/")
        else:
            yield before + entry.name, entry
