"""Plans inside of other formats: INI sections, Python literals, LaTeX tables, definition lists."""

from __future__ import annotations

import ast
import configparser
import re
from typing import Any

_TABULAR = re.compile(r"\\begin\{(tabular[xy*]?|longtable|array)\}(.*?)\\end\{\1\}", re.S)
_RULES = re.compile(r"\\(?:hline|toprule|midrule|bottomrule|cline\{[^}]*\}|addlinespace|centering)(?:\[[^\]]*\])?")
_SYMBOLS = {r"\rightarrow": "→", r"\to": "→", r"\times": "×", r"\cdot": "·", r"\beta": "β", r"\sigma": "σ",
            r"\epsilon": "ε", r"\gamma": "γ", r"\lambda": "λ", r"\alpha": "α", r"\%": "%", r"\&": "+", r"\_": "_",
            r"\#": "#", "~": " ", "---": "–", "--": "–", r"\,": " "}  # fmt: skip
_DEFINITION = re.compile(
    r"^(?![\s:#|>-])(?P<term>[^\n]+)\n(?:\s*\n)?(?P<texts>(?::[ \t]+[^\n]*(?:\n(?![\n:])[ \t]+[^\n]+)*\n?)+)", re.M
)


_LABELLED = re.compile(r"[A-Z*_][\w *-]{1,30}:\s")


def data_in(text: str) -> Any:
    """Returns the data of INI sections or of a Python literal; None for any other text."""
    if re.match(r"\s*(?:[#;][^\n]*\n\s*)*\[[^\]\n{}\"']+\]\s*\n", text):
        return _ini(text)
    return _python(text) if re.search(r"^\s*(?:\w+\s*=\s*)?(?:\[|\{|dict\(|\()", text, re.M) else None


def _ini(text: str) -> Any:
    parser = configparser.ConfigParser(interpolation=None, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    return {name: dict(parser[name]) for name in parser.sections()}


def _python(text: str) -> Any:
    try:
        tree = ast.parse(text.strip())
    except (SyntaxError, ValueError, RecursionError):
        return None
    found: dict[str, Any] = {}
    for at, node in enumerate(tree.body):
        if not isinstance(node, ast.Assign | ast.Expr):
            return None
        try:
            value = _literal(node.value)
        except (ValueError, TypeError):
            return None
        name = node.targets[0].id if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) else str(at)
        if not isinstance(value, str):
            found[name] = value
    return found or None


def _literal(node: ast.expr) -> Any:
    """The value of a literal; ``dict(a=1)`` and other calls with names are objects of their arguments."""
    if isinstance(node, ast.Call):
        if any(word.arg is None for word in node.keywords) or node.args:
            raise ValueError("a call with more than named arguments is no plain data")
        return {str(word.arg): _literal(word.value) for word in node.keywords}
    if isinstance(node, ast.Dict):
        keys = [_literal(key) if key is not None else None for key in node.keys]
        return {str(key): _literal(value) for key, value in zip(keys, node.values, strict=True)}
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [_literal(item) for item in node.elts]
    return ast.literal_eval(node)


def as_markdown(text: str) -> str:
    """Returns a text with LaTeX tables and definition lists as the Markdown that says the same."""
    text = _TABULAR.sub(lambda found: _table(found[2]), text)
    return _DEFINITION.sub(_defined, text)


def _defined(found: re.Match[str]) -> str:
    texts = [" ".join(text.split()) for text in re.split(r"^:[ \t]+", found["texts"], flags=re.M) if text.strip()]
    said = [text if _LABELLED.match(text) else "" for text in texts]
    if all(said):
        return f"\n## {found['term'].strip()}\n\n" + "".join(f"- {text}\n" for text in texts) + "\n"
    return f"\n**{found['term'].strip()}.** {' '.join(texts)}\n\n"


def _table(body: str) -> str:
    body = re.sub(r"^\s*(?:\[[^\]]*\])?\s*(?:\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})+", "", body)
    rows = [_cells(row) for row in re.split(r"\\\\(?:\[[^\]]*\])?", _RULES.sub(" ", body)) if row.strip()]
    rows = [row for row in rows if any(row)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not rows:
        return ""
    return "\n\n" + "\n".join([lines[0], "|" + "--|" * len(rows[0]), *lines[1:]]) + "\n\n"


def _cells(row: str) -> list[str]:
    return [_plain(cell) for cell in re.split(r"(?<!\\)&", row)]


def _plain(cell: str) -> str:
    for _ in range(3):
        cell = re.sub(
            r"\\(?:text\w*|emph|mathrm|mathbf|mathit|texttt|multicolumn\{\d+\}\{\w+\})\{([^{}]*)\}", r"\1", cell
        )
    for sign, plain in _SYMBOLS.items():
        cell = cell.replace(sign, plain)
    cell = re.sub(r"\^\{([^{}]*)\}", r"^\1", cell)
    return " ".join(re.sub(r"\\[a-zA-Z]+|[${}]|(?<!\w)\\", " ", cell).replace("|", "/").split())
