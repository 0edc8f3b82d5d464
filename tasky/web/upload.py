"""A submission as a form (multipart/form-data, RFC 7578): its files go to disk piece by piece, its other parts are
parameters.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Final

import falcon
from falcon.media.multipart import BodyPart, MultipartFormHandler, MultipartParseOptions

from ..errors import BadRequest, Invalid, Violation
from ..model.json_types import types_of
from ..model.params import Parameters, pointer
from ..model.strict_json import loads
from ..model.upload import MAX_FILES, Upload, display_name
from .body import read_json_object
from .problems import TooLarge, UnsupportedMediaType

MEDIA_TYPE: Final = "multipart/form-data"
#: The part that has parameters as a JSON object.
PARAMS: Final = "params"

_PIECE: Final = 1 << 18
_OPTIONS: Final = MultipartParseOptions()
_OPTIONS.max_body_part_count = MAX_FILES

#: Keeps what it reads to its end: the file, what its client calls it, the suffix that it is to get.
_Keep = Callable[[BinaryIO, str, str], Upload]


def is_form(req: falcon.Request) -> bool:
    return (req.content_type or "").partition(";")[0].strip().lower() == MEDIA_TYPE


def form_length(req: falcon.Request, max_upload: int) -> int:
    """The bytes of the whole form. Raises what keeps it from being read."""
    if req.env.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("the body must not be compressed")
    length = req.content_length
    if length is None:
        raise BadRequest("the length of the form is not known: it needs a Content-Length")
    if length > max_upload:
        raise TooLarge(f"the form is larger than the {max_upload} bytes that are allowed")
    return length


def read_form(
    req: falcon.Request, parameters: Parameters, keep: _Keep, max_body: int
) -> tuple[dict[str, Any], list[Any]]:
    """The parameters of a form, with an Upload for each file; and all of its parts, with digests in place of contents.
    What is no file is kept in memory, at most `max_body` bytes of it. Raises BadRequest, Invalid, TooLarge, and what
    `keep` raises."""
    form = _Form(parameters, keep, max_body)
    handler = MultipartFormHandler(_OPTIONS)
    for part in handler.deserialize(req.bounded_stream, req.content_type, req.content_length):
        form.take(part)
    return form.params(), form.body


class _Form:
    """What was read of a form so far."""

    def __init__(self, parameters: Parameters, keep: _Keep, max_body: int) -> None:
        self.body: Final[list[Any]] = []
        self._parameters: Final = parameters
        self._keep: Final = keep
        self._max_body: Final = max_body
        self._room = max_body
        self._params: dict[str, Any] | None = None
        #: By parameter, in the order of the form: texts and files.
        self._given: Final[dict[str, list[str | Upload]]] = {}

    def take(self, part: BodyPart) -> None:
        name, filename = _names(part)
        source: Any = part.stream
        if filename is None:
            self._take_text(name, source)
        elif filename or source.peek(1):  # else a field of a page in which no file was chosen
            self._take_file(name, filename, source)

    def params(self) -> dict[str, Any]:
        """What the worker's schema says of them is looked at later, and all at once."""
        found = dict(self._params or {})
        twice = [name for name in self._given if name in found or not self._may_be(name)]
        if twice:
            raise Invalid([Violation(f"{n}: is given more than once", pointer([n])) for n in twice])
        return found | {name: self._value(name, given) for name, given in self._given.items()}

    def _take_text(self, name: str, source: BinaryIO) -> None:
        data = source.read(self._room + 1)
        self._room -= len(data)
        if self._room < 0:
            raise TooLarge(
                f"what is no file in the form is larger than the {self._max_body} bytes that are allowed"
            )
        self.body.append([name, None, hashlib.sha256(data).hexdigest()])
        if name == PARAMS:
            if self._params is not None:
                raise Invalid([Violation(f"the form has {PARAMS} more than once")])
            self._params = read_json_object(data)
            return
        try:
            self._given.setdefault(name, []).append(data.decode())
        except UnicodeDecodeError:
            raise BadRequest(f"{name[:64]}: this part of the form is not UTF-8") from None

    def _take_file(self, name: str, filename: str, source: BinaryIO) -> None:
        if name in self._parameters.files:
            suffix = _suffix(self._parameters.of(name))
            upload = self._keep(source, filename, suffix)
        else:  # it is refused in the end, with all else that is wrong: no room is taken for it
            upload = Upload(file="", name=display_name(filename), size=0, sha256=_digest(source))
        self.body.append([name, upload.name, upload.sha256])
        self._given.setdefault(name, []).append(upload)

    def _may_be(self, name: str) -> bool:
        """Whether it may be given as often as it was."""
        return len(self._given[name]) == 1 or "array" in types_of(self._parameters.of(name))

    def _value(self, name: str, given: list[str | Upload]) -> Any:
        schema = self._parameters.of(name)
        if "array" not in types_of(schema):
            return _read(given[0], schema)
        if len(given) == 1 and isinstance(whole := _read(given[0], schema), list):
            return whole
        return [_read(item, schema.get("items", {})) for item in given]


def _read(value: str | Upload, schema: Any) -> Any:
    """As on the command line: text where the parameter takes text, or does not say; else JSON. What cannot be read is
    left to the schema to refuse."""
    types = types_of(schema)
    if isinstance(value, Upload) or not types or "string" in types:
        return value
    try:
        return loads(value.encode())
    except ValueError:
        return value


def _names(part: BodyPart) -> tuple[str, str | None]:
    """Of the parameter, and of the file if it is one."""
    try:
        name, filename = part.name, part.filename
    except (ValueError, LookupError):  # bytes that are no text, or in a coding that there is not
        raise BadRequest("a part of the form has a name that cannot be read") from None
    if not name:
        raise BadRequest("a part of the form has no name")
    return name, filename


def _suffix(schema: Mapping[str, Any]) -> str:
    """Of the media type that the worker's definition says the file has: what clients send decides nothing."""
    inner = schema.get("items", schema)
    media_type = inner.get("contentMediaType", "") if isinstance(inner, Mapping) else ""
    return mimetypes.guess_extension(media_type, strict=False) or ""


def _digest(source: BinaryIO) -> str:
    digest = hashlib.sha256()
    while piece := source.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()
