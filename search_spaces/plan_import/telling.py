"""What every sentence below a title is for: to say what to do, what is there, what is measured, or what is expected.

A sentence that says what to do is an order. What only describes the model, or gives a reason, a question or an
expectation, changes nothing; it is kept beside the orders, and stops the entry where it may hold what they leave open.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from search_spaces.plan_import.actions import leads_with_action
from search_spaces.plan_import.labels import SENTENCE
from search_spaces.plan_import.written import Entry, clean

_CHANGES = (
    r"(?:replac|remov|add|var(?:y|ie|ied|ying)|swap|sweep|swept|chang|switch|substitut|drop|disabl|delet|insert"
    r"|introduc|"
    r"test|tr(?:y|ie[ds])|tried|reduc|increas|decreas|ablat|turn|us(?:e|ed)|enabl|modif|set|shrink|grow|scal|exchang|"
    r"halv|doubl|omit|eliminat|strip|cut|tak|rais|lower|widen|narrow|deepen|compar|explor|evaluat|run|train|retrain|"
    r"initiali[sz]|skip|apply|applied|put|mov|extend|limit|restrict|lengthen|shorten|quadrupl|tripl|activat|deactivat)"
)
STRONG = (
    r"(?:replac|remov|add(?!ition)|vary|varied|varying|swap|sweep|swept|substitut|drop(?!out)|disabl|delet|insert"
    r"|introduc|"
    r"exchang|reduc|increas|decreas|ablat(?!ion)|switch|turn|shrink|omit|eliminat|halv|doubl|chang|compar(?:e|ing)\b)"
)
INTENT = r"\b(?:i|we|let|get rid|should|could|would|want|worth|propose|suggest|how about|what if)\b"
_DESCRIBES = re.compile(
    r"^(?:in\s+)?(?:the\s+)?(?:original\s+|published\s+)?(?:paper|authors?|baseline|dit|original"
    r"|default|model|recipe)\b[\w/ -]{0,12}?,?\s+"
    r"(?:adds?|uses?|used|applies|sets?|trains?|trained|employs?|relies|has|had|is|are|was|keeps?|fixes|chooses?"
    r"|adopts?)\b",
    re.I,
)
"""How a sentence opens that says what is there already: ``The paper adds a frozen table``."""

_OF_OTHERS = re.compile(
    r"^(?:[A-Z][^,.;:]{2,60},?\s+)?(?:the authors|peebles (?:and|&) xie|they|the (?:paper|original|baseline"
    r"|published)\b[\w ]{0,20}?)"
    r"(?:\s+(?:all|both|only|simply|also|always))*\s+"
    r"(?!(?:should|could|would|must|can|may|might|will)\b)\w+(?:s|ed|d|t|e)?\b",
    re.I,
)
"""The same of a sentence with a few words before it: ``After patchification the authors add``."""

_DO = re.compile(
    r"^(?:please|just|then|now|next|also|simply|instead|here|for this|in this (?:ablation|study|experiment|variant|"
    r"run),?|"
    r"first|second|third|finally|additionally|in addition|as a (?:second|third|further) (?:arm|variant|step)|"
    r"to (?:do so|this end))?"
    r"[,:]?\s*(?:(?:re)?train|sample|run|use|try|take|let|give|make|put|start|draw|feed|generate|move|go|get"
    r"|initiali[sz]e|"
    r"apply|do|have|render|decode|fit|repeat|rerun|predict|regress|embed|encode|normali[sz]e|treat|allow|tie|share"
    r"|mask|"
    r"clip|average|weight|cast|warm|anneal|flip|mirror|prepend|condition|hide|feed|fix|freeze|build|keep only|cap)\b",
    re.I,
)
_SOMEBODY = re.compile(
    rf"\b(?:i|we|you|one|they|let us|let's)(?:['’](?:d|ll|re|ve))?\s+(?:(?:would|will|could|should|can|must|shall|"
    rf"may|want|"
    rf"plan|propose|suggest|intend|ask|like|wish|need|also|then|first|next|therefore|thus|to|simply|now|instead|only|"
    rf"additionally|further|love|recommend|aim|try)\s+)*{_CHANGES}\w*\b",
    re.I,
)
_IS_DONE = re.compile(
    rf"\b(?:should|must|could|would|will|can|shall|to)\s+(?:also\s+|then\s+|instead\s+"
    rf"|simply\s+)?(?:be\s+)?{_CHANGES}\w*"
    rf"|\b(?:is|are|gets?|being)\s+(?:then\s+|also\s+|simply\s+|each\s+)*(?:tried|tested|compared|swept|varied"
    rf"|explored|ablated)\b"
    rf"|\b(?:is|are|gets?|being)\s+[^,;.]*\binstead\b",
    re.I,
)
_MAY_BE_DONE = re.compile(
    rf"\b(?:is|are|gets?|being|was|were)\s+(?:then\s+|also\s+|simply\s+|instead\s+|now\s+|each\s+)*{_CHANGES}\w*", re.I
)
"""``The labels are dropped`` says what is there, or what to do where nothing else does."""

_SO = re.compile(
    r",?\s+(?:and\s+)?(?:so|hence|thus|therefore|which is why|consequently)\s+(?=(?:i|we|let|please|one|the|try|use|"
    r"it)\b)|,\s+(?:and\s+)?so\s+(?=(?:"
    + STRONG
    + r"\w*|turn|switch|take|leave|get rid of|train|sample|run|do|make|set|start|repeat)\s)",
    re.I,
)
"""What stands between a reason and what follows from it."""

_ARM = re.compile(
    r"\b(?:arms?|variants?|candidates?|options?|levels?|settings?|values|alternatives?|conditions|runs?|contenders?|"
    r"treatments?|challengers?|configurations?|versions?)\b|\binstead\b|\brather than\b|\bwithout\b|\bversus\b|\bvs\b",
    re.I,
)
_WHY = re.compile(
    r"^\W*(?:(?:we|i|my|our)\s+(?:\w+\s+)?(?:expect|hypothesi[sz]e|believe|suspect|think|thinks|predict|anticipate"
    r"|assume|guess|bet|"
    r"wonder|hope|doubt)|if\b|expect(?:ed|ation)?\b|hypothesis|prediction|rationale|motivation|why\b|because\b|since\b|"
    r"this\s+(?:\w+\s+)?(?:test|isolate|show|tell|check|would|will|should|reveal|measure|quantif|probe|separate"
    r"|help|answer|clarif|"
    r"determine|quantify|evaluate|assess|is meant|is to|could|may|might|lets|allows|disentangle|establish|examine|"
    r"verif)\w*|"
    r"(?:the|my|our) (?:question|idea|point|aim|goal|hope|purpose|concern|suspicion|guess|bet|hunch|claim|"
    r"reason) (?:is|here)|"
    r"(?:it|this|that|they|these) (?:may|might|could|should|would|will|is|are|was) |may\b|might\b|presumably"
    r"|although\b|even though\b|"
    r"probably|likely|"
    r"perhaps|note that|should (?:hurt|help|be|lead|improve|matter|cost|give|degrade)|(?:cheap|costly|expensive|"
    r"worth)\b|"
    r"(?:does|do|is|are|how|what|would|will|can|could|should|which|when|whether|or)\b[^.]*\?\s*$)",
    re.I,
)
IN_FAVOUR = re.compile(
    r"\b(?:drop|remov|discard|abandon|ditch|abolish|eliminat|retir|omit|delet|leav\w* out|tak\w* out|giv\w* up|"
    r"get\w* rid of)\w*\s+(?P<old>[^;]+?)\s*,?\s+"
    r"(?:in favou?r of|in exchange for|and (?:use|put|insert|try|take|have)|to make (?:room|"
    r"way) for)\s+(?P<new>[^;]+?)(?:\s+instead|\s+in (?:its|their) place)?\s*$",
    re.I,
)
"""A removal that is a replacement: ``drop the table in favour of RoPE``."""

_TO_DO = re.compile(rf"\bto (?:also )?{_CHANGES}\w*\b", re.I)


def is_why(sentence: str) -> bool:
    """Whether a sentence gives a reason, a question or an expectation, and orders nothing."""
    return _WHY.match(sentence) is not None and not (_TO_DO.search(sentence) or _SOMEBODY.search(sentence))


def describes(sentence: str) -> bool:
    """Whether a sentence only says what is there already."""
    if _ANNOUNCED.match(sentence.strip()) and not re.search(rf"\b{STRONG}\w*\b", sentence, re.I):
        return True
    if _AT_PRESENT.match(sentence.strip()) and not re.search(r"[;:]", sentence):
        return True
    found = _DESCRIBES.match(sentence.strip()) or _OF_OTHERS.match(sentence.strip())
    rest = sentence.strip()[found.end() :] if found is not None else ""
    if found is None:
        return re.search(r"\bone (?:thing|factor|component|variable|part) at a time\b", sentence, re.I) is not None
    lacks = "" if re.match(r"\s*(?:dit|the paper|the authors)\b", sentence, re.I) else r"|\bwithout\b"
    return not re.search(rf"[;:]|\b(?:{STRONG}|try|test)\w*\b|{INTENT}{lacks}", rest, re.I)


_WOULD = re.compile(
    r"^\w+ing\b[^,;:]*\s(?:would|will|could|may|might|cannot|tells?|shows?|isolates?|lets?|allows?|reveals?)\b", re.I
)
"""What comes of doing something: ``Varying them one at a time would miss it``."""

_FEWEST = 12
"""Words that running text has at least, where it is no list."""


def is_aside(opening: str, rest: str) -> bool:
    """Whether a paragraph is running text although a colon or dash stands in it, and says nothing to do.

    Args:
        opening: what stands before the colon, a label or half of a sentence.
        rest: what stands behind it.
    """
    halves = [opening, *(piece for piece in re.split(r"(?<=[.!?;])\s+", rest.strip()) if piece)]
    long = len(opening.split()) > 2 and len(rest.split()) >= _FEWEST and rest.rstrip()[-1:] in (".", "!", "?")
    if not long or re.search(r"\d", rest) or any(_ARM.search(half) for half in halves):
        return False
    if re.search(r"\b(?:i|we|you|also|more|another|extra|following)\b", opening, re.I):
        return False
    return not any(is_order(half, half) or _TO_DO.search(half) for half in halves if not _WOULD.match(half))


_STATIC = re.compile(
    r"^(?:in\s+\w+,\s+)?(?:the|every|each|all|its|their)\s+(?!ablated|modified|new|proposed|changed|treat|control|test|second"
    r"|first|other)[^,;:]{2,70}?\s(?:uses?|has|have|contains?|applies|employs?|consists?|computes?|receives?|comes?)\s",
    re.I,
)


def is_static(sentence: str) -> bool:
    """Whether a sentence only says how a part of the model is: ``The feed-forward layer of each block uses GELU``."""
    if _STATIC.match(sentence) is None or _ARM.search(sentence) or _SOMEBODY.search(sentence):
        return False
    return not (_IS_DONE.search(sentence) or _TO_DO.search(sentence) or re.search(rf"\b{STRONG}\w*\b", sentence, re.I))


PARTED = re.compile(
    r"\b(?:tak|leav|cut|strip|throw|rip|leave|take)(?:e|es|ing|s)?\s+(?:the\s+)?((?!it\b|out\b|away\b)[^,;.:]{2,40}?)\s+"
    r"(?:out of (?:the|every|each|all)\s+\w+|out|away)\b",
    re.I,
)
"""A verb and its particle with the part between them: ``take adaLN-Zero out of the model``."""

TURNED_OFF = re.compile(r"\b(?:turn|switch)(?:ed|ing)?\s+(?:the\s+)?((?!off\b|it\b)[^,;.:]{2,40}?)\s+off\b", re.I)
"""The same of what is switched off: ``turn the flips off``."""


def is_order(sentence: str, unled: str) -> bool:
    """Whether a sentence says to do something.

    Args:
        sentence: as written.
        unled: the same without what only leads to what is to be done (``First, we would ...``).
    """
    if leads_with_action(unled) or _DO.match(unled) or _DO.match(sentence.strip()):
        return True
    return bool(_SOMEBODY.search(sentence) or _IS_DONE.search(sentence))


def parted(sentence: str) -> list[str]:
    """A sentence in two where a reason that orders nothing stands before what is to be done: ``..., so remove it``."""
    found = _SO.search(sentence)
    tail = sentence[found.end() :] if found is not None else ""
    if found is None or not (leads_with_action(tail) or _DO.match(tail)):
        return [sentence]
    reason = sentence[: found.start()]
    ordered = (is_order(reason, reason) and not is_why(reason)) or re.search(r"\d", reason) is not None
    return [sentence] if ordered else [reason, sentence[found.end() :]]


_FORESEES = re.compile(
    r"^(?P<what>[^.;:,]{2,60}?)\s+(?:should|will|would|may|might|could|(?:is|are) (?:expected|likely) to)\s+"
    r"(?:only\s+|also\s+|roughly\s+|about\s+)*(?:add|cost|increase|raise|save)\b[^.;:]*?\b(?:g?flops?|compute|memory|latency"
    r"|throughput|(?:wall-?clock|training|sampling)(?:\s+time)?)\b"
    r"(?:,?\s*(?:and|so)?\s*(?:please\s+)?(?:mention|note|say|report|state|list|keep|bear)\b[^.;:\d]*)?$",
    re.I,
)
"""What an arm is expected to cost: ``Cross-attention should add about 15% Gflops, so mention that in the table``."""


def foresees(sentence: str) -> bool:
    """Whether a sentence only says what something will cost to compute."""
    found = _FORESEES.match(sentence.strip().rstrip("."))
    return found is not None and re.match(r"(?:i|we|you)\b", found["what"], re.I) is None


_ANNOUNCED = re.compile(
    r"^(?:[^:\d]*[;,]\s+)?(?:here|below|this|these|the following)\s+(?:is|are)\s+(?:what|how|the|my)\b[^:\d]*$", re.I
)
"""What only leads to what follows: ``Here is what I would run``."""


def announces(sentence: str) -> bool:
    """Whether a sentence only leads to what follows it."""
    return _ANNOUNCED.match(sentence.strip()) is not None


_OTHER_NUMBERS = re.compile(r"\d[^;]*\b(?:instead of|rather than|in place of)\b", re.I)
_TOGETHER = re.compile(
    r"(?:^(?:please\s+|also\s+|then\s+)*|\b(?:i|we)(?:['’]d|\s+(?:would|will|want to|propose to|suggest to))\s+[^.;]*?)"
    r"(?:combine|stack|merge|join|put)\s+(?:\w+\s+)?"
    r"(?:all(?:\s+(?:two|three|four|five|six|of (?:them|these|those|the above)))?|both|everything"
    r"|the (?:two|three|four)|them)\b",
    re.I,
)
_WANTS = re.compile(r"\b(?:i|we)(?:['’](?:d|ll)|\s+(?:will|would|want|propose|suggest|plan|intend|shall))\b", re.I)


_WANTED = (
    r"\b(?:i|we)(?:['’](?:d|ll)|\s+(?:will|would|could|should|(?:want|propose|suggest|plan|intend) to))\s+"
    r"(?:\w+\s+){0,2}?"
)
_VAGUELY = re.compile(
    rf"{_WANTED}(?:try|test|use|explore|find|look (?:for|into)|switch to|adopt|train with|work on"
    r"|experiment with)\s+(?:out\s+)?(?:some|something|a few|several|various|other|different|another|better"
    r"|an?\s+(?:better|improved|more modern|modern|stronger|smarter|newer))\b"
    rf"|{_WANTED}(?:improve|tune|optimi[sz]e|moderni[sz]e|rethink|revisit)\b",
    re.I,
)
"""What is asked for without saying what: ``I would try some improved recipe there``."""


def wants_more(sentence: str) -> bool:
    """Whether somebody wants other numbers, of whatever, several changes together, or something better."""
    if _VAGUELY.search(sentence) or _TOGETHER.search(sentence):
        return True
    return bool(_WANTS.search(sentence) and _OTHER_NUMBERS.search(sentence))


_AT_PRESENT = re.compile(
    r"^(?:at present|currently|today|so far|as it is)?,?\s*(?:you|they|the authors)\s+"
    r"(?:currently\s+|only\s+|always\s+)?(?:use|evaluate|train|sample|set|have|report|apply|run|start|initiali[sz]e|predict|fix|keep|take|work"
    r"|do(?:n['’]t| not)|average)\b(?!.*\b(?:should|could|would|must|want|try|instead)\b)"
    r"|^(?:so far,?\s+)?(?:we|i)(?:['’]ve|\s+have)\s+(?:so far\s+)?(?:only|always|never)\s+(?:ever\s+)?\w+\b"
    r"(?!.*\b(?:should|could|would|must|want|try|instead)\b)"
    r"|^there (?:is|are) (?:no|none)\b(?!.*\b(?:should|could|would|must|want|try|instead|add|use)\b)"
    r"|^(?:none|no \w+(?: \w+)?) (?:is|are) (?:used|there|applied|present)\b[^.;:]*$",
    re.I,
)
"""What a reader tells the authors of their own model: ``You evaluate with a decay of 0.9999``."""


def told(
    title: str,
    sentences: list[str],
    unled: Callable[[str], str],
    without_metrics: Callable[[str], tuple[str, list[str]]],
) -> Entry | None:
    """The entry of a title and the sentences below it, by what every sentence is for; None where none is an order.

    Args:
        title: what the sentences stand below.
        sentences: in order.
        unled: takes off what only leads to what is to be done.
        without_metrics: takes the metrics off a sentence, and returns both.
    """
    entry = Entry(title=title, said=[title, *sentences])
    bare = [without_metrics(clean(text))[0] for text in sentences]
    parts = [[text, *text.split(": ")[1:]] for text in bare]
    first = next((at for at, row in enumerate(parts) if any(is_order(text, unled(text)) for text in row)), -1)
    for at, sentence in enumerate(sentences):
        if (so := _SO.search(sentence)) is not None and not is_order(
            sentence[: so.start()], unled(sentence[: so.start()])
        ):
            entry.context.append(clean(sentence[: so.start()]))
            sentence = sentence[so.end() :]
        head, colon, tail = sentence.partition(": ")
        if colon and leads_with_action(unled(tail.strip())) and not is_order(head, unled(head)):
            entry.context.append(clean(head))  # "see whether that helps: halve it"
            sentence = tail
        said, metrics = without_metrics(clean(sentence))
        entry.metrics += metrics
        said = said.strip(" ,;.:")
        if not said:
            continue
        if describes(said) or is_why(said if sentence.strip()[-1:] != "?" else f"{said}?"):
            entry.remarks.append((SENTENCE, said))
        elif is_order(said, unled(said)) or (_MAY_BE_DONE.search(said) and at > first):
            entry.actions.append(unled(said))
        elif _ARM.search(said) and not (at < first and _MAY_BE_DONE.search(said)):
            entry.unknown.append((SENTENCE, said))  # it may say what an arm is
        else:
            entry.context.append(said)
    return entry if entry.actions else None
