"""Reads a plan from plain sentences: ``Vary the patch size over 2, 4 and 8, and report FID.``

A sentence becomes an entry when it says what to do with something, in the active or the passive voice. A sentence that
says what to do and cannot be taken apart becomes an entry that nobody understands, so that it is not passed over.
"""

from __future__ import annotations

import re

from search_spaces.plan_import.actions import is_action, leads_with_action
from search_spaces.plan_import.another_run import arms_apart
from search_spaces.plan_import.blocks import blocks
from search_spaces.plan_import.choose import bare_title
from search_spaces.plan_import.evidence import evidence
from search_spaces.plan_import.families import family_of
from search_spaces.plan_import.labels import SENTENCE, kind_of
from search_spaces.plan_import.measured import METRICS, metrics_in, only_metrics, without_metrics
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.ordinals import counts, one_by_one, ordinal
from search_spaces.plan_import.rungs import adds_up
from search_spaces.plan_import.sentences import SENTENCE_END, asks, entries_of, requested, speaks, turned, unled
from search_spaces.plan_import.telling import (
    STRONG,
    announces,
    describes,
    foresees,
    is_order,
    is_static,
    is_why,
    parted,
    told,
    wants_more,
)
from search_spaces.plan_import.topic_first import topic_first
from search_spaces.plan_import.value_tables import with_values
from search_spaces.plan_import.written import Entry, WrittenPlan, clean

_PRONOUN = re.compile(rf"\b({STRONG}\w*(?:\s+(?:off|out|away))?)\s+(?:it|them|this|these)\b", re.I)

_TITLED = re.compile(r"^(?:\(?\w{1,3}[.)]\s*)?(?:\*\*|__)(?P<title>.+?)(?:\*\*|__)\s*[:.–—-]?\s*(?P<rest>.*)$", re.S)

_NUMBER = r"(?:\(?(?:\d+|[a-z]|[ivx]{1,4})[.)]|\([A-Z]\)|[A-Z]{1,3}-?\d{1,2}[.:)]|[A-Z][.)](?=\s+[A-Z]))"
"""How a paragraph is numbered: ``1.``, ``(a)``, ``W2.``, ``B)``."""

_OPENS = re.compile(
    rf"^(?P<number>(?:\[[ xX]?\]\s*)?(?:{_NUMBER}\s*)?)(?P<title>(?:`[^`]{{2,40}}`[^.:!?]{{0,70}}?|"
    r"[A-Z][^.:!?]{1,70}?))\s*(?P<sign>[.:?]|\s[–—-]\s)\s*(?P<rest>\S.*)$",
    re.S,
)

_STEP = re.compile(
    r"^(?:(?:step|stage|rung|level|phase)\s*\(?\d+\)?(?:[.):]|\s+[–—-])|\(?\d+\)?[.):])\s+"
    r"|^(?:\(?\d+\)?\s+)?\+\s+(?=[A-Za-z])",
    re.I,
)

_KEYED = re.compile(r"^(?P<number>(?:\[[ xX]?\]\s*)?)(?P<title>[a-z][\w -]{1,40}?)(?P<sign>:)\s+(?P<rest>\S.*)$", re.S)

_RUN_IN = re.compile(r"(?:(?<=[.;|])|(?<=^))\s+([A-Z][\w-]*(?: [\w-]+){0,3}):\s+")

_INTRODUCES = re.compile(
    r"^(?:(?:the|our|my|an?|this)\s+)?(?:\w+\s+){0,2}(?:ablation|experiment|study|test|question)\s+(?:\w+\s+)?"
    r"(?:concerns?|is (?:about|on|of)|looks? (?:at|into)|studies|study|targets?|examines?|investigates?|"
    r"focus(?:es)? on|addresses|considers?|deals? with|explores?|turns? to|is devoted to|relates to|regards)\s+"
    r"(?!whether\b|if\b|how\b|what\b)(?P<title>[^.:;?]{2,80})[.:]\s+(?P<rest>\S.*)$",
    re.I | re.S,
)
"""A sentence that only says what the ones behind it are about: ``The second ablation concerns the depth.``"""

