"""Ways to write lists and headings that Markdown does not have, as the Markdown that says the same.

LaTeX lists and sections, check boxes, tables of plain text (``text_tables.py``), lines of ``name: text``, items of a
paragraph that are numbered in the text, and lines that were wrapped at a width.
"""

from __future__ import annotations

import re

from search_spaces.plan_import.ordinals import ordinal
from search_spaces.plan_import.sections import sectioned
from search_spaces.plan_import.struck import struck_lines
from search_spaces.plan_import.text_tables import tabled

_LATEX = re.compile(r"\\(?:begin\{(?:itemize|enumerate|description)\}|item\b|(?:sub)*section\*?\{|paragraph\*?\{)")
_SECTION = re.compile(r"\\(?:sub)*section\*?\{([^{}]*)\}")
_STYLED = re.compile(r"\\(?:textbf|textsc)\{([^{}]*)\}")
_SLANTED = re.compile(r"\\(?:emph|textit|underline|text|mathrm|mathbf|texttt|operatorname)\{([^{}]*)\}")
_CROSSED = re.compile(r"\\(?:st|sout|xout|cancel|textst)\{([^{}]*)\}")
_DROPPED = re.compile(
    r"\\(?:begin|end)\{[^{}]*\}(?:\[[^\]]*\])?|\\(?:label|cite[a-z]*|ref|eqref|footnote|vspace"
    r"|hspace)\*?(?:\[[^\]]*\])?\{[^{}]*\}"
    r"|\\(?:maketitle|noindent|centering|newline|linebreak|smallskip|medskip|bigskip)\b"
)
_SIGNS = {r"\times": "×", r"\to": "→", r"\rightarrow": "→", r"\cdot": "·", r"\beta": "β", r"\sigma": "σ",
          r"\epsilon": "ε", r"\gamma": "γ", r"\lambda": "λ", r"\alpha": "α", r"\eta": "η", r"\in": "∈", r"\%": "%",
          r"\&": "&", r"\_": "_", r"\#": "#", r"\,": " ", r"\ldots": "...", r"\dots": "...", "``": '"', "''": '"',
          "---": " – ", "--": "–", "~": " "}  # fmt: skip

_DEFAULT = re.compile(
    r"\s*\((?:the\s+|our\s+)?(?:defaults?|baseline|was|currently|current|paper|originally|original"
    r"|instead of)\b(?: is| of| to|:)?"
    r"\s*[^()\s]+\)",
    re.I,
)
"""What is there already, in brackets: ``(default 0.1)``."""

_MATH = re.compile(r"\$([^$\n]{1,60})\$")
"""A formula in running text."""

_CHECK = re.compile(r"^(\s*)(?:[-*+]|\d+[.)])\s+\[[ xX]?\]\s+|^(\s*)[☐☑✅▢□❏]\s*", re.M)
_CHECKED = re.compile(r"^(\s*(?:#{1,6}\s+(?:[*_]{2})?|[*_]{2}))(?:\[[ xX]?\]|[☐☑✅▢□❏])\s+", re.M)
"""A check box in a heading."""

_KEY_LINE = re.compile(
    r"^(?![-*+>#|\d(\[{\"'])(?P<key>[^\s:][^:\n|]{1,44}?)(?::[ \t]+|[ \t]+(?:[-–—]|→|->|=>)[ \t]+)(?P<text>\S.*)$"
)
_DRAWN = re.compile(r"^[ \t]*[─━═╌┄┈⎯—–]{3,}[ \t]*$", re.M)
"""A rule drawn with characters that Markdown does not know."""

_OPENS = re.compile(r"^\s*(?:[-*+•●▪◦–—‣#>|]|\(?\d{1,2}[.)]\s|\(?[a-zA-Z]{1,4}\d{0,2}[.)]\s|[*_`]{1,3}\S|```|~~~|$)")
_LABEL = re.compile(r"^\s*[*_]{0,3}[A-Z][\w /-]{1,32}[*_]{0,3}:")
_WIDE = 50
"""From how many characters on a line may have been wrapped."""


