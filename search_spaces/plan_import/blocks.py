"""The blocks of a Markdown text, in order: headings, lines of text with their depth, rows of tables, fenced text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.rules_block.table import escapedSplit
from markdown_it.token import Token

_MOJIBAKE = {"Ã—": "×", "â€“": "–", "â€”": "—", "â€™": "’", "â€˜": "‘", "â€œ": "“", "â€\x9d": "”", "Ã©": "é"}

COMMENT = re.compile(r"<!--(?P<said>.*?)-->", re.S)
"""A comment of HTML, which is no part of the text."""

_UNDERLINED = re.compile(
    r"(?:\A|\n[ \t]*\n)(?P<text>(?![-*+>#|])[^\n:|]{2,80}[^\n:|.])\n(?:={3,}|-{4,})[ \t]*(?=\n|\Z)"
)
"""A heading that is underlined; three dashes below a text are a rule."""

_PARSER = (
    MarkdownIt("commonmark")
    .enable("table")
    .disable(["code", "lheading", "html_block", "reference"])  # four spaces indent a list; --- under text is a rule
)


RULE = "---"
"""The text of a gap that is a line across."""


@dataclass(frozen=True)
class Block:
    """One line of a plan, or one row of a table in it.

    Attributes:
        kind: ``heading``, ``line``, ``row``, ``fence``, or ``gap`` between paragraphs.
        text: what it says; emphasis is left in place.
        depth: how many lists it lies in, or the level of a heading.
        bullet: whether it opens an item of a list.
        cells: the cells of a row.
        opens: whether the row is a table's first.
        numbered: whether the innermost list is a numbered one.
        rows: the rows of a table that is one block (``crossed.py``).
    """

    kind: str
    text: str = ""
    depth: int = 0
    bullet: bool = False
    cells: tuple[str, ...] = ()
    opens: bool = False
    numbered: bool = False
    rows: tuple[tuple[str, ...], ...] = ()


def blocks(text: str) -> list[Block]:
    """Returns the blocks of a Markdown text, stray HTML taken for the Markdown that it stands for."""
    plain = _plain(text)
    return list(_walk(_PARSER.parse(plain), plain.split("\n")))


def _plain(text: str) -> str:
    """Turns HTML into the Markdown it stands for and drops the rest of it."""
    for wrong, right in _MOJIBAKE.items():
        text = text.replace(wrong, right)
    text = re.sub(r"<(style|script)\b.*?</\1\s*>", "", COMMENT.sub("", text), flags=re.S | re.I)
    text = re.sub(r"<h[1-6]\b[^<>]*>(.*?)</h[1-6]\s*>", r"\n# \1\n", text, flags=re.S | re.I)
    text = _UNDERLINED.sub(r"\n# \g<text>\n", text)
    text = re.sub(r"<li\b[^<>]*>", "\n- ", text, flags=re.I)
    text = re.sub(r"</?(?:strong|b)\b[^<>]*>", "**", text, flags=re.I)
    text = re.sub(r"</?(?:del|s|strike)\b[^<>]*>", "~~", text, flags=re.I)
    text = re.sub(r"<br\s*/?>", "; ", text, flags=re.I)
    text = re.sub(r"^(\s*)[•●▪◦–—‣]\s+", r"\1- ", text, flags=re.M)
    return html.unescape(re.sub(r"</?[A-Za-z][^<>]*>", "", text)).replace("\xa0", " ")


def _walk(tokens: list[Token], lines: list[str]) -> Iterator[Block]:
    lists, bullet, level, cells, opens, row = list[bool](), False, 0, list[str](), False, ""
    for token in tokens:
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists.append(token.type == "ordered_list_open")
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "list_item_open":
            bullet = True
        elif token.type == "heading_open":
            level = int(token.tag[1:])
        elif token.type == "paragraph_open" and not bullet:
            yield Block("gap")
        elif token.type == "table_open":
            opens = True
            yield Block("gap")
        elif token.type == "tr_open":
            cells, row = [], lines[token.map[0]] if token.map else ""
        elif token.type == "tr_close":
            yield Block("row", cells=(*cells, *_beyond(row, len(cells))), opens=opens)
            opens = False
        elif token.type in ("fence", "code_block"):
            yield Block("fence", token.content, len(lists))
        elif token.type == "hr":
            yield Block("gap", RULE)
        elif token.type == "inline":
            if level:
                yield Block("heading", token.content, level)
                level = 0
            elif token.level and _in_cell(tokens, token):
                cells.append(token.content)
            else:
                for line in token.content.split("\n"):
                    yield Block("line", line.strip(), len(lists), bullet, numbered=bool(lists) and lists[-1])
                    bullet = False


def _beyond(row: str, columns: int) -> list[str]:
    """The cells of a table's row that stand behind its last column, which Markdown leaves out."""
    cells = [cell.strip() for cell in escapedSplit(row.lstrip("> \t").strip())]
    cells = cells[1:] if cells and not cells[0] else cells
    return [cell for cell in cells[columns:] if cell]


def _in_cell(tokens: list[Token], token: Token) -> bool:
    before = tokens[tokens.index(token) - 1]
    return before.type in ("th_open", "td_open")
