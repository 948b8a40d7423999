"""A table in the formats that papers, pages and scripts take."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from service.analysis.study_result import StudyResult
from service.paper.rows import config_fields, record, rows_of
from service.paper.table import Cell, PaperTable, paper_table

FORMATS = ("md", "latex", "csv", "html")

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "−": "$-$", "–": "--", "±": r"$\pm$", "×": r"$\times$",
    "<": "$<$", ">": "$>$", "↓": r"$\downarrow$", "↑": r"$\uparrow$", "†": r"\dag", "‡": r"\ddag", "§": r"\S",
    "≈": r"$\approx$", "→": r"$\to$",
}  # fmt: skip


def written(result: StudyResult, form: str, questions: Sequence[str] = (), *, config: bool = True) -> str:
    """Returns a study's table as text.

    Args:
        result: the study's results.
        form: one of ``FORMATS``.
        questions: of these questions only; none takes all.
        config: with a column for every field in which the arms differ.

    Raises:
        UserError: there is no such question.
    """
    if form == "csv":
        return _csv(records(result, questions, config=config))
    write: Mapping[str, Callable[[PaperTable], str]] = {"md": _markdown, "latex": _latex, "html": _html}
    return write[form](paper_table(result, questions, config=config))


def records(result: StudyResult, questions: Sequence[str] = (), *, config: bool = True) -> list[dict[str, Any]]:
    """Returns the table's rows as plain data, numbers in full."""
    rows = rows_of(result, questions)
    fields = config_fields(rows, result) if config else ()
    return [record(row, result, fields) for row in rows]


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: json.dumps(v) if isinstance(v, list) else v for name, v in row.items()})
    return text.getvalue()


def _markdown(table: PaperTable) -> str:
    def text(cell: Cell) -> str:
        own = cell.text.replace("|", "\\|")
        return (f"**{own}**" if cell.bold else own) + (f" {cell.mark}" if cell.mark else "")

    lines = [table.caption, "", "| " + " | ".join(column.title for column in table.columns) + " |"]
    lines.append("|" + "|".join("---:" if column.numeric else "---" for column in table.columns) + "|")
    for group in table.groups:
        if len(table.groups) > 1:
            title = group.title.replace("|", "\\|")
            lines.append("| " + " | ".join([f"*{title}*", *[""] * (len(table.columns) - 1)]) + " |")
        lines += ["| " + " | ".join(map(text, row)) + " |" for row in group.rows]
    return "\n".join([*lines, *(line for said in table.legend for line in ("", said))]) + "\n"


def _latex(table: PaperTable) -> str:
    def text(cell: Cell) -> str:
        own = rf"\textbf{{{_tex(cell.text)}}}" if cell.bold else _tex(cell.text)
        return own + (rf"\textsuperscript{{{_tex(cell.mark)}}}" if cell.mark else "")

    width = len(table.columns)
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{_tex(table.caption)}}}",
        rf"  \label{{tab:{re.sub(r'[^A-Za-z0-9-]+', '-', table.name)}}}",
        rf"  \begin{{tabular}}{{{''.join('r' if column.numeric else 'l' for column in table.columns)}}}",
        r"    \toprule",
        "    " + " & ".join(_tex(column.title) for column in table.columns) + r" \\",
    ]
    for group in table.groups:
        lines.append(r"    \midrule")
        if len(table.groups) > 1:
            lines.append(rf"    \multicolumn{{{width}}}{{l}}{{\emph{{{_tex(group.title)}}}}} \\")
        lines += ["    " + " & ".join(map(text, row)) + r" \\" for row in group.rows]
    lines += [r"    \bottomrule", r"  \end{tabular}"]
    if table.legend:
        lines += ["", r"  \footnotesize " + " ".join(map(_tex, table.legend))]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def _tex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def _html(table: PaperTable) -> str:
    def cell(own: Cell, numeric: bool) -> str:
        text = f"<strong>{html.escape(own.text)}</strong>" if own.bold else html.escape(own.text)
        mark = f"<sup>{html.escape(own.mark)}</sup>" if own.mark else ""
        return f"<td{_RIGHT if numeric else ''}>{text}{mark}</td>"

    numeric = [column.numeric for column in table.columns]
    heads = "".join(
        f"<th{_RIGHT if column.numeric else ''}>{html.escape(column.title)}</th>" for column in table.columns
    )
    lines = ["<table>", f"<caption>{html.escape(table.caption)}</caption>", f"<thead><tr>{heads}</tr></thead>"]
    for group in table.groups:
        lines.append("<tbody>")
        if len(table.groups) > 1:
            lines.append(f'<tr><th colspan="{len(numeric)}" scope="rowgroup">{html.escape(group.title)}</th></tr>')
        for row in group.rows:
            lines.append("<tr>" + "".join(map(cell, row, numeric)) + "</tr>")
        lines.append("</tbody>")
    said = "<br>".join(html.escape(sentence) for sentence in table.legend)
    return "\n".join([*lines, "</table>", f"<p>{said}</p>"]) + "\n"


_RIGHT = ' style="text-align:right"'
