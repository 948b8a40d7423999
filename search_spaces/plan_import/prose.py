"""Reads a plan from plain sentences: ``Vary the patch size over 2, 4 and 8, and report FID.``

A sentence becomes an entry when it says what to do with something, in the active or the passive voice. A sentence that
says what to do and cannot be taken apart becomes an entry that nobody understands, so that it is not passed over.
"""

from __future__ import annotations

import re

from dit_core.errors import UserError
from search_spaces.plan_import.actions import is_action, leads_with_action, read_action
from search_spaces.plan_import.blocks import blocks
from search_spaces.plan_import.choose import bare_title
from search_spaces.plan_import.evidence import evidence
from search_spaces.plan_import.labels import SENTENCE, kind_of
from search_spaces.plan_import.measures import read_metric
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.telling import IN_FAVOUR, INTENT, STRONG, describes, is_order, is_why, told
from search_spaces.plan_import.written import Entry, WrittenPlan, clean, split_items
from search_spaces.profiles import PROFILES

_SENTENCE = re.compile(r"(?<=[.!?])(?<!\bvs\.)(?<!\bcf\.)(?<!\bal\.)(?<!e\.g\.)(?<!i\.e\.)\s+(?=[A-Z\"“(*0-9])")
_METRICS = re.compile(
    r"[,;:.–—]?\s*\(?(?:and\s+|then\s+|while\s+|to\s+|by\s+)*(?:we\s+|i\s+)?(?:would\s+|will\s+|also\s+)*"
    r"(?:report(?:ing)?|measur(?:e|ing|ed)(?:\s+(?:by|with|on|in))?|track(?:ing)?|record(?:ing)?|monitor(?:ing)?|"
    r"(?:evaluat|judg|scor|assess|compar|quantif)\w*\s+(?:by|with|on|using|in terms of|it by|them by|via)|"
    r"compar(?:e|ing)(?=\s+(?:the\s+)?(?:s?fid|is\b|kid|inception|precision|recall|gflops|(?:training\s+)?loss|throughput))|"
    r"in terms of|look(?:ing)?\s+at|watch(?:ing)?|metrics?:?|the metrics? (?:is|are))\s+(?P<metrics>[^.;)]+)\)?",
    re.I,
)
_LEAD = re.compile(
    r"^(?:first(?:ly)?|second(?:ly)?|third(?:ly)?|next|then|finally|also|lastly|another|after that|in addition|besides|"
    r"additionally|moreover|last|similarly|likewise|\(?[a-z0-9]{1,2}[.)]|a(?=:)|answer(?=:))[,:]?\s+"
    r"|^(?:i|we|one|you)(?:'d|\s+would|\s+will|\s+could|\s+should|\s+can|\s+propose to|\s+suggest|\s+plan to"
    r"|\s+want to)?"
    r"(?:\s+(?:like to|also|then|first|next|begin by|start by))*\s+"
    r"|^(?:the\s+)?(?:first|second|third|fourth|fifth|sixth|next|last|final)\s+(?:ablation|experiment|study|one|test)\s+"
    r"(?:is to|would be to|is|would|will)?\s*|^(?:please|let us|let's|try to|begin by|start by)\s+"
    r"|^(?:to|for|as|in order to|since|because|given|with|on|at|in|beyond)\s[^,:]{3,90}[,:]\s+(?=\w)",
    re.I,
)
_STEM = (
    r"(?:replac|remov|add|var(?:y|ie|ied|ying)|swap|sweep|swept|compar|chang|switch|substitut|drop|disabl|delet|insert|"
    r"introduc|test|tr(?:y|ied|ying)|reduc|increas|decreas|ablat|turn|us(?:e|ed|ing)|includ|enabl|modif|set|shrink|"
    r"grow|scal|exchang|halv|doubl|omit|eliminat|strip|cut|tak)"
)
_CLAUSE = re.compile(rf"(?:\s*[;,]\s*|\s+)(?:and\s+then|and|then)\s+(?={STRONG}\w*\s)|;\s+", re.I)
_VERB = rf"{_STEM}\w*(?:\s+(?:off|out|away|on))?"
_VALUES = (
    r"(?:\s*:\s*|\s+(?:with|by|over|among|amongst|across|for|from|between|to|into|"
    r"at|as|of(?=\s+[\d.])|in(?=\s+\{))\s+|\s*[({\[]\s*)"
)
_WHERE = re.compile(r"\s+(?:to|into|in|inside|within|from|at|on)\s+(?:the|every|each|all)\s.*$", re.I)
_SWAPPED = re.compile(
    r"\b(?:(?:re)?train|use|using|try|trying|run|test)\w*\s+(?:with\s+)?(?P<values>.+?)\s+"
    r"(?:instead of|rather than|in place of)\s+(?P<part>.+)$",
    re.I,
)
_VARIED = re.compile(
    r"^(?:vary|varying|change|changing|sweep|sweeping|scale|scaling|modify)\s+(?:the\s+)?(?P<part>[^,;:]{3,60}?)\s*,?\s+"
    r"(?:and|by)\s+(?:train|us|try|test|run|evaluat|compar|consider|sampl)\w*\s+(?:with\s+|models? (?:of|with)\s+)?"
    r"(?P<values>.+?)(?:\s+(?:in place of|instead of|rather than)\s+(?P<old>[^,;]+))?$",
    re.I,
)
"""A part with its values in a clause of their own: ``vary the size and train DiT-S and DiT-B in place of DiT-XL``."""

