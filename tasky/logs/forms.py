"""The forms of a line. Whatever strangers have put into a message, a line stays one line, and its fields are ours."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Final

from .fields import fields_of, shown

#: What must not get at a terminal or a line-based log: C0, DEL and C1 controls, the two line ends of Unicode, and what
#: turns the direction of what follows.
_CONTROLS: Final = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))},
    **{code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))},
}  # fmt: skip
#: A message that ends as our own fields do would be taken for having them: it is put in quotes.
_LIKE_FIELDS: Final = re.compile(r"(?:^|\s)[a-z_]+=")
#: Of syslog(3).
_PRIORITIES: Final = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}
#: What a line of a traceback begins with, so that none looks like a line of ours.
_MARK: Final = "    | "


def priority(record: logging.LogRecord) -> int:
    return _PRIORITIES.get(record.levelname, 5)


def clean(text: str) -> str:
    return text.translate(_CONTROLS)


def traceback_of(record: logging.LogRecord) -> list[str]:
    return [clean(line) for line in (record.exc_text or "").split("\n") if line]


def moment(record: logging.LogRecord) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{whole}.{int(record.msecs):03d}Z"


def text(record: logging.LogRecord) -> bytes:
    """`TIME LEVEL message task=... worker=...`, for people and for grep."""
    return _encode([f"{moment(record)} {record.levelname:<7} {_said(record)}", *_marked(record)])


def prefixed(record: logging.LogRecord) -> bytes:
    """With `<N>`, which systemd takes for the priority (sd-daemon(3)); it knows the time itself."""
    return _encode([f"<{priority(record)}>{line}" for line in (_said(record), *_marked(record))])


def as_json(record: logging.LogRecord) -> bytes:
    document = {
        "time": moment(record),
        "level": record.levelname.lower(),
        "message": record.getMessage(),
        "logger": record.name,
    }
    if record.exc_text:
        document["exception"] = record.exc_text
    document |= {key: value for key, value in fields_of(record).items() if key not in document}
    return json.dumps(document, default=str).encode() + b"\n"


def _said(record: logging.LogRecord) -> str:
    message = clean(record.getMessage())
    fields = dict(fields_of(record))
    if getattr(record, "said", False):
        fields = {key: fields[key] for key in ("request",) if key in fields}
    elif _LIKE_FIELDS.search(message):
        message = json.dumps(message, ensure_ascii=False)
    return " ".join([message, *(f"{key}={shown(value)}" for key, value in fields.items())])


def _marked(record: logging.LogRecord) -> list[str]:
    return [_MARK + line for line in traceback_of(record)]


def _encode(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
