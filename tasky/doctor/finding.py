"""What was found. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """`warning`: the server works, with less than it could have; `problem`: it does not start, or loses tasks."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: `subject` is a word for what was looked at; `message` says what is there, and what to do about it."""

    verdict: Verdict
    subject: str
    message: str


def ok(subject: str, message: str) -> Finding:
    return Finding(Verdict.OK, subject, message)


def warning(subject: str, message: str) -> Finding:
    return Finding(Verdict.WARNING, subject, message)


def problem(subject: str, message: str) -> Finding:
    return Finding(Verdict.PROBLEM, subject, message)
