"""What one sentence says to do: ``Vary the patch size over 2, 4 and 8``, in the active or the passive voice."""

from __future__ import annotations

import re

from search_spaces.plan_import.actions import is_action, read_action
from search_spaces.plan_import.amounts import SWEEPS, range_in
from search_spaces.plan_import.evidence import evidence
from search_spaces.plan_import.measured import METRICS, last_metrics, metrics_in, says
from search_spaces.plan_import.telling import IN_FAVOUR, INTENT, PARTED, STRONG, TURNED_OFF, is_order
from search_spaces.plan_import.written import Entry, clean

SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\bvs\.)(?<!\bcf\.)(?<!\bal\.)(?<!e\.g\.)(?<!i\.e\.)\s+(?=[A-Z\"“(*0-9])")
"""Where one sentence ends and the next begins."""

_LEAD = re.compile(
    r"^(?:first(?:ly)?|second(?:ly)?|third(?:ly)?|next|then|finally|also|lastly|another|after that|in addition|besides|"
    r"additionally|moreover|last|similarly|likewise|\(?[a-z0-9]{1,2}[.)]|a(?=:)|answer(?=:))[,:]?\s+"
    r"|^(?:i|we|one|you)(?:'d|\s+would|\s+will|\s+could|\s+should|\s+can|\s+propose to|\s+suggest|\s+plan to"
    r"|\s+want to)?"
    r"(?:\s+(?:like to|also|then|first|next|begin by|start by))*\s+"
    r"|^(?:could|can|would|will)\s+(?:you|we)\s+(?:please\s+|also\s+|maybe\s+)*"
    r"|^(?:the\s+)?(?:first|second|third|fourth|fifth|sixth|next|last|final)\s+(?:ablation|experiment|study|one|test)\s+"
    r"(?:is to|would be to|is|would|will)?\s*|^(?:please|let us|let's|try to|begin by|start by)\s+"
    r"|^in\s+(?:the|our|this|a|another)\s+(?:\w+\s+)?(?:ablation|experiment|study|variant|run|test|step)s?,?\s+"
    r"|^(?:to|for|as|in order to|since|because|given|with|on|at|in|beyond)\s"
    r"(?:(?!\b(?:we|i)\b)[^,:]){3,90}[,:]\s+(?=\w)",
    re.I,
)

_STEM = (
    r"(?:replac|remov|add|var(?:y|ie|ied|ying)|swap|sweep|swept|compar|chang|switch|substitut|drop|disabl|delet|insert|"
    r"introduc|test|tr(?:y|ied|ying)|reduc|increas|decreas|ablat|turn|us(?:e|ed|ing)|includ|enabl|modif|set|shrink|"
    r"grow|scal|exchang|halv|doubl|omit|eliminat|strip|cut|tak)"
)

_CLAUSE = re.compile(rf"(?:\s*[;,]\s*|\s+)(?:and\s+then|and|then)\s+(?={STRONG}\w*\s)|;\s+", re.I)

_STEPS_ON = re.compile(r"\s*(?:→|->|⟶|=>|⇒)\s*(?=\+)")
"""Between steps that add up: ``DiT → + RMSNorm → + SwiGLU``."""

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

UNWANTED = re.compile(
    r"\bnot\b|n['’]t\b|\bnever\b|\bunwise\b|\bavoid\b|\bno (?:need|point|reason)\b|\bpointless\b", re.I
)

_TO_SEE = re.compile(r"[,;]?\s*\b(?:and\s+)?(?:see|check|test|observe|find out)\s+(?:whether|if|how|what)\b.*$", re.I)
_SWAPPED_AT = re.compile(
    r"^(?P<action>(?:replac|swap|substitut)\w*)\s+(?:the\s+)?(?P<part>[^,;:]+?\sat\s[^,;:]+?)\s+(?:with|by|for)\s+(?P<values>.+)$",
    re.I,
)
"""A part at a setting: ``replace the DDPM sampler at 250 steps with DDIM at 50 steps``."""

_HOW = re.compile(
    r"^(?P<part>[^,;:]{3,60}),\s+(?P<how>(?:dropping|masking|leaving out|hiding|setting)\s[^;:]*\d[^;:]*)(?:;.*)?$",
    re.I,
)
"""A part, and how much of it: ``token masking, dropping 50% of the patches``."""

_STAYS = re.compile(
    r"[,;]?\s+(?:while|whilst|whereas)\s[^,;.()]*\b(?:is|are|stays?|remains?|held|kept)\b[^,;.()]*"
    r"|,?\s+(?:while\s+)?(?:keeping|holding)\b[^,;()]*$",
    re.I,
)
"""What a sentence says to be left as it is, behind what it says to do."""

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


def speaks(sentence: str) -> bool:
    """Whether a sentence names something that could be varied, or a topic outside of all axes."""
    return any(score.text >= 1.5 for score in evidence([("Title", sentence, 1.0)]))


def asks(sentence: str) -> bool:
    """Whether a sentence may say to do something to what could be varied."""
    acts = re.search(rf"\b(?:{STRONG}|(?:re)?train|use|using|try)\w*\b|\bwithout\b|\d|{INTENT}", sentence, re.I)
    return acts is not None and any(s.named or s.text >= 2.0 for s in evidence([("Title", sentence, 1.0)]))


def unled(sentence: str) -> str:
    """A sentence without what only leads to what is to be done."""
    bare = TURNED_OFF.sub(r"remove \1", PARTED.sub(r"remove \1", sentence.strip().rstrip(".!?")))
    for _ in range(4):
        lead = _LEAD.match(bare)
        if lead is None or not lead.end():
            break
        bare = bare[lead.end() :]
    return turned(bare)


_REQUEST = re.compile(
    r"^(?:could|can|would|will)\s+(?:you|we)\s+(?:please\s+|also\s+|maybe\s+|kindly\s+)*(?P<what>.+?)"
    r"(?:\s+(?:as well|too|again|please))*\s*\?\s*$",
    re.I,
)


def requested(sentence: str) -> str:
    """``Could you run 1 and 4 as well?`` as the order that it is; any other sentence as it stands."""
    found = _REQUEST.match(sentence.strip())
    return found["what"] if found is not None and is_order(found["what"], found["what"]) else sentence


def turned(sentence: str) -> str:
    """``Instead of 50 steps, take 25`` with what is new in front."""
    found = _TURNED.match(sentence.strip().rstrip("."))
    if (found_other := IN_FAVOUR.search(sentence)) is not None and found is None:
        return f"{sentence[: found_other.start()]}replace {found_other['old']} by {found_other['new']}"
    return sentence if found is None else f"{found['new']} instead of {found['old']}"


def entries_of(sentence: str) -> list[Entry]:
    """The entries of one sentence; none where something in it is said that is not taken apart."""
    bare, metrics = unled(sentence), list[str]()
    if (told := says(bare)) is not None:
        bare, metrics = told
    elif measured := METRICS.search(bare):
        metrics = metrics_in(measured["metrics"])
        bare = (bare[: measured.start()] + bare[measured.end() :]).strip(" ,;")
    else:
        bare, metrics = last_metrics(bare)
    if len(steps := [clean(step) for step in _STEPS_ON.split(bare) if clean(step)]) > 2 and "+" in bare:
        return [Entry(actions=["cumulatively"], replacements=steps, metrics=metrics, stepped=True)]
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


def _clause(bare: str) -> Entry | None:
    bare = _TO_SEE.sub("", _STAYS.sub("", _ASIDE.sub("", bare)))
    if found := _BOTH.search(bare):
        return _filled("compare with and without", found["part"], None)
    bare = re.sub(r"[\s,]+(?:again|also|too|as well)$", "", bare)
    if found := _SWAPPED_AT.match(bare):
        return _filled(found["action"], found["part"], found["values"])
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
        if _NO_PART.match(found["part"]) and found.re is _ACTIVE:  # "sweep from 1 to 4": what, its title says
            said = found.string[found.start("part") :]
            swept = "values " if SWEEPS.search(found["action"]) and range_in(said) is not None else ""
            entry = Entry(actions=[clean(found["action"])])
            entry.put("Replacement", f"{swept}{said}")
            return entry
        if actions <= {"ADD", "REMOVE"}:  # what follows says where, not what comes instead
            whole = found.string[found.start("part") :] if found.re is _ACTIVE else found["part"]
            if (how := _HOW.match(whole)) is not None:
                return _filled(found["action"], how["part"], how["how"])
            part, _, listed = _WHERE.sub("", whole).partition(":")
            return _filled(found["action"], part, listed or None)
        return _filled(found["action"], found["part"], _of_a_range(found))
    return None


_NO_PART = re.compile(r"(?:from|between|over|across|among|with|to|at)\s+[-+.]?\d", re.I)


def _of_a_range(found: re.Match[str]) -> str | None:
    """The values of a sentence; of a range with the words that tell it from a change: ``vary X from 1 to 4``."""
    values = found["values"]
    ends = range_in(f"from {values}") if values is not None else None
    if ends is None:
        return values
    joint = found.string[found.end("part") : found.start("values")].strip(" ([{")
    swept = "values " if SWEEPS.search(found["action"]) else ""
    if not swept and float(ends[0]) > float(ends[1]) and joint.lower() == "from":
        return values  # a way down is a change in any case
    return f"{swept}{joint} {values}" if joint.lower() in ("from", "between") else values


def _filled(action: str, part: str, values: str | None) -> Entry:
    entry = Entry(actions=[clean(action)])
    entry.parts.append(re.sub(r"^(?:the|a|an|its|our)\s+", "", clean(part), flags=re.I))
    if values:
        old = _OLD_FIRST.match(values)
        replaced = "REPLACE" in read_action(action).actions
        entry.put("Replacement", old["new"] if old is not None and replaced else values)
    return entry