_OLD_FIRST = re.compile(r"^(?P<old>\d[\w.,/%-]*)\s+(?:by|with)\s+(?P<new>.+)$", re.I)
"""A number that is replaced, before those that take its place: ``(the patch size of) 2 by 4 and by 8``."""

_TURNED = re.compile(r"^(?:instead of|rather than)\s+(?P<old>[^,]+),\s*(?P<new>[^,].*)$", re.I)
_PARTICIPLE = re.compile(
    r"^(?:the\s+)?(?P<part>.+?)\s+(?P<action>(?:replac|swapp|exchang|substitut|chang|switch|increas|reduc|decreas|lower|rais)"
    r"ed)\s+(?:by|with|for|to|from)\s+(?P<values>.+)$",
    re.I,
)
_ALONE = re.compile(r"^(?:w/o|without)\s+(?P<part>[^,;:]{2,60})$", re.I)
_ASIDE = re.compile(
    r",\s+(?:which|since|because|as|so|where|while|although|though|to see|to test|to check)\b[^:]*$", re.I
)
_PRONOUN = re.compile(rf"\b({STRONG}\w*(?:\s+(?:off|out|away))?)\s+(?:it|them|this|these)\b", re.I)
UNWANTED = re.compile(
    r"\bnot\b|n['’]t\b|\bnever\b|\bunwise\b|\bavoid\b|\bno (?:need|point|reason)\b|\bpointless\b", re.I
)
_TITLED = re.compile(r"^(?:\(?\w{1,3}[.)]\s*)?(?:\*\*|__)(?P<title>.+?)(?:\*\*|__)\s*[:.–—-]?\s*(?P<rest>.*)$", re.S)
_NUMBER = r"(?:\(?(?:\d+|[a-z]|[ivx]{1,4})[.)]|\([A-Z]\)|[A-Z]{1,3}-?\d{1,2}[.:)]|[A-Z][.)](?=\s+[A-Z]))"
"""How a paragraph is numbered: ``1.``, ``(a)``, ``W2.``, ``B)``."""

