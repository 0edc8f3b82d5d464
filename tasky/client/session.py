"""Asking a server for documents: targets, JSON, errors. Under the Client's verbs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar, get_origin
from urllib.parse import urlencode

from .address import Address
from .errors import ApiError, BadAnswer
from .transport import Answer, Request, Transport

_API: Final = "/tasky/v1"

Query = Iterable[tuple[str, str]]
Document = TypeVar("Document")


class Session:
    """Speaks to one server over one connection, kept open."""

    def __init__(self, address: Address, timeout: float) -> None:
        self._address: Final = address
        self._transport: Final = Transport(address, timeout)

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
        """The answer's JSON. `kind` is a TypedDict, or a list of one; only the outermost shape is looked at."""
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        media_type = {} if body is None else {"Content-Type": "application/json"}
        answer = self._ask(
            Request(
                method=method,
                target=_target(path, query),
                body=content,
                headers={**media_type, **(headers or {})},
                patience=patience,
            )
        )
        return self.parse(kind, answer.body)

    def remove(self, path: str) -> None:
        """Never sent twice: the second answer would be that there is nothing."""
        self._ask(Request(method="DELETE", target=_target(path, ()), repeatable=False))

    def stream(self, path: str, query: Query = (), accept: str = "*/*") -> Iterator[bytes]:
        """The answer's bytes, in pieces of any length."""
        request = Request(method="GET", target=_target(path, query), headers={"Accept": accept})
        with self._transport.stream(request) as (answer, pieces):
            _check(answer)
            yield from pieces

    def parse(self, kind: type[Document], content: bytes) -> Document:
        try:
            document = json.loads(content)
        except ValueError:
            document = None
        if not isinstance(document, get_origin(kind) or dict):
            raise BadAnswer(f"{self._address} does not answer as a Tasky server does: is it one?")
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


def _target(path: str, query: Query) -> str:
    options = urlencode(list(query))
    return f"{_API}{path}?{options}" if options else _API + path


def _check(answer: Answer) -> None:
    if answer.status >= 400:
        try:
            document = json.loads(answer.body)
        except ValueError:
            document = {}
        raise ApiError(answer.status, document if isinstance(document, dict) else {})
    if answer.status >= 300:
        raise BadAnswer(f"the server sends elsewhere ({answer.status}), which is not followed")
