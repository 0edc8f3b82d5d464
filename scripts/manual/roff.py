"""The little of roff's language that a man page needs. The text is pure ASCII: every reader can show it."""

from __future__ import annotations

from collections.abc import Iterable

from tasky import __version__

#: Every page that there is, for its "see also".
PAGES = ("tasky(1)", "tasky.yaml(5)", "tasky-worker(5)", "tasky-protocol(7)")
#: An ASCII dash is a hyphen to roff, and a quote or a caret may become a typographic one: they are wanted as they are.
_SPECIAL = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}


def escape(text: str) -> str:
    """The text as roff shows it unchanged, wherever it stands on a line but its beginning."""
    return "".join(
        _SPECIAL.get(one, one if ord(one) < 128 else f"\\[u{ord(one):04X}]") for one in text
    )


def bold(text: str) -> str:
    return rf"\fB{text}\fP" if text else ""


def italic(text: str) -> str:
    return rf"\fI{text}\fP" if text else ""


def line(text: str) -> str:
    """One line of input: a dot or quote at its beginning would be taken for a request, a blank for a break."""
    text = " ".join(text.split())
    return rf"\&{text}" if text.startswith((".", "'")) else text


def quoted(text: str) -> str:
    """An argument of a request."""
    return '"' + text.replace('"', r"\(dq") + '"'


def header(page: str, summary: str) -> list[str]:
    """Ragged on the right and without hyphens: what is to be typed must not be taken apart."""
    name, section = page.rstrip(")").split("(")
    return [
        r".\" Written by scripts/man. Changes belong into what it reads.",
        f'.TH {quoted(escape(name))} {section} "" {quoted(f"tasky {__version__}")} "Tasky"',
        ".nh",
        ".ad l",
        ".SH NAME",
        rf"{escape(name)} \- {escape(summary)}",
    ]


def section(title: str) -> str:
    return f".SH {quoted(escape(title))}"


def subsection(title: str) -> str:
    return f".SS {quoted(escape(title))}"


def example(text: str) -> list[str]:
    """As it is, indented."""
    shown = [
        rf"\&{escape(one)}" if one.startswith((".", "'")) else escape(one)
        for one in text.rstrip("\n").split("\n")
    ]
    return [".PP", ".RS 4", ".nf", *shown, ".fi", ".RE"]


def item(tag: str, *paragraphs: str) -> list[str]:
    """A tag, and beside or below it what is said about it."""
    lines = [".TP 7", line(tag), line(paragraphs[0] if paragraphs and paragraphs[0] else r"\&")]
    for paragraph in paragraphs[1:]:
        lines += [".IP", line(paragraph)]
    return lines


def see_also(page: str) -> list[str]:
    others = (one.rstrip(")").split("(") for one in PAGES if one != page)
    return [section("SEE ALSO"), ",\n".join(rf"\fB{escape(n)}\fP({s})" for n, s in others)]


def text_of(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