_OPENS = re.compile(
    rf"^(?P<number>(?:\[[ xX]?\]\s*)?(?:{_NUMBER}\s*)?)(?P<title>(?:`[^`]{{2,40}}`[^.:!?]{{0,70}}?|"
    r"[A-Z][^.:!?]{1,70}?))\s*(?P<sign>[.:?]|\s[–—-]\s)\s*(?P<rest>\S.*)$",
    re.S,
)
_STEP = re.compile(r"^(?:step|stage|rung)?\s*\(?\d+\)?[.):]\s+", re.I)
_KEYED = re.compile(r"^(?P<number>(?:\[[ xX]?\]\s*)?)(?P<title>[a-z][\w -]{1,40}?)(?P<sign>:)\s+(?P<rest>\S.*)$", re.S)
_RUN_IN = re.compile(r"(?:(?<=[.;|])|(?<=^))\s+([A-Z][\w-]*(?: [\w-]+){0,3}):\s+")
_BOTH = re.compile(r"\bwith\s+(?:and|or)\s+(?:\w+\s+)?without\s+(?P<part>.+)$", re.I)
_WITHOUT = re.compile(r"\b(?:train|run|try|test|sample)\w*\s+(?:\w+\s+){0,4}?without\s+(?P<part>.+)$", re.I)
_ACTIVE = re.compile(
    rf"^(?P<action>{_VERB})\s+(?:the\s+|its\s+|an?\s+)?(?P<part>.+?)(?:{_VALUES}(?P<values>.+?))?[)}}\]]?$", re.I
)
_PASSIVE = re.compile(
    rf"^(?:the\s+|an?\s+)?(?P<part>.+?)\s+(?:is|are|was|were|gets?|(?:should|could|would|will|can|must|to)\s+be)\s+(?:then\s+)?"
    rf"(?P<action>{_STEM}\w*ed(?:\s+(?:off|out|away|on))?|varied|swept|cut)\b(?:{_VALUES}(?P<values>.+?))?[)}}\]]?$",
    re.I,
)


_INTRODUCES = re.compile(
    r"^(?:(?:the|our|my|an?|this)\s+)?(?:\w+\s+){0,2}(?:ablation|experiment|study|test|question)\s+(?:\w+\s+)?"
    r"(?:concerns?|is (?:about|on|of)|looks? (?:at|into)|studies|study|targets?|examines?|investigates?|"
    r"focus(?:es)? on|addresses|considers?|deals? with|explores?|turns? to|is devoted to|relates to|regards)\s+"
    r"(?!whether\b|if\b|how\b|what\b)(?P<title>[^.:;?]{2,80})[.:]\s+(?P<rest>\S.*)$",
    re.I | re.S,
)
"""A sentence that only says what the ones behind it are about: ``The second ablation concerns the depth.``"""

_FOR_EACH = re.compile(
    r"\b(?:report|measure|compare|show|give|state|list|evaluate|compute|plot)\s+(?:the\s+|"
    r"also\s+)?(?P<metrics>[\w -]{2,30}?)\s+"
    r"(?:for|at|with|over|across)\s+(?P<values>.*\d.*)$",
    re.I,
)
"""A sentence that says what is measured for which values: ``report FID for 0 % and 20 %``."""

_EQUAL = re.compile(
    r"\s+(?:at|for|under|in|of)\s+(?:equal|matched|the same|fixed|identical|both|all|each|every|either|the two|"
    r"the three)\b.*$",
    re.I,
)
_ITALIC = re.compile(
    r"^(?:\d+[.)]\s*)?[*_](?P<title>[^*_]{2,60}?)(?:[:.]\s*[*_]|[*_]\s*[:–—-])\s*(?P<rest>\S.*)$", re.S
)
_RUN_IN_LABEL = re.compile(r"(?:^|\*)([A-Z][\w -]{1,30}):\*")


def read_prose(text: str) -> WrittenPlan:
    """Returns an entry for every sentence that says what to do; what says nothing to do is a remark.

    A paragraph that opens with a title, in bold or as other paragraphs do (``Label dropping. Please ...``),
    is one entry.
    """
    plan = WrittenPlan()
    if sections := _sections(text):
        plan.title = sections[0][0] if not sections[0][1] else ""
        plan.entries = [titled(heading, said) for heading, said in sections if said]
        return plan
    paragraphs: list[str] = [""]
    bullets = {block.text for block in blocks(text) if block.kind == "line" and block.bullet}
    for block in blocks(text):
        if block.kind == "heading":
            plan.title = plan.title or clean(block.text)
        if block.kind != "line" or block.bullet or _STEP.match(block.text):
            paragraphs.append("")
        if block.kind == "line":
            paragraphs[-1] = f"{paragraphs[-1]} {block.text}".strip()
    opened = [found for paragraph in paragraphs if (found := _opening(paragraph)) is not None]
    for paragraph in filter(None, paragraphs):
        bold, opens = _TITLED.match(paragraph) or _ITALIC.match(paragraph), _opening(paragraph)
        if bold is not None and is_action(clean(bold["title"])):
            paragraph, bold = f"{clean(bold['title'])} {bold['rest']}", None  # "**Replace** x with y"
        if bold and bold["rest"].strip():
            title, rest = clean(bold["title"]).rstrip(":"), clean(bold["rest"])
            if plan.entries or _speaks(title) or _speaks(rest) or asks(rest) or re.search(r"\d|:", rest):
                plan.entries.append(titled(title, rest))
            else:  # a heading of the whole plan, with a remark behind it
                plan.remarks.append((SENTENCE, clean(paragraph)))
        elif (introduced := _INTRODUCES.match(paragraph)) is not None:
            plan.entries.append(titled(clean(introduced["title"]), clean(introduced["rest"])))
        elif opens is not None and len(opened) > 1:
            plan.entries.append(titled(*opens))
        else:
            _paragraph(paragraph, plan, paragraph in bullets)
    return _stacked(plan, [paragraph for paragraph in paragraphs if paragraph])