_VARIES = re.compile(
    r"^(?:(?:the|our|my|this)\s+)?(?:\w+\s+){0,2}(?:ablation|experiment|study|test)\s+"
    r"(?:varies|changes|modifies|alters|probes|tests)\s+(?P<title>[^.:;?,]{2,60})[.]\s+"
    r"(?P<rest>[^.]*(?:\.\d[^.]*)*\b(?:it|them|this|these)\b.*)$",
    re.I | re.S,
)
"""The same where the next sentence says what is done to it: ``The fifth ablation varies the decay. We set it``"""

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
    counted = {block.text for block in blocks(text) if block.kind == "line" and block.bullet and block.numbered}
    for block in with_values(blocks(text)):
        if block.kind == "heading":
            plan.title = plan.title or clean(block.text)
        if (
            block.kind != "line"
            or block.bullet
            or ordinal(block.text) is not None
            or _STEP.match(block.text)
            or _measures_only(paragraphs[-1], block.text)
        ):
            paragraphs.append("")
        if block.kind == "line":
            paragraphs[-1] = f"{paragraphs[-1]} {block.text}".strip()
    opened = [found for paragraph in paragraphs if (found := _opening(paragraph)) is not None]
    paragraphs = [one for said in paragraphs for one in one_by_one(SENTENCE_END.split(said))]
    counted_topics = counts(paragraphs)
    for paragraph in filter(None, paragraphs):
        if counted_topics and (topic := ordinal(paragraph)) is not None:
            plan.entries.append(titled(*topic))
            continue
        bold, opens = _TITLED.match(paragraph) or _ITALIC.match(paragraph), _opening(paragraph)
        if bold is not None and is_action(clean(bold["title"])):
            paragraph, bold = f"{clean(bold['title'])} {bold['rest']}", None  # "**Replace** x with y"
        if bold and bold["rest"].strip():
            title, rest = clean(bold["title"]).rstrip(":"), clean(bold["rest"])
            if plan.entries or speaks(title) or speaks(rest) or asks(rest) or re.search(r"\d|:", rest):
                plan.entries.append(titled(title, rest))
            else:  # a heading of the whole plan, with a remark behind it
                plan.remarks.append((SENTENCE, clean(paragraph)))
        elif (introduced := _introduction(paragraph)) is not None:
            plan.entries.append(titled(*introduced))
        elif opens is not None and len(opened) > 1 and not announces(opens[0]):
            plan.entries.append(titled(*opens))
        else:
            _paragraph(paragraph, plan, paragraph in bullets)
    return _stacked(plan, [f"1. {said}" if any(map(said.startswith, counted)) else said for said in paragraphs if said])


def _measures_only(before: str, line: str) -> bool:
    """Whether a line below an item that no full stop ends only says what is measured."""
    return bool(before) and before[-1] not in ".!?:;,-" and bool(only_metrics(clean(line)))


_OF_ALL = re.compile(
    r"^(?:(?:unless|if not|where not|by default)\b[^,;:]*,\s+)?"
    r"(?:everything(?:\s+else)?\s+(?:is|uses|runs|trains|stays)\b"
    r"(?=.*\b(?:DiT|trained|steps|iterations|as in|the same|baseline)\b)"
    r"|(?:all|every|each)\s+(?:of the\s+)?(?:experiments?|runs?|models?|ablations?|variants?|arms?|"
    r"configurations?|studies)\s+"
    r"(?:use|uses|report|reports|share|shares|are|is|train|trains|start|starts|keep|keeps)\b)",
    re.I,
)
"""What holds in every arm."""

_ANNOUNCES = re.compile(
    r"^(?:[\w -]{2,24},\s+)?(?:we|i)\s+(?:(?:will|would|also|then|next|further|propose to|suggest to|want to|"
    r"plan to)\s+)*"
    r"(?:study|ablate|examine|investigate|evaluate|explore|consider|analy[sz]e|look (?:at|into)|turn to|assess|"
    r"(?:suggest|propose|include|perform|run|conduct)\s+an?\s+(?:ablation|study|experiment)\s+(?:of|on|about))\s+"
    r"(?!whether\b|if\b|how\b|what\b)(?P<title>[^.:;?,]{2,70})[.]\s+(?P<rest>\S.*)$"
    r"|^(?:[\w -]{2,24},\s+)?(?P<subject>the\s[^.:;?,]{2,80}?)\s+(?:can|could|should|will|is|are)\s+(?:also\s+)?"
    r"(?:be\s+)?(?:ablated|studied|examined|explored|investigated)(?:\s+(?P<jointly>jointly|together))?[.]\s+(?P<more>\S.*)$",
    re.I | re.S,
)
"""A sentence that announces what the next one is about: ``We ablate the embeddings. These are replaced ...``"""

