"""/tasks/{id}/files: what a task left. All of it was made by a worker: a browser must neither run nor show it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

import falcon

from ..model.access import Need
from ..model.task import Artifact
from ..service import Service
from .documents import artifact_document, dump
from .query import read_query
from .resource import NO_OPTIONS, Resource, operation

_MEDIA_TYPE: Final = re.compile(
    r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}"
    r"(?:; ?[A-Za-z0-9-]{1,32}=[A-Za-z0-9!#$&^_.+-]{1,64})?",
    re.ASCII,
)
_ANY: Final = "application/octet-stream"
_UNSAFE: Final = re.compile(r"[^ !#$&()+,\-.0-9;=@A-Z\[\]^_`a-z{}~]")


class Files(Resource):
    def __init__(self, service: Service) -> None:
        self._service: Final = service

    @operation("Lists the files that a task has left.", Need.READ)
    def on_get(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        read_query(req, NO_OPTIONS)
        artifacts = self._service.task(task_id).artifacts
        resp.data = dump({"Files": [artifact_document(artifact) for artifact in artifacts]})


class File(Resource):
    def __init__(self, service: Service) -> None:
        self._service: Final = service

    @operation("One file that a task has left.", Need.READ)
    def on_get(self, req: falcon.Request, resp: falcon.Response, task_id: str, path: str) -> None:
        read_query(req, NO_OPTIONS)
        artifact, file = self._service.artifact(task_id, path)
        _describe(resp, artifact)
        if req.method == "HEAD":
            file.close()
            resp.content_length = artifact.size
        else:
            resp.set_stream(file, artifact.size)


def _describe(resp: falcon.Response, artifact: Artifact) -> None:
    known = _MEDIA_TYPE.fullmatch(artifact.media_type)
    resp.content_type = artifact.media_type if known else _ANY
    resp.set_header("Content-Disposition", disposition(artifact.name))
    resp.set_header("Content-Security-Policy", "default-src 'none'; sandbox")
    resp.set_header("Accept-Ranges", "none")


def disposition(name: str) -> str:
    """RFC 6266: the name in ASCII for old clients, and whole in UTF-8."""
    name = name.replace("/", "_").replace("\\", "_")
    plain = _UNSAFE.sub("_", name)
    whole = quote(name, safe="", errors="replace")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}"