def openings(text: str) -> int:
    """How many paragraphs of a text open with a title of their own in bold and go on behind it."""
    lines = blocks(text)
    return sum(
        block.kind == "line" and not block.bullet and (found := _TITLED.match(block.text)) is not None
        and bool(found["rest"].strip()) and kind_of(found["title"].rstrip(":. ")) is None
        and (not at or lines[at - 1].kind != "line")
        for at, block in enumerate(lines)
    )  # fmt: skip


def _sections(text: str) -> list[tuple[str, str]]:
    """The headings with the running text below each, where every such section says one thing to do; else nothing."""
    found: list[tuple[str, str]] = []
    for block in blocks(text):
        if block.kind == "heading":
            found.append((clean(block.text), ""))
        elif block.kind == "line" and (block.bullet or not found):
            return []
        elif block.kind == "line":
            found[-1] = (found[-1][0], f"{found[-1][1]} {block.text}".strip())
    told = [said for _, said in found if said]
    one = all(
        asks(said) and sum(bool(_entries(clean(s))) for s in _SENTENCE.split(said) if not describes(s)) <= 1
        for said in told
    )
    return found if len(told) > 1 and one else []


def _stacked(plan: WrittenPlan, paragraphs: list[str]) -> WrittenPlan:
    """One entry of steps that add to each other, where the text says that they do, in place of an entry for each."""
    steps = [clean(_STEP.sub("", text)) for text in paragraphs if _STEP.match(text)]
    if len(steps) < 2 or not any(read_action(text).cumulative for text in paragraphs):
        return plan
    entry = Entry(title=clean(plan.title or _SENTENCE.split(paragraphs[0])[0]), actions=["cumulatively"])
    entry.replacements = steps
    for text in paragraphs:
        if not _STEP.match(text) and (measured := _METRICS.search(text)) is not None:
            entry.metrics += _metrics(measured["metrics"])
    return WrittenPlan(plan.title, [entry], [(SENTENCE, text) for text in paragraphs if not _STEP.match(text)])


def _opening(paragraph: str) -> tuple[str, str] | None:
    """The title that a paragraph opens with, and the rest of it."""
    found = _OPENS.match(paragraph) or _KEYED.match(paragraph)
    if found is None or leads_with_action(unled(found["title"])) or len(found["title"].split()) > 7:
        return None
    title, rest = clean(found["title"]).replace("`", ""), clean(found["rest"]).replace("`", "")
    if (number := found["number"].strip(" ()[].:")) and not number.isdigit():
        title = f"{number}. {title}"
    sign = found["sign"] == "." and not (found["number"] or leads_with_action(rest) or asks(rest))
    return None if sign or not rest else (title, rest)