_SUBJECT = re.compile(
    r"^(?:these|they|it|this|those|the latter)\s+(?=(?:is|are|was|were|can|should|could|will)\b)", re.I
)


def _introduction(paragraph: str) -> tuple[str, str] | None:
    """What a paragraph says first that it is about, and the rest of it, which says what is done."""
    if (found := _INTRODUCES.match(paragraph) or _VARIES.match(paragraph)) is not None:
        return clean(found["title"]), clean(found["rest"])
    if (topic := topic_first(paragraph)) is not None:
        return topic
    if (found := _ANNOUNCES.match(paragraph)) is None:
        return _spoken_of(paragraph)
    title, rest = clean(found["title"] or found["subject"]), clean(found["rest"] or found["more"])
    first = SENTENCE_END.split(rest)[0]
    if _METRICS_ONLY.match(first) or not asks(f"{title}: {first}"):
        return None
    return re.sub(
        r"^(?:the\s+)?(?:contribution|effect|impact|role|influence|importance)s?\s+of\s+", "", title, flags=re.I
    ), rest


def _spoken_of(paragraph: str) -> tuple[str, str] | None:
    """What the first sentence is about, where it orders nothing and the next one does: ``Depth deserves a test.``"""
    first, *others = SENTENCE_END.split(paragraph)
    found = _TOPIC_OF.match(clean(first))
    title = (found["title"] or found["other"]) if found is not None else ""
    several = family_of(title)
    if not (title and others) or ((asks(first) or not speaks(first)) and not several):
        return None
    rest = " ".join(others)
    if not (leads_with_action(unled(others[0])) and (several or asks(f"{title}: {others[0]}"))):
        return None
    return clean(title), clean(rest)


_MAKES = re.compile(r"(?:make|give|put|shrink|grow|halve|double)\s+(?:the|every|each|all)\s", re.I)
"""An order in plain words, which may not be passed over."""

_TOPIC_OF = re.compile(
    r"^(?:next|then|after that|finally)\s+(?:comes?|is|are)\s+(?P<other>[^.]+)$"
    r"|^(?:[\w -]{2,24},\s+)?(?P<title>(?!it\b|this\b|that\b|there\b|next\b)(?:the\s+|an?\s+|our\s+)?"
    r"\w[\w /-]{2,50}?)\s+"
    r"(?:is|are|deserves?|looks?|seems?|matters?|remains?|comes?|may|might|could)\b[^.]*$",
    re.I,
)
"""A first sentence by its subject."""

_METRICS_ONLY = re.compile(r"^(?:here,?\s+)?(?:the\s+)?(?:metrics?|we\s+(?:report|measure|track))\b", re.I)


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
        asks(said) and sum(bool(entries_of(clean(s))) for s in SENTENCE_END.split(said) if not describes(s)) <= 1
        for said in told
    )
    return found if len(told) > 1 and one else []


def _stacked(plan: WrittenPlan, paragraphs: list[str]) -> WrittenPlan:
    """One entry of steps that add to each other, where the text says that they do, in place of an entry for each."""
    steps = [clean(_STEP.sub("", text)) for text in paragraphs if _STEP.match(text)]
    if len(steps) < 2 or not any(adds_up(one) for text in paragraphs for one in SENTENCE_END.split(text)):
        return plan
    entry = Entry(title=clean(plan.title or SENTENCE_END.split(paragraphs[0])[0]), actions=["cumulatively"])
    entry.replacements = steps
    for text in paragraphs:
        if not _STEP.match(text) and (measured := METRICS.search(text)) is not None:
            entry.metrics += metrics_in(measured["metrics"])
    return WrittenPlan(plan.title, [entry], [(SENTENCE, text) for text in paragraphs if not _STEP.match(text)])


def _opening(paragraph: str) -> tuple[str, str] | None:
    """The title that a paragraph opens with, and the rest of it."""
    found = _OPENS.match(paragraph) or _KEYED.match(paragraph)
    if found is None:
        return None
    words = found["title"].split()
    headed = len(words) > 3 and sum(w[0].isupper() for w in words) > 0.6 * len(words)
    if len(words) > (10 if headed else 7) or (leads_with_action(unled(found["title"])) and not headed):
        return None
    title, rest = clean(found["title"]).replace("`", ""), clean(found["rest"]).replace("`", "")
    if (number := found["number"].strip(" ()[].:")) and not number.isdigit():
        title = f"{number}. {title}"
    sign = found["sign"] == "." and not (found["number"] or leads_with_action(rest) or asks(rest))
    return None if sign or not rest else (title, rest)


