"""A download that outlives its connections."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from .errors import ConnectionLost, NoAnswer, NoServer
from .session import Session

_PARTIAL: Final = 206
#: Before each try that brought nothing more, seconds: about a minute, more than a restart takes.
_PAUSES: Final = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)


def download(session: Session, path: str) -> Iterator[bytes]:
    """The bytes, in pieces of any length. What has come once is not asked for again; ConnectionLost if the file has
    changed meanwhile."""
    had, etag, tries = 0, "", 0
    while True:
        headers = {"Range": f"bytes={had}-", "If-Range": etag} if had else {}
        try:
            with session.open(path, headers=headers) as (answer, pieces):
                if had and (answer.status != _PARTIAL or answer.etag != etag):
                    raise _Changed("the file has changed while it was fetched")
                etag = answer.etag
                for piece in pieces:
                    had, tries = had + len(piece), 0
                    yield piece
            return
        except _Changed:
            raise
        except (ConnectionLost, NoAnswer, NoServer):
            if not had or not etag or etag.startswith("W/") or tries == len(_PAUSES):
                raise
        time.sleep(_PAUSES[tries])
        tries += 1


class _Changed(ConnectionLost):
    """The file has changed while it was fetched."""