def _paragraph(text: str, plan: WrittenPlan, listed: bool = False) -> None:
    """Adds the entries of a paragraph; where it makes one, all of its sentences together are another way to read it."""
    begun = len(plan.entries)
    sentences = [clean(sentence) for sentence in _SENTENCE.split(text.strip()) if clean(sentence)]
    orders = [said for said in sentences if is_order(without_metrics(said)[0], without_metrics(unled(said))[0])]
    if listed and len(sentences) > 1 and len(orders) == 1 and sentences[0] not in orders:
        way = told(unled(sentences[0]), sentences[1:], unled, without_metrics)
        if way is not None:
            plan.entries.append(way)
            return
    _by_sentence(text, plan, listed)
    if len(sentences) < 2 or len(plan.entries) - begun > 1:
        return
    way = told(unled(sentences[0]), sentences[1:], unled, without_metrics)
    if len(plan.entries) > begun:
        entry = plan.entries[-1]
        entry.other = entry.other or way
        if entry.parts and _POINTS.match(entry.parts[0]):
            entry.title = unled(sentences[0])
    elif (
        way is not None and _speaks(text) and any(_POINTS.search(text) or _WANTS.search(text) for text in sentences[1:])
    ):
        plan.entries.append(way)  # "We will fix it instead" is about the sentence before it


_POINTS = re.compile(
    r"(?:this|that|these|those|it|them|such)\b(?:\s+(?:\w+\s+)?(?:mechanism|choice|design|part|component|module|scheme|strategy|step|layer|"
    r"table|term|value|one)s?)?\s*(?:$|[,.;]|with\b|by\b|for\b|to\b|instead\b|and\b|entirely\b|completely\b)",
    re.I,
)
"""What points at the sentence before: ``this mechanism``, ``it``."""

_WANTS = re.compile(r"\b(?:i|we)(?:['’](?:d|ll)|\s+(?:will|would|want|propose|suggest|plan|intend|shall))\b", re.I)


def _by_sentence(text: str, plan: WrittenPlan, listed: bool) -> None:
    begun, before = len(plan.entries), list[str]()
    for sentence in _SENTENCE.split(text.strip()):
        said = clean(sentence)
        if said and describes(said):
            plan.remarks.append((SENTENCE, said))
            before.append(said)
            continue
        found = _entries(said) if said else []
        if found:
            for entry in found:
                entry.context += before
            plan.entries.extend(found)
        elif (measured := _METRICS.search(said)) and not asks(said):
            everywhere = re.search(r"\b(?:all|each|every|throughout|any)\b", said, re.I)
            for entry in plan.entries[0 if everywhere else begun :]:
                if not entry.metrics:
                    entry.metrics.extend(_metrics(measured["metrics"]))
            if not plan.entries[begun:] and not everywhere:
                plan.remarks.append((SENTENCE, said))
        elif (said and asks(said)) or (said and listed and _speaks(said)):
            plan.entries.append(Entry(title=said[:80], unknown=[(SENTENCE, said)]))
        elif said:
            plan.remarks.append((SENTENCE, said))
            before.append(said)


def titled(title: str, text: str) -> Entry:
    """The entry of a paragraph that opens with its title; what is not taken apart stays in it, as not understood."""
    text = _RUN_IN_LABEL.sub(r"\1:", text)
    pieces = _RUN_IN.split(f" {text}")
    if len(pieces) > 3 or (len(pieces) == 3 and kind_of(pieces[1]) is not None):
        return _labelled(title, pieces)
    entry, whole, said = Entry(title=title), Entry(title=title), text
    named = bare_title(title) or title
    text = _PRONOUN.sub(lambda at: f"{at[1]} {named}", text)  # "remove it" is about what the title names
    for sentence in map(_turned, _SENTENCE.split(text)):
        if describes(sentence) or is_why(clean(sentence)):
            entry.remarks.append((SENTENCE, clean(sentence)))
            whole.remarks.append((SENTENCE, clean(sentence)))
            continue
        _say(clean(sentence), whole)
        found = _entries(clean(sentence))
        if len(found) == 1 and not entry.actions:
            entry.actions, entry.replacements = found[0].actions, found[0].replacements
            entry.continued = found[0].continued
            entry.metrics += found[0].metrics
            entry.parts = found[0].parts
        elif (measured := _METRICS.fullmatch(clean(sentence).removeprefix("and ").strip())) is not None:
            entry.metrics += _metrics(measured["metrics"])
        elif not found and not asks(sentence) and not numbers_in(sentence) and entry.actions:
            entry.remarks.append((SENTENCE, clean(sentence)))
        else:
            entry.unknown.append((SENTENCE, clean(sentence)))
    entry.other = whole
    whole.other = told(title, _SENTENCE.split(said), unled, without_metrics)
    return entry


