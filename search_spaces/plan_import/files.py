"""Which form a plan's file has is read from what it holds, not from how it is called."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from dit_core.errors import UserError
from search_spaces.plan_import.blocks import blocks
from search_spaces.plan_import.carried import carried_labels, mistakes_labels
from search_spaces.plan_import.containers import as_markdown, data_in
from search_spaces.plan_import.data import holds_entries, load_json, read_data, read_json, read_json_lines
from search_spaces.plan_import.footnotes import with_footnotes
from search_spaces.plan_import.forms import normal
from search_spaces.plan_import.leftover import phrases, texts_of
from search_spaces.plan_import.markdown import read_markdown
from search_spaces.plan_import.ordinals import counts, one_by_one
from search_spaces.plan_import.outline import outlines
from search_spaces.plan_import.prose import openings, read_prose
from search_spaces.plan_import.roles import place_labels
from search_spaces.plan_import.rungs import stack
from search_spaces.plan_import.sentences import SENTENCE_END
from search_spaces.plan_import.separated import with_tables
from search_spaces.plan_import.strange_labels import strange_labels
from search_spaces.plan_import.switched_off import off_in, take_out_struck
from search_spaces.plan_import.written import WrittenPlan
from search_spaces.plan_suffixes import PLANS_ARE, YAML
from search_spaces.text_files import read_text, read_yaml

_TAGGED = re.compile(r"<(predictions|ablations|plan|answer|output)>(.*?)(?:</\1>|\Z)", re.S | re.I)

_MARKUP = re.compile(
    r"\A\s*<(?:\?xml|!doctype|html|head|body|dl|(?:plan|ablations)(?=[^<>]*>\s*<[a-z]))\b[^<>]*>?|^\s*<t(?:able|r|d|h)\b[^<>]*>",
    re.I | re.M,
)
"""How a text opens that is HTML or XML as a whole, or a table in it that is."""


def read_file(path: Path, where: str) -> WrittenPlan:
    """Returns the plan in a file.

    Raises:
        UserError: it cannot be read, or is no plan.
    """
    text = read_text(path)
    if found := _MARKUP.search(text):
        raise UserError(
            f"{where}: it holds {found[0].strip()[:40]!r}, and a table in HTML, "
            f"or a document in HTML or XML, is not read; {PLANS_ARE}"
        )
    plan = _read_file(text, path.suffix.lower(), where)
    for way in (plan, *plan.others):
        for entry in way.entries:
            entry.off = off_in(entry)
            take_out_struck(entry)
        place_labels(way)
    said = list(texts_of(read_yaml(text, where)) if path.suffix.lower() in YAML else _phrases(text, where))
    strange = strange_labels(text)
    for way in (plan, *plan.others):
        way.phrases, way.strange = said, strange
        stack(way, [text for _, text in said])
    return plan


def _phrases(text: str, where: str) -> list[tuple[str, str]]:
    """What a text says, phrase by phrase, in whatever form it is."""
    if any(found[2].strip() for found in _TAGGED.finditer(text)):
        inside = [said for found in _TAGGED.finditer(text) for said in _phrases(found[2], where)]
        return [*inside, *_phrases(_TAGGED.sub("\n\n", text), where)]
    if (lines := _json_lines(text)) is not None:
        return [said for line in lines.splitlines() if line.strip() for said in texts_of(_loaded(line.rstrip(" ,\r")))]
    data = _loaded(text) if text.strip()[:1] in ("[", "{") else None
    if data is None and _data_in(text, where) is not None:
        data = read_yaml(text, where)
    if data is None and (found := data_in(text)) is not None and holds_entries(found):
        data = found
    return list(phrases(_as_words(text)) if data is None else texts_of(data))


def _as_words(text: str) -> str:
    """A text that is not data as a whole, in Markdown: its tables, its data in fences, its footnotes in their place."""
    return normal(with_footnotes(as_markdown(with_tables(with_fences(text)))))


def _read_file(text: str, suffix: str, where: str) -> WrittenPlan:
    if suffix in YAML:
        return read_data(read_yaml(text, where), where)
    if suffix == ".json":
        if (lines := _json_lines(text)) is not None:
            return read_json_lines(lines, where)
        return read_json(text, where)
    if suffix in (".jsonl", ".ndjson"):
        whole = _loaded(text)
        return read_data(whole, where) if isinstance(whole, list) else read_json_lines(text, where)
    return read_words(text, where)


_OBJECTS = re.compile(r"\s*(?:\[\s*)?\{\s*\"[^\"\n]*\"\s*:")
"""How JSON with objects opens."""


def read_words(text: str, where: str) -> WrittenPlan:
    """Returns the plan in a text that may be, or hold, Markdown, JSON, JSON lines, YAML or prose."""
    tagged = [found[2] for found in _TAGGED.finditer(text)]
    if tagged and any(piece.strip() for piece in tagged):
        return read_words("\n\n".join(tagged), where)
    if (plan := _data_in(text, where)) is not None:
        return plan
    if (data := data_in(text)) is not None and holds_entries(data):
        return read_data(data, where)
    if _OBJECTS.match(text) and not _json_end(text.strip(), 0)[0]:
        return read_json(text, where)  # it breaks off, which is said with its place
    text = _as_words(text)
    plan = read_markdown(text, lambda inside: _fenced(inside, where))
    if not plan.entries or openings(text) > max(1, len(plan.entries)):
        told = read_prose(text)
        better = len(told.entries) > len(plan.entries) and not mistakes_labels(told, carried_labels(text))
        plan = told if better else plan
        sentences = [one for block in blocks(text) for one in one_by_one(SENTENCE_END.split(block.text))]
        if better and counts(sentences):
            return plan  # its paragraphs count what they are about, so that none is left out
    labels = carried_labels(text)
    plan.others = [way for way in outlines(text) if not mistakes_labels(way, labels)]
    return plan


def _fenced(text: str, where: str) -> WrittenPlan:
    """The plan inside of a fence: JSON, YAML, a literal of Python, or Markdown."""
    if (plan := _data_in(text, where)) is not None:
        return plan
    data = data_in(text)
    return read_data(data, where) if data is not None and holds_entries(data) else read_markdown(text)


def _data_in(text: str, where: str) -> WrittenPlan | None:
    """The plan in a text that is JSON, JSON lines or YAML from its first character to its last; else None."""
    if text.strip()[:1] in ("[", "{"):
        if _loaded(text) is not None:
            return read_data(load_json(text, where), where)
        if (lines := _json_lines(text)) is not None:
            return read_json_lines(lines, where)
        return None
    if re.match(r"\s*(?:- )?\w[\w ]*:(?:\s|$)", text) and "**" not in text:
        try:
            data = read_yaml(text, where)
        except UserError:
            return None
        return read_data(data, where) if isinstance(data, list | dict) and holds_entries(data) else None
    return None


_BEHIND_JSON = re.compile(r"[ \t]*[.,;]?[ \t]*\n?")


def with_fences(text: str) -> str:
    """Returns a text with the JSON that stands in it unfenced, from the start of a line on, in fences.

    It is JSON that holds entries, beside which the text says something else: a list of them, and a sentence.
    """
    out: list[str] = []
    fenced = False
    at = broken = 0
    while at < len(text):
        end = text.find("\n", at) + 1 or len(text)
        line = text[at:end]
        fenced ^= re.match(r"\s*(?:```|~~~)", line) is not None
        close, read = _json_end(text, at) if not fenced and at >= broken else (0, at)
        broken = max(broken, read)
        if close:
            out.append(f"\n```json\n{text[at:close].strip()}\n```\n\n")
            behind = _BEHIND_JSON.match(text, close)
            at = behind.end() if behind is not None else close
        else:
            out.append(line)
            at = end
    return "".join(out)


def _json_end(text: str, start: int) -> tuple[int, int]:
    """Where the JSON ends that opens at a place in a text and holds entries, 0 for none, and how far was looked."""
    if text[start : start + 1] not in ("[", "{"):
        return 0, start
    try:
        data, end = json.JSONDecoder().raw_decode(text, start)
    except json.JSONDecodeError as error:
        return 0, error.pos  # JSON that breaks off is not read in pieces
    except (ValueError, RecursionError):
        return 0, len(text)
    return (end if holds_entries(data) else 0), end


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # no JSON, or what Python cannot hold: too many digits, too deep
        return None


def _json_lines(text: str) -> str | None:
    """The lines of a text of one JSON object each, of which there are several; None when it is something else."""
    lines = [line.strip().rstrip(",") for line in text.splitlines() if line.strip().rstrip(",")]
    objects = [line for line in lines if line.startswith("{")]
    if len(objects) < 1 or len(objects) < len(lines) or any(_loaded(line) is None for line in lines):
        return None
    return text if len(lines) > 1 else None
