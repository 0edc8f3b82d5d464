"""What was found. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Verdict(StrEnum):
    """`warning`: the server works, with less than it could have; `problem`: it does not start, or loses tasks;
    `skipped`: this user may not look at it."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: `subject` is a word for what was looked at; `message` says what is there, and what to do about it."""

    verdict: Verdict
    subject: str
    message: str


_GRAVITY: Final = (Verdict.PROBLEM, Verdict.WARNING, Verdict.OK, Verdict.SKIPPED)


def ok(subject: str, message: str) -> Finding:
    return Finding(Verdict.OK, subject, message)


def warning(subject: str, message: str) -> Finding:
    return Finding(Verdict.WARNING, subject, message)


def problem(subject: str, message: str) -> Finding:
    return Finding(Verdict.PROBLEM, subject, message)


def skipped(subject: str, message: str) -> Finding:
    return Finding(Verdict.SKIPPED, subject, message)


def worst(subject: str, parts: Sequence[Finding]) -> Finding:
    """One line of several: with all that they say, and the gravest verdict, the gravest first."""
    ordered = sorted(parts, key=lambda part: _GRAVITY.index(part.verdict))
    return Finding(ordered[0].verdict, subject, "; ".join(part.message for part in ordered))