def _labelled(title: str, pieces: list[str]) -> Entry:
    """The entry of a paragraph with labels in its running text: ``Manipulated: the norm. Levels: RMSNorm.``"""
    entry = Entry(title=title)
    if clean(pieces[0]):
        entry.context.append(clean(pieces[0]))
    for label, text in zip(pieces[1::2], pieces[2::2], strict=True):
        entry.put_labelled(label, clean(text))
    return with_told(entry)


def with_told(entry: Entry) -> Entry:
    """An entry of a title, sentences and labels that do not say what to do: the sentences say it."""
    bare = not (entry.axes or entry.parts or entry.actions or entry.replacements or entry.unknown)
    if not bare or not entry.title or not entry.context:
        return entry
    found = titled(entry.title, " ".join(f"{text.rstrip('.')}." for text in entry.context))
    for way in filter(None, (found, found.other)):
        way.metrics += entry.metrics
        way.remarks += entry.remarks
    return found


def _say(sentence: str, entry: Entry) -> None:
    """Takes a sentence as what is done to the part that the entry's title names."""
    said, metrics = without_metrics(unled(sentence))
    entry.metrics += metrics
    said = said.strip(" ,;.")
    if not said:
        return
    told = leads_with_action(said) or asks(said) or bool(numbers_in(said)) or _speaks(said)
    if not told or not entry.actions:
        if told:
            entry.actions.append(said)
        else:
            entry.remarks.append((SENTENCE, said))
    else:
        entry.unknown.append((SENTENCE, said))


def without_metrics(said: str) -> tuple[str, list[str]]:
    """Takes what is measured off a sentence, and returns both."""
    if (found := _FOR_EACH.search(said)) is not None and _is_metric(clean(found["metrics"])):
        return f"{said[: found.start()]} try {found['values']}", [clean(found["metrics"])]
    if (measured := _METRICS.search(said)) is not None and any(map(_is_metric, _metrics(measured["metrics"]))):
        return f"{said[: measured.start()]} {said[measured.end() :]}", _metrics(measured["metrics"])
    return _last_metrics(said)


def _speaks(sentence: str) -> bool:
    return any(score.text >= 1.5 for score in evidence([("Title", sentence, 1.0)]))


def asks(sentence: str) -> bool:
    """Whether a sentence may say to do something to what could be varied."""
    acts = re.search(rf"\b(?:{STRONG}|(?:re)?train|use|using|try)\w*\b|\bwithout\b|\d|{INTENT}", sentence, re.I)
    return acts is not None and any(s.named or s.text >= 2.0 for s in evidence([("Title", sentence, 1.0)]))


def unled(sentence: str) -> str:
    """A sentence without what only leads to what is to be done."""
    bare = sentence.strip().rstrip(".!?")
    for _ in range(4):
        lead = _LEAD.match(bare)
        if lead is None or not lead.end():
            break
        bare = bare[lead.end() :]
    return _turned(bare)


def _turned(sentence: str) -> str:
    """``Instead of 50 steps, take 25`` with what is new in front."""
    found = _TURNED.match(sentence.strip().rstrip("."))
    if (found_other := IN_FAVOUR.search(sentence)) is not None and found is None:
        return f"{sentence[: found_other.start()]}replace {found_other['old']} by {found_other['new']}"
    return sentence if found is None else f"{found['new']} instead of {found['old']}"


def _entries(sentence: str) -> list[Entry]:
    """The entries of one sentence; none where something in it is said that is not taken apart."""
    bare, metrics = unled(sentence), list[str]()
    if measured := _METRICS.search(bare):
        metrics = _metrics(measured["metrics"])
        bare = (bare[: measured.start()] + bare[measured.end() :]).strip(" ,;")
    else:
        bare, metrics = _last_metrics(bare)
    found = []
    for clause in _CLAUSE.split(bare):
        entry = _clause(clause.strip(" ,;"))
        if entry is None and (asks(clause) or is_action(clause)):
            return []
        if entry is not None:
            found.append(entry)
    for entry in found:
        entry.metrics.extend(metrics)
    return found


