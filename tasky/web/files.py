"""/tasks/{id}/files: what a task left. All of it was made by a worker: a browser must neither run nor show it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from typing import BinaryIO, Final
from urllib.parse import quote

import falcon

from ..model.access import Need
from ..model.task import Artifact
from ..service import Service
from . import options
from .documents import artifact_document, dump
from .problems import RangeNotSatisfiable
from .query import Option, Options, read_query
from .ranges import Validators, Window, is_unchanged, wanted
from .resource import NO_OPTIONS, Answer, Resource, operation

_MEDIA_TYPE: Final = re.compile(
    r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}"
    r"(?:; ?[A-Za-z0-9-]{1,32}=[A-Za-z0-9!#$&^_.+-]{1,64})?",
    re.ASCII,
)
#: What a browser may show where it is asked for: neither of them can run anything.
_SHOWN: Final = frozenset({"image/gif", "image/jpeg", "image/png", "image/webp", "text/plain"})
_SECOND: Final = 1_000_000_000
_ANY: Final = "application/octet-stream"
_UNSAFE: Final = re.compile(r"[^ !#$&()+,\-.0-9;=@A-Z\[\]^_`a-z{}~]")

DOWNLOAD: Final[Options] = {
    "inline": Option(options.switch, about="For a browser to show, where it is harmless.")
}


class Files(Resource):
    def __init__(self, service: Service) -> None:
        self._service: Final = service

    @operation(
        "Lists the files that a task has left.",
        Need.READ,
        answers={200: Answer("All of them.", "Files")},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        read_query(req, NO_OPTIONS)
        artifacts = self._service.task(task_id).artifacts
        resp.data = dump({"Files": [artifact_document(artifact) for artifact in artifacts]})


class File(Resource):
    """One file, or a part of it: see docs/api.md, Files."""

    def __init__(self, service: Service) -> None:
        self._service: Final = service

    @operation(
        "One file that a task has left, or a range of its bytes.",
        Need.READ,
        DOWNLOAD,
        answers={
            200: Answer("The file.", "File", ("*/*",), ("ETag",)),
            206: Answer("The range asked for.", "File", ("*/*",), ("ETag", "Content-Range")),
            304: Answer("It is as before.", headers=("ETag",)),
        },
        errors=(412, 416),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, task_id: str, path: str) -> None:
        inline = read_query(req, DOWNLOAD).get("inline", False)
        artifact, file = self._service.artifact(task_id, path)
        with contextlib.ExitStack() as undo:
            undo.callback(file.close)
            current = _validators(task_id, artifact, file)
            resp.set_header("ETag", current.etag)
            resp.set_header("Last-Modified", current.last_modified)
            resp.set_header("Accept-Ranges", "bytes")
            if is_unchanged(req.env, current):
                resp.status = falcon.HTTP_304
                return
            first, end = _part(req, resp, artifact.size, current)
            _describe(resp, artifact, inline=inline)
            if req.method == "HEAD":
                resp.content_length = end - first
                return
            resp.set_stream(Window(file, first, end), end - first)
            undo.pop_all()  # from here on it is closed by who sends it


def _part(
    req: falcon.Request, resp: falcon.Response, size: int, current: Validators
) -> tuple[int, int]:
    """The first byte that is sent, and the one behind the last. A range means nothing to HEAD."""
    try:
        found = None if req.method == "HEAD" else wanted(req.env, size, current)
    except RangeNotSatisfiable:
        resp.set_header("Content-Range", f"bytes */{size}")
        raise
    if found is None:
        return 0, size
    first, end = found
    resp.status = falcon.HTTP_206
    resp.set_header("Content-Range", f"bytes {first}-{end - 1}/{size}")
    return found


def _validators(task_id: str, artifact: Artifact, file: BinaryIO) -> Validators:
    """Of what does not change while the content is the same. A worker may have set the time to anything; one that is
    ahead of ours would be of no use (RFC 9110, 8.8.2.1)."""
    changed = os.fstat(file.fileno()).st_mtime_ns
    words = (task_id, artifact.path, str(artifact.size), str(changed))
    text = "\0".join(words).encode("utf-8", "surrogateescape")
    modified = min(max(0, changed // _SECOND), int(time.time()))
    return Validators(hashlib.sha256(text).hexdigest()[:32], modified)


def _describe(resp: falcon.Response, artifact: Artifact, *, inline: bool) -> None:
    known = _MEDIA_TYPE.fullmatch(artifact.media_type)
    resp.content_type = artifact.media_type if known else _ANY
    harmless = artifact.media_type.partition(";")[0].lower() in _SHOWN
    shown = inline and known is not None and harmless
    resp.set_header("Content-Disposition", disposition(artifact.name, inline=shown))
    resp.set_header("Content-Security-Policy", "default-src 'none'; sandbox")


def disposition(name: str, *, inline: bool = False) -> str:
    """RFC 6266: the name in ASCII for old clients, and whole in UTF-8."""
    name = name.replace("/", "_").replace("\\", "_")
    plain = _UNSAFE.sub("_", name)
    whole = quote(name, safe="", errors="replace")
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{whole}"
