"""What to do about an error, where the error itself cannot know it."""

from __future__ import annotations

from ..client import (
    ClientError,
    Forbidden,
    Misdirected,
    NoServer,
    TooMany,
    Unauthorized,
    Unavailable,
)
from .target import Target


def advice(error: ClientError, target: Target) -> str:
    """A sentence, or nothing."""
    match error:
        case Unauthorized() if not target.token:
            return "it wants a token: tasky login keeps one, or set TASKY_TOKEN"
        case Unauthorized():
            origin = f"the token of {target.token_from} is not accepted"
            return f"{origin}: it may have expired or been revoked; tasky login keeps another one"
        case Forbidden() if target.token:
            return f"tasky whoami says what the token of {target.token_from} may do"
        case Misdirected():
            return (
                f"the address is from {target.url_from}: use a name that the server goes by, or add this one to"
                " its setting allowed_hosts"
            )
        case TooMany() | Unavailable():
            when = "later" if error.retry_after is None else f"in {error.retry_after:.0f} s"
            return f"try again {when}"
        case NoServer() if target.url_from not in ("--url", "the default"):
            return f"the address is from {target.url_from}"
    return ""