def _last_metrics(text: str) -> tuple[str, list[str]]:
    """Takes metrics off the end of a sentence: ``...; FID-50K and IS`` or ``..., again with FID-50K``."""
    found = re.fullmatch(
        r"(.+)(?:[,;:–—→⇒]|->|=>)\s*(?:(?:again|also|always|and|then)\s+)*(?:with\s+|by\s+|on\s+)?(.+?)", text
    )
    if found is None:
        return text, []
    pieces = _metrics(found[2])
    if not pieces or not any(map(_is_metric, pieces)):
        return text, []
    before, others = _last_metrics(found[1].strip(" ,;–—→⇒"))
    return before, [*others, *pieces]


def _is_metric(text: str) -> bool:
    try:
        read_metric(text, PROFILES.get("paper"))
    except UserError:
        return False
    return True


def _clause(bare: str) -> Entry | None:
    bare = _ASIDE.sub("", bare)
    if found := _BOTH.search(bare):
        return _filled("compare with and without", found["part"], None)
    bare = re.sub(r"[\s,]+(?:again|also|too|as well)$", "", bare)
    if found := _VARIED.match(bare):
        return _filled("REPLACE", found["part"], found["values"])
    for pattern, action in ((_SWAPPED, "REPLACE"), (_WITHOUT, "REMOVE")):
        if found := pattern.search(bare):
            values = found["values"] if "values" in found.re.groupindex else None
            return _filled(action, found["part"], values)
    if found := _ALONE.match(bare):
        return _filled("REMOVE", found["part"], None)
    if (found := _PARTICIPLE.match(bare)) and not re.search(rf"\b{STRONG}\w*\b", found["part"], re.I):
        return _filled(found["action"], found["part"], found["values"])
    starts = [0, *(verb.start() for verb in re.finditer(rf"\b{STRONG}\w*\b", bare, re.I) if verb.start())]
    for start in starts:
        if UNWANTED.search(bare[:start]):
            return None
        found = _ACTIVE.match(bare[start:]) or (_PASSIVE.match(bare) if not start else None)
        if found is None:
            continue
        actions = read_action(found["action"]).actions
        weak = not re.match(STRONG, found["action"], re.I)
        if weak and not any(score.named for score in evidence([("Title", bare, 1.0)])):
            continue
        if not actions or re.fullmatch(r"(?:it|them|this|that|these|those|by|with|to|for)\b.*", found["part"], re.I):
            continue
        if actions <= {"ADD", "REMOVE"}:  # what follows says where, not what comes instead
            whole = found.string[found.start("part") :] if found.re is _ACTIVE else found["part"]
            part, _, listed = _WHERE.sub("", whole).partition(":")
            return _filled(found["action"], part, listed or None)
        return _filled(found["action"], found["part"], found["values"])
    return None


def _filled(action: str, part: str, values: str | None) -> Entry:
    entry = Entry(actions=[clean(action)])
    entry.parts.append(re.sub(r"^(?:the|a|an|its|our)\s+", "", clean(part), flags=re.I))
    if values:
        old = _OLD_FIRST.match(values)
        replaced = "REPLACE" in read_action(action).actions
        entry.put("Replacement", old["new"] if old is not None and replaced else values)
    return entry


_REASON = re.compile(r",\s*(?:since|because|as|so that|to see|in order to|which|where)\b.*$", re.I)
"""Why something is measured."""


_AND_METRIC = re.compile(r"\s+(?:and|together with|along with|alongside|as well as|plus|in addition to)\s+", re.I)
_OF_ALL = re.compile(
    r"\s+(?:of|for)\s+(?:each|every|all|the|both)\s+(?:\w+\s+)?(?:models?|arms?|variants?|runs?)$", re.I
)
"""``the Gflops of each model``: every metric is of every arm."""


def _metrics(text: str) -> list[str]:
    pieces = [re.sub(r"^(?:the|both|its)\s+", "", clean(item), flags=re.I)
              for piece in split_items(_EQUAL.sub("", _REASON.sub("", text)))
              for item in _AND_METRIC.split(_OF_ALL.sub("", piece))]  # fmt: skip
    return [piece for piece in pieces if piece]
