"""Submissions as multipart/form-data, written by hand: so that they can be wrong."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

BOUNDARY = "----boundary-of-a-test"


class Part(NamedTuple):
    """`headers` are further ones, or others in place of Content-Disposition."""

    name: str
    content: bytes
    filename: str | None = None
    headers: str = ""

    def encoded(self) -> bytes:
        filename = "" if self.filename is None else f'; filename="{self.filename}"'
        disposition = f'Content-Disposition: form-data; name="{self.name}"{filename}'
        head = self.headers if "isposition" in self.headers else f"{disposition}\r\n{self.headers}"
        return head.rstrip("\r\n").encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self.content


def file(name: str, content: bytes, filename: str = "local.csv") -> Part:
    return Part(name, content, filename)


def field(name: str, text: Any) -> Part:
    """Text as it is, anything else as JSON."""
    return Part(name, (text if isinstance(text, str) else json.dumps(text)).encode())


def form(*parts: Part) -> tuple[bytes, str]:
    """The body, and its content type."""
    pieces = [f"--{BOUNDARY}\r\n".encode() + part.encoded() + b"\r\n" for part in parts]
    body = b"".join(pieces) + f"--{BOUNDARY}--\r\n".encode()
    return body, f"multipart/form-data; boundary={BOUNDARY}"