def _paragraph(text: str, plan: WrittenPlan, listed: bool = False) -> None:
    """Adds the entries of a paragraph; where it makes one, all of its sentences together are another way to read it."""
    begun = len(plan.entries)
    sentences = [clean(sentence) for sentence in SENTENCE_END.split(text.strip()) if clean(sentence)]
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
        way is not None and speaks(text) and any(_POINTS.search(text) or _WANTS.search(text) for text in sentences[1:])
    ):
        plan.entries.append(way)  # "We will fix it instead" is about the sentence before it


_POINTS = re.compile(
    r"(?:this|that|these|those|it|them|such)\b(?:\s+(?:\w+\s+)?(?:mechanism|choice|design|part|component|module|scheme|strategy|step|layer|"
    r"table|term|value|one)s?)?\s*(?:$|[,.;]|with\b|by\b|for\b|to\b|instead\b|and\b|entirely\b|completely\b)",
    re.I,
)
"""What points at the sentence before: ``this mechanism``, ``it``."""

_WANTS = re.compile(r"\b(?:i|we)(?:['’](?:d|ll)|\s+(?:will|would|want|propose|suggest|plan|intend|shall))\b", re.I)


_SET = re.compile(
    r"^(?:please\s+)?(?:use|try|take|set|go (?:with|for)|test)\s+(?:[a-zA-Z]\w{0,2}\s*=\s*)?[\d.]+(?!\s*[a-z%])", re.I
)
"""An order with a number of nobody knows what: ``Use p = 4``."""


def _by_sentence(text: str, plan: WrittenPlan, listed: bool) -> None:
    begun, before = len(plan.entries), list[str]()
    for sentence in SENTENCE_END.split(text.strip()):
        said = clean(sentence)
        if said and (describes(said) or (_OF_ALL.match(said) and not re.search(rf"\b{STRONG}\w*\b", said, re.I))):
            plan.remarks.append((SENTENCE, said))
            before.append(said)
            continue
        found = entries_of(said) if said else []
        if found:
            for entry in found:
                entry.context += before
                entry.said.append(said)
            plan.entries.extend(found)
        elif only := only_metrics(said):
            for entry in plan.entries[begun:]:
                entry.metrics.extend(() if entry.metrics else only)
                entry.said.append(said)
        elif listed and is_wish(said):
            plan.entries.append(_wished(said))
        elif (measured := METRICS.search(said)) and not (asks(said) or wants_more(said)):
            everywhere = re.search(r"\b(?:all|each|every|throughout|any)\b", said, re.I)
            for entry in plan.entries[0 if everywhere else begun :]:
                entry.said.append(said)
                if not entry.metrics:
                    entry.metrics.extend(metrics_in(measured["metrics"]))
            if not plan.entries[begun:] and not everywhere:
                plan.remarks.append((SENTENCE, said))
        elif (said and (asks(said) or _MAKES.match(said) or wants_more(said) or _SET.match(said))) or (
            said and listed and speaks(said)
        ):
            plan.entries.append(Entry(title=said[:80], unknown=[(SENTENCE, said)]))
        elif said:
            plan.remarks.append((SENTENCE, said))
            before.append(said)


_STAYING = re.compile(
    r"\b(?:staying|remaining|sticking)\s+(?:at|with|to|on)\b|(?<=[,;] )still\s+(?:at|with|on)\b", re.I
)
"""How a letter says what it keeps: ``staying at 250 steps``."""

_AS_IT_IS = re.compile(
    r"[,;]\s*(?:and\s+|but\s+)?(?:keep|leave)\s+(?P<what>(?:(?!DiT-(?!XL/2))[^,;.])+?)\s+(?:otherwise\s+)?"
    r"(?:as\s+(?:it|they)\s+(?:is|are)|unchanged|untouched|the same)\b",
    re.I,
)
"""The same as an order: ``keep DiT-XL/2 otherwise as it is``."""

_ORDERED = re.compile(rf";\s+(?=(?:we|i|please|{STRONG}\w*|try|use)\b)", re.I)


