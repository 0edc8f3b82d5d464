"""Asking a server for documents: targets, JSON, errors. Under the Client's verbs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar, get_origin
from urllib.parse import urlencode

from .address import Address
from .errors import BadAnswer, BadToken, api_error
from .forms import Form
from .transport import Answer, Request, Transport

_API: Final = "/tasky/v1"

Query = Iterable[tuple[str, str]]
Document = TypeVar("Document")


class Session:
    """Speaks to one server over one connection, kept open; each stream has one of its own."""

    def __init__(self, address: Address, timeout: float, token: str = "") -> None:
        self.address: Final = address
        self.timeout: Final = timeout
        self._headers: Final = _authorization(token)
        self._transport: Final = Transport(address, timeout, self._headers)

    def close(self) -> None:
        self._transport.close()

    def document(
        self,
        kind: type[Document],
        method: str,
        path: str,
        *,
        query: Query = (),
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        patience: float = 0.0,
    ) -> Document:
        """The answer's JSON. `body` is sent as JSON unless it is a Form. `kind` is a TypedDict, or a list of one; only
        the outermost shape is looked at."""
        content, media_type = _content(body)
        answer = self._ask(
            Request(
                method=method,
                target=_target(path, query),
                body=content,
                headers={**media_type, **(headers or {})},
                patience=patience + (content.patience if isinstance(content, Form) else 0.0),
            )
        )
        return self.parse(kind, answer.body)

    def remove(self, path: str) -> None:
        """Never sent twice: the second answer would be that there is nothing."""
        self._ask(Request(method="DELETE", target=_target(path, ()), repeatable=False))

    def stream(
        self,
        path: str,
        query: Query = (),
        accept: str = "*/*",
        *,
        headers: Mapping[str, str] | None = None,
        patience: float = 0.0,
    ) -> Generator[bytes]:
        """The answer's bytes, in pieces of any length. Other requests may be made meanwhile."""
        with self.open(path, query, accept, headers=headers, patience=patience) as (_, pieces):
            yield from pieces

    @contextlib.contextmanager
    def open(
        self,
        path: str,
        query: Query = (),
        accept: str = "*/*",
        *,
        headers: Mapping[str, str] | None = None,
        patience: float = 0.0,
    ) -> Iterator[tuple[Answer, Iterator[bytes]]]:
        """As `stream`, with the answer's head."""
        request = Request(
            method="GET",
            target=_target(path, query),
            headers={"Accept": accept, **(headers or {})},
            patience=patience,
        )
        transport = Transport(self.address, self.timeout, self._headers)
        with transport.stream(request) as (answer, pieces):
            _check(answer)
            yield answer, pieces

    def parse(self, kind: type[Document], content: bytes) -> Document:
        try:
            document = json.loads(content)
        except ValueError:
            document = None
        if not isinstance(document, get_origin(kind) or dict):
            raise BadAnswer(f"{self.address} does not answer as a Tasky server does: is it one?")
        return document  # type: ignore[return-value]  # as far as it was looked at

    def _ask(self, request: Request) -> Answer:
        answer = self._transport.ask(request)
        _check(answer)
        return answer


def lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines, without their ends; empty ones are left out."""
    rest: list[bytes] = []
    for piece in pieces:
        first, *others = piece.split(b"\n")
        rest.append(first)
        for other in others:
            line = b"".join(rest)
            rest = [other]
            if line:
                yield line
    if last := b"".join(rest):
        yield last


def _authorization(token: str) -> dict[str, str]:
    if not token:
        return {}
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise BadToken  # without saying what it was
    return {"Authorization": f"Bearer {token}"}


def _content(body: Any) -> tuple[bytes | Form | None, dict[str, str]]:
    """What is sent, and the headers that say so."""
    if body is None:
        return None, {}
    if isinstance(body, Form):
        return body, {"Content-Type": body.media_type, "Content-Length": str(len(body))}
    content = json.dumps(body, allow_nan=False).encode()
    return content, {"Content-Type": "application/json"}


def _target(path: str, query: Query) -> str:
    """`path` is below /tasky/v1 unless it begins with two slashes."""
    options = urlencode(list(query))
    whole = path[1:] if path.startswith("//") else _API + path
    return f"{whole}?{options}" if options else whole


def _check(answer: Answer) -> None:
    if answer.status >= 400:
        try:
            document = json.loads(answer.body)
        except ValueError:
            document = {}
        known = document if isinstance(document, dict) else {}
        raise api_error(answer.status, known, answer.retry_after)
    if answer.status >= 300:
        raise BadAnswer(f"the server sends elsewhere ({answer.status}), which is not followed")
