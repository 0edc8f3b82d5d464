"""Reading streams as a client does: over a socket, event by event."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from types import TracebackType
from typing import Any, NamedTuple

from tests.helpers import PATIENCE, Server


class Sent(NamedTuple):
    """An event: its `name`, its `id` (empty if it has none of its own), its data."""

    name: str
    id: str
    data: Any


def parse(text: str) -> list[Sent]:
    """The events of a stream that has ended."""
    return [event for block in text.split("\n\n") if (event := _event(block)) is not None]


def _event(block: str) -> Sent | None:
    fields = dict(re.findall(r"^([a-z]+): (.*)$", block, re.MULTILINE))
    if "data" not in fields:
        return None
    return Sent(fields["event"], fields.get("id", ""), json.loads(fields["data"]))


class Reading:
    """A stream that is open: `path` is below /tasky/v1."""

    def __init__(self, server: Server, path: str, **headers: str) -> None:
        self.connection = http.client.HTTPConnection(*server.address, timeout=PATIENCE)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request("GET", f"/tasky/v1{path}", headers=named)
        self.sock = self.connection.sock
        self.response = self.connection.getresponse()
        self.last_id = ""

    def __enter__(self) -> Reading:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self.response.close()
        self.connection.close()

    def __iter__(self) -> Iterator[Sent]:
        """Until the server ends it."""
        lines: list[str] = []
        while line := self.response.readline().decode():
            if line != "\n":
                lines.append(line)
                if line.startswith("id: "):
                    self.last_id = line[4:-1]
                continue
            event = _event("".join(lines))
            lines.clear()
            if event is not None:
                yield event

    def next(self) -> Sent:
        return next(iter(self))

    def until(self, name: str, **data: Any) -> Sent:
        """The first event of this name whose data has these members."""
        for event in self:
            if event.name == name and data.items() <= event.data.items():
                return event
        raise AssertionError(f"the stream ends without {name} {data}")
