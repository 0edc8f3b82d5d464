"""The server itself: who one is there, its tokens, how it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..model.units import format_duration
from .documents import MadeTokenDocument, TokenDocument, WhoamiDocument
from .session import Session
from .targets import segment


class Administration:
    """The part of the Client that is about the server, and not about its tasks."""

    _session: Session

    def whoami(self) -> WhoamiDocument:
        """For whom the server takes one, and what one may do."""
        return self._session.document(WhoamiDocument, "GET", "/whoami")

    def tokens(self) -> list[TokenDocument]:
        """All tokens, by name, without what is secret of them. This and the next two are for admins."""
        return self._session.document(list[TokenDocument], "GET", "/tokens/")

    def create_token(
        self, name: str, scopes: Iterable[str], expires: float | None = None
    ) -> MadeTokenDocument:
        """A new token, which is shown this one time; good for so many seconds, None: for ever."""
        body: dict[str, Any] = {"name": name, "scopes": [*scopes]}
        if expires is not None:
            body["expires"] = format_duration(round(expires * 1e9))
        return self._session.document(MadeTokenDocument, "POST", "/tokens/", body=body)

    def revoke_token(self, name: str) -> None:
        """It is not taken any more."""
        self._session.remove(f"/tokens/{segment(name)}")

    def ready(self) -> dict[str, Any]:
        """What /readyz says; Unavailable, with it as its document, while the server takes no tasks."""
        return self._session.document(dict, "GET", "//readyz")

    def openapi(self) -> dict[str, Any]:
        """The description of the API (OpenAPI 3.1)."""
        return self._session.document(dict, "GET", "/openapi.json")

    def metrics(self) -> str:
        """In the text format of Prometheus."""
        return b"".join(self._session.stream("//metrics")).decode()