def normal(text: str) -> str:
    """Returns a text with its lists, headings and tables as Markdown, and wrapped lines in one."""
    if _LATEX.search(text):
        text = _from_latex(text)
    text = _pointed(_MATH.sub(r"\1", text))
    text = tabled(_DEFAULT.sub("", text))
    text = _DRAWN.sub("\n", text)
    text = _CHECKED.sub(r"\1", struck_lines(text))
    text = _CHECK.sub(lambda at: f"{at[1] or at[2] or ''}- ", text)
    return sectioned(_unwrapped(_key_lines(text)))


def _from_latex(text: str) -> str:
    text = re.sub(r"(?<!\\)%.*", "", text)
    text = re.sub(r"\n[ \t]+(?!\\)(?=\S)", " ", text)
    text = _CROSSED.sub("\ue001\\1\ue001", text)
    for _ in range(3):
        text = _SLANTED.sub(r"\1", text)
    text = _STYLED.sub(r"**\1**", text)
    text = _SECTION.sub(r"\n## \1\n", text)
    text = re.sub(r"\\paragraph\*?\{([^{}]*)\}", r"\n\n**\1** ", text)
    text = re.sub(r"[ \t]*\\item\s*\[([^\]]*)\]", r"\n- **\1** ", text)
    text = re.sub(r"[ \t]*\\item\b", "\n- ", text)
    text = _DROPPED.sub("", text)
    for sign, plain in _SIGNS.items():
        text = text.replace(sign, plain)
    text = re.sub(r"\$([^$\n]*)\$", r"\1", text)
    return re.sub(r"\\[a-zA-Z]+|[{}]", "", text).replace("\ue001", "~~")


_POINTED = re.compile(
    r"(?P<open>(?<![*_\w])(?:\*\*|__|\*|_))(?P<label>[A-Z][\w /-]{1,40}?)"
    r"(?:\s*(?P=open)\s*[.»›]|[.»›]\s*(?P=open))(?=\s+\S)"
)
"""A label in bold or italics that a full stop ends: ``**Action.** REMOVE``."""


def _pointed(text: str) -> str:
    """A text with colons behind its labels, where at least two of the labels of an entry end in full stops."""
    from search_spaces.plan_import.labels import FIELDS, is_sure, kind_of

    labels = [found["label"] for found in _POINTED.finditer(text)]
    if len({kind_of(label) for label in labels if is_sure(label)} & {*FIELDS}) < 2:
        return text

    def colon(found: re.Match[str]) -> str:
        known = kind_of(found["label"]) is not None
        return f"{found['open']}{found['label']}:{found['open']}" if known else found[0]

    return _POINTED.sub(colon, text)


def _key_lines(text: str) -> str:
    """Lines of ``name: text`` that follow each other, as the items of a list."""
    found: list[str] = []
    for block in re.split(r"(\n[ \t]*\n)", text):
        lines = block.strip("\n").split("\n")
        keyed = [_KEY_LINE.match(line) for line in lines]
        short = all(len(line) < 110 for line in lines)
        names = {match["key"].strip().lower() for match in keyed if match is not None}
        if len(lines) > 2 and short and all(keyed) and len(names) == len(lines) and not _fields(names):
            block = "\n".join(f"- {line}" for line in lines)
        found.append(block)
    return "".join(found)


def _fields(names: set[str]) -> bool:
    """Whether keys are the labels of one entry, so that the lines are no list."""
    from search_spaces.plan_import.labels import kind_of

    return sum(kind_of(name) is not None for name in names) > 1


def _unwrapped(text: str) -> str:
    """Joins lines that were wrapped: long, without an end of a sentence, and followed by one that opens nothing."""
    out: list[str] = []
    fenced = False
    for line in text.split("\n"):
        if re.match(r"\s*(?:```|~~~)", line):
            fenced = not fenced
        last = out[-1] if out else ""
        wrapped = (
            not fenced
            and len(last.rstrip()) >= _WIDE
            and not last.endswith("  ")
            and not re.match(r"\s*[|#]|\s*(?:[-*+]\s+)?(?:\*\*|__)[^*_]*(?:\*\*|__)\s*$", last)
            and bool(line.strip())
            and not _OPENS.match(line)
            and not _LABEL.match(line)
            and not (ordinal(line) and last.rstrip()[-1:] in ".!?")
        )
        if wrapped:
            out[-1] = f"{last.rstrip()} {line.strip()}"
        else:
            out.append(line)
    return "\n".join(out)
