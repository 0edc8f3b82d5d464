"""Files that come with a submission: what is told of them, and which parameters take them. Pure.

A parameter takes a file where its schema has `format: file`: `{type: string, format: file}`, or an array of such. In
the store its value is an Upload as JSON; the worker gets the path of the file in its work folder.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

FORMAT: Final = "file"
MAX_NAME: Final = 200
MAX_FILES: Final = 256

_FILE: Final = re.compile(r"upload-[1-9][0-9]{0,3}(?:\.[a-z0-9]{1,10})?", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """`file` is its name in the work folder, which we have made; `name` is what its client calls it, for people only;
    `size` is in bytes; `sha256` in hexadecimal digits."""

    file: str
    name: str
    size: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> Upload | None:
        """None for what is none: no other name than those that we make becomes part of a path."""
        if not isinstance(value, dict) or value.keys() != {"file", "name", "size", "sha256"}:
            return None
        if not isinstance(value["file"], str) or not isinstance(value["sha256"], str):
            return None
        if _FILE.fullmatch(value["file"]) is None or _SHA256.fullmatch(value["sha256"]) is None:
            return None
        return cls(**value)


def file_name(number: int, suffix: str = "") -> str:
    """The name of a task's file, counted from 1: nothing of it comes from the client. `suffix` is such as `.csv`, from
    the worker's definition."""
    name = f"upload-{number}{suffix}"
    return name if _FILE.fullmatch(name) else f"upload-{number}"


def display_name(name: str) -> str:
    """A client's name of a file, to be shown: without the folders that some send with it, in Unicode's form NFC, on one
    line, and not too long. May be empty."""
    last = re.split(r"[/\\]", name)[-1][: 4 * MAX_NAME]
    normal = unicodedata.normalize("NFC", last)
    return "".join(each if each.isprintable() else "_" for each in normal)[:MAX_NAME]


def takes_several(schema: Mapping[str, Any]) -> bool | None:
    """Whether a parameter with this schema takes several files, or one; None if it takes none."""
    if schema.get("format") == FORMAT:
        return False
    items = schema.get("items")
    return True if isinstance(items, Mapping) and items.get("format") == FORMAT else None


def mistakes(schema: Mapping[str, Any], name: str) -> Iterator[str]:
    """What is wrong with the schema of a parameter that takes files."""
    several = takes_several(schema)
    if several is None:
        return
    types = schema.get("type")
    given = set(types) if isinstance(types, list) else {types}
    inner = schema["items"].get("type") if several else "string"
    if given - {"null"} != {"array" if several else "string"} or inner != "string":
        one = "{type: string, format: file}"
        yield f"a file is written {one}, several {{type: array, items: {one}}}"
    if schema.get("secret"):
        yield "a file cannot be secret: its content is not hidden in what the worker writes"
    if schema.get("default") not in (None, []):
        yield "the only default of a file is null, and of several []: there is no file without a client"
    if name == "params":
        yield "no file can be named params: that is the part of a form that has the other parameters"


def replaced(value: Any, each: Callable[[Upload], Any]) -> Any:
    """A stored value with each of its files replaced."""
    if isinstance(value, list):
        return [replaced(item, each) for item in value]
    upload = Upload.from_json(value)
    return value if upload is None else each(upload)


def as_json(value: Any) -> Any:
    """A parameter's value as it is stored."""
    if isinstance(value, Upload):
        return value.as_json()
    if isinstance(value, list) and len(value) <= MAX_FILES:
        return [item.as_json() if isinstance(item, Upload) else item for item in value]
    return value


def misplaced(
    params: Mapping[str, Any], takes_files: Mapping[str, bool], *, stored: bool
) -> Iterator[tuple[str, str]]:
    """Files where there is to be none, and what else is where a file is to be: the parameter, and what is wrong. A file
    is an Upload; where the values come from the store, also its JSON."""
    for name, value in params.items():
        items = value if isinstance(value, list) else [value]
        if name not in takes_files:
            if len(items) <= MAX_FILES and any(isinstance(item, Upload) for item in items):
                yield name, "takes no file"
        elif not all(
            item is None or isinstance(item, Upload) or (stored and Upload.from_json(item))
            for item in items
        ):
            yield name, "must be a file: a part of multipart/form-data that has a filename"
