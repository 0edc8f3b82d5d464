"""The delivery of a notification: its signature, what an answer means, when it is tried again. Pure.

The form is that of Standard Webhooks (standardwebhooks.com).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from .notify import Delivery

_SECOND: Final = 1_000_000_000
_DAY: Final = 24 * 3600 * _SECOND

#: With the first one.
ATTEMPTS: Final = 8
#: The pause after the first attempt in ns, and by what each further one is longer: 15 s, 1 min, 4 min, 16 min, 64 min,
#: 4 h, 17 h; 23 hours in all.
_FIRST_PAUSE: Final = 15 * _SECOND
_FACTOR: Final = 4
#: So much longer or shorter by chance, that what failed together is not tried again together.
_JITTER: Final = 0.2

_PREFIX: Final = "whsec_"
_LEAST_KEY, _MOST_KEY = 24, 64  # bytes, by Standard Webhooks
_GONE: Final = 410
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt went: the receiver's status, or `error` where none came. `hopeless`: another one would go the
    same way. `retry_after` is the header's text."""

    status: int | None = None
    error: str | None = None
    retry_after: str | None = None
    hopeless: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means for the notification. `next_at` is in ns since the epoch."""

    delivery: Delivery
    status: int | None
    error: str | None
    next_at: int | None = None


def judge(answer: Answer, attempt: int, now: int, chance: float) -> Verdict:
    """Of the attempt of this number, counted from 1, that ended at `now` (ns since the epoch); `chance` is a random
    number from 0 to 1."""
    status = answer.status
    if status is not None and 200 <= status < 300:
        return Verdict(Delivery.DELIVERED, status, None)
    error = answer.error or _meaning(status)
    if answer.hopeless or status == _GONE or attempt >= ATTEMPTS:
        return Verdict(Delivery.FAILED, status, error)
    pause = _FIRST_PAUSE * _FACTOR ** (attempt - 1) * (1 + _JITTER * (2 * chance - 1))
    wanted = 0 if answer.retry_after is None else _wanted(answer.retry_after, now)
    return Verdict(Delivery.PENDING, status, error, now + max(int(pause), min(wanted, _DAY)))


def _meaning(status: int | None) -> str:
    if status == _GONE:
        return "the receiver is gone, and wants no more of it"
    if status is not None and 300 <= status < 400:
        return "the receiver wants it sent elsewhere: redirects are not followed"
    return "the receiver did not take it"


def _wanted(retry_after: str, now: int) -> int:
    """The pause that a receiver asks for in ns, by seconds or a date (RFC 9110); 0 for what is neither."""
    word = retry_after.strip()
    if _NUMBER.fullmatch(word):
        return int(word) * _SECOND
    try:
        return max(0, int(parsedate_to_datetime(word).timestamp()) * _SECOND - now)
    except (ValueError, OverflowError):
        return 0


# ---------------------------------------------------------------------- the signature


def read_keys(text: str) -> tuple[bytes, ...]:
    """The keys of a secret's file, one a line: `whsec_` and the base64 of 24 to 64 bytes. Of several, each makes a
    signature, so that a receiver can change from one to the other. ValueError tells nothing of the text."""
    keys = tuple(_key(line.strip()) for line in text.splitlines() if line.strip())
    if not keys:
        raise ValueError("is empty: it has one line, whsec_ and the base64 of 32 random bytes")
    return keys


def _key(word: str) -> bytes:
    try:
        if not word.startswith(_PREFIX):
            raise ValueError
        key = base64.b64decode(word.removeprefix(_PREFIX), validate=True)
    except (ValueError, binascii.Error):
        raise ValueError("has a line that is not whsec_ followed by base64") from None
    if not _LEAST_KEY <= len(key) <= _MOST_KEY:
        raise ValueError(f"has a key that is not {_LEAST_KEY} to {_MOST_KEY} bytes long")
    return key


def new_secret(random: bytes) -> str:
    """The line of a secret's file."""
    return f"{_PREFIX}{base64.b64encode(random).decode()}"


def message_id(task_id: str, position: int) -> str:
    """The same at each attempt: by it a receiver knows what it has had already."""
    return f"msg_{task_id}_{position}"


def signed_headers(
    message: str, seconds: int, body: bytes, keys: Sequence[bytes]
) -> Mapping[str, str]:
    """`seconds` is the time of the attempt since the epoch: a receiver refuses what is old."""
    content = b"%s.%d.%s" % (message.encode(), seconds, body)
    digests = (hmac.digest(key, content, "sha256") for key in keys)
    return {
        "webhook-id": message,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(one).decode()}" for one in digests),
    }