_WISHES = re.compile(
    r"(?:(?:please|maybe|perhaps|possibly|also|then|finally)\s+)*"
    r"(?:tun|explor|investigat|stud(?:y|ies)|examin|play|look|experiment|improv|optimi[sz]|revisit|consider|tweak|fiddl|adjust"
    r"|search|try|test|probe|rethink|assess|check|sweep|vary|figure|find|see|think|work|simplify|modify|change)\w*\b\s+\w",
    re.I,
)


_IN_BRACKETS = re.compile(r"[(\[]\s*(?:metrics?|measured?(?: by| with)?|report|track)\b[^()\[\]]*[)\]]\W*$", re.I)
"""Metrics in brackets behind what is done."""


def is_wish(text: str) -> bool:
    """Whether an item of a list asks for something, however vaguely: ``Tune the regularization (metrics: FID)``.

    What it says beside its metrics is read, or named as not understood; it is no remark.
    """
    said, metrics = without_metrics(text)
    measures = METRICS.search(text) is not None and bool(metrics) and not _IN_BRACKETS.search(text)
    wishes = _WISHES.match(said.strip(" ,;.")) is not None or (speaks(said) and not measures)
    return wishes and not describes(text)


def _wished(text: str) -> Entry:
    """The entry of an item that asks for something; what it says is an action, or named as not understood."""
    said, metrics = without_metrics(text)
    said = said.strip(" ,;.")
    again = _EVALUATED.sub("use ", said)
    sampled = [score.candidate.axis for score in evidence([("", again, 1.0)])[:1]]
    of_sampling = any(axis is not None and axis.fields[0].startswith("evaluation.") for axis in sampled)
    return Entry(title=said[:80], actions=[again if of_sampling else said], metrics=metrics, said=[text])


_EVALUATED = re.compile(
    r"^(?:(?:repeat|redo|re-?run|run)\s+(?:the\s+)?(?:evaluation|sampling)|(?:re-?)?(?:evaluate|sample))(?:\s+again)?"
    r"\s+(?:with|at|under|using|for)\s+",
    re.I,
)
"""What says that trained models are sampled again: ``Repeat the evaluation with``."""


def titled(title: str, text: str) -> Entry:
    """The entry of a paragraph that opens with its title; what is not taken apart stays in it, as not understood."""
    text = _RUN_IN_LABEL.sub(r"\1:", text)
    pieces = _RUN_IN.split(f" {text}")
    if len(pieces) > 3 or (len(pieces) == 3 and kind_of(pieces[1]) is not None):
        return _labelled(title, pieces)
    entry, whole, said = Entry(title=title), Entry(title=title), text
    named = bare_title(title) or title
    text = _PRONOUN.sub(lambda at: f"{at[1]} {named}", text)  # "remove it" is about what the title names
    text = _AS_IT_IS.sub(r", keeping \g<what>", _STAYING.sub("keeping", text))
    pieces = [piece for said in SENTENCE_END.split(text) for piece in _ORDERED.split(said)]
    for sentence in map(turned, [one for piece in map(requested, pieces) for one in parted(piece)]):
        sentence = _SUBJECT.sub(lambda _: f"{named} ", sentence)
        if describes(sentence) or is_why(clean(sentence)) or foresees(sentence):
            entry.remarks.append((SENTENCE, clean(sentence)))
            whole.remarks.append((SENTENCE, clean(sentence)))
            continue
        _say(clean(sentence), whole)
        apart = arms_apart(unled(clean(sentence)), named, entries_of) if not entry.actions else None
        found = [apart] if apart is not None else entries_of(clean(sentence))
        if len(found) == 1 and not entry.actions:
            entry.actions, entry.replacements = found[0].actions, found[0].replacements
            entry.continued = found[0].continued
            entry.metrics += found[0].metrics
            entry.parts = found[0].parts
        elif measured := only_metrics(clean(sentence)):
            entry.metrics += measured
        elif is_static(clean(sentence)) or (
            not found and not asks(sentence) and not numbers_in(sentence) and entry.actions
        ):
            entry.remarks.append((SENTENCE, clean(sentence)))
        else:
            entry.unknown.append((SENTENCE, clean(sentence)))
    entry.said.append(said)
    entry.other = whole
    whole.other = told(title, SENTENCE_END.split(said), unled, without_metrics)
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
    told = leads_with_action(said) or asks(said) or bool(numbers_in(said)) or speaks(said)
    if not told or not entry.actions:
        if told:
            entry.actions.append(said)
        else:
            entry.remarks.append((SENTENCE, said))
    else:
        entry.unknown.append((SENTENCE, said))
