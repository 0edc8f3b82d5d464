"""A page of docs/ as a man page. Read by markdown-it; tables become lists, since a terminal is narrow."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode as Node

from . import roff

#: The man page that has what is at the other end of a link.
_PAGES = {
    "protocol.md": "tasky-protocol(7)",
    "writing-workers.md": "tasky-worker(5)",
    "cli.md": "tasky(1)",
}


def page(text: str, name: str, summary: str) -> str:
    root = Node(MarkdownIt("commonmark").enable("table").parse(text))
    lines = [*roff.header(name, summary), roff.section("DESCRIPTION")]
    for node in root.children:
        if not (node.type == "heading" and node.tag == "h1"):
            lines += _Writer(name).block(node)
    return roff.text_of([*lines, *roff.see_also(name)])


class _Writer:
    def __init__(self, page: str) -> None:
        self.page = page

    def block(self, node: Node) -> Iterator[str]:
        match node.type:
            case "heading":
                title = re.sub(r"\\f[BIP]", "", self.inline(node.children[0]))
                yield f"{'.SH' if node.tag == 'h2' else '.SS'} {roff.quoted(title)}"
            case "paragraph":
                yield ".PP"
                yield roff.line(self.inline(node.children[0]))
            case "fence" | "code_block":
                yield from roff.example(node.content)
            case "bullet_list" | "ordered_list":
                yield from self.list(node)
            case "table":
                yield from self.table(node)
            case other:
                raise ValueError(f"{self.page}: there is no roff for {other} yet")

    def list(self, node: Node) -> Iterator[str]:
        for number, one in enumerate(node.children, 1):
            tag = r"\(bu 2" if node.type == "bullet_list" else f"{number}. 4"
            first, *others = one.children
            yield f".IP {tag}"
            yield roff.line(self.inline(first.children[0]))
            if others:
                yield ".RS"
                for other in others:
                    yield from self.block(other)
                yield ".RE"

    def table(self, node: Node) -> Iterator[str]:
        """Each row under its first cell; those between it and the last are short, and named by their column."""
        head, body = node.children
        titles = [self.inline(one.children[0]) for one in head.children[0].children]
        for row in body.children:
            tag, *cells = [self.inline(one.children[0]) for one in row.children]
            named = [
                f"{title}: {cell}" if title and len(titles) > 2 else cell
                for title, cell in zip(titles[1:], cells, strict=True)
                if cell
            ]
            if titles[-1] or len(named) < 2:
                yield from roff.item(tag, "; ".join(named))
            else:
                yield from roff.item(tag, "; ".join(named[:-1]))
                yield ".br"
                yield roff.line(named[-1])

    def inline(self, node: Node) -> str:
        return "".join(self._piece(one) for one in node.children)

    def _piece(self, node: Node) -> str:
        match node.type:
            case "text":
                return roff.escape(node.content)
            case "code_inline":
                return roff.bold(roff.escape(node.content))
            case "strong" | "em":
                said = re.sub(r"\\f[BIP]", "", self.inline(node))
                return roff.bold(said) if node.type == "strong" else roff.italic(said)
            case "softbreak" | "hardbreak":
                return " "
            case "link":
                return self.link(node, str(node.attrs["href"]))
            case other:
                raise ValueError(f"{self.page}: there is no roff for {other} yet")

    def link(self, node: Node, target: str) -> str:
        """Where it leads stands in brackets, unless that is on this page or not on this machine."""
        said = self.inline(node)
        if target.startswith("https:"):
            return f"{said} <{roff.escape(target)}>"
        page = _PAGES.get(target.split("#")[0])
        if page is None or page == self.page:
            return said
        return roff.escape(page) if said.endswith(".md") else f"{said} ({roff.escape(page)})"
