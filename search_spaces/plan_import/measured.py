"""What a sentence says to measure: ``and report FID-50K``, ``FID-50K is measured after every step``."""

from __future__ import annotations

import re

from search_spaces.plan_import.measures import is_metric
from search_spaces.plan_import.written import clean, split_items

METRICS = re.compile(
    r"[,;:.–—]?\s*\(?(?:and\s+|then\s+|while\s+|to\s+|by\s+)*(?:we\s+|i\s+)?(?:would\s+|will\s+|also\s+)*"
    r"(?:report(?:ing)?|measur(?:e|ing|ed)(?:\s+(?:by|with|on|in))?|track(?:ing)?|record(?:ing)?|monitor(?:ing)?|"
    r"(?:evaluat|judg|scor|assess|compar|quantif)\w*\s+(?:by|with|on|using|in terms of|it by|them by|via)|"
    r"compar(?:e|ing)(?=\s+(?:the\s+)?(?:s?fid|is\b|kid|inception|precision|recall|gflops|(?:training\s+)?loss|throughput))|"
    r"in terms of|look(?:ing)?\s+at|watch(?:ing)?|metrics?:?|the metrics? (?:is|are))\s+(?P<metrics>[^.;)]+)\)?",
    re.I,
)

_MEASURED = re.compile(
    r"^(?P<metrics>[^,;:]+(?:,\s+[^,;:]+)*?)\s+(?:is|are)\s+(?:then\s+|also\s+)?(?:measured|reported|recorded|computed|tracked|"
    r"evaluated|logged)\b[^;:]*$",
    re.I,
)
"""``FID-50K is measured after every step``."""

_NAMED = re.compile(r"^(?:the\s+|our\s+)?metrics?\s+(?:is|are)\s+(?P<metrics>.+)$", re.I)
_HEADLINE = re.compile(
    r"^(?P<metrics>[^,;:]+?)\s+(?:is|are)\s+(?:the|our|my)\s+(?:\w+\s+)?metrics?"
    r"(?:\s+(?:throughout|everywhere|for all\b.*|in all\b.*))?$",
    re.I,
)
"""``FID-50K is the headline metric throughout``."""

_SAYS = re.compile(
    r"[,;]?\s*\b(?:and\s+)?(?:(?:see|check|look at|find out|watch|show me|tell me)\s+what\s+(?:the\s+)?"
    r"(?P<metrics>[\w -]{2,30}?)\s+(?:says?|does|do|tells?(?:\s+(?:us|me))?|shows?|thinks?|has to say)\b"
    r"|(?:tell|give|show|send)\s+(?:me|us)\s+(?:the\s+)?(?P<told>[^.;:]+)"
    r"|(?P<will>[\w -]{2,30}?(?:\s+and\s+[\w -]{2,30}?)?)\s+will\s+(?:tell|do|show|suffice))[^.;]*$",
    re.I,
)
"""``and see what FID-50K says``, ``FID will do``, ``tell me the FID``."""

_ENOUGH = re.compile(
    r"^(?P<metrics>[^;:.]+?)\s+(?:(?:is|are)\s+(?:all\s+(?:that\s+)?(?:i|we)\s+need|enough|sufficient|fine|plenty"
    r"|what\s+(?:matters|counts))|(?:is|are|suffices?|will do)(?=\s+here\b|$)|please|again|once more)"
    r"(?:\s+(?:here|for this(?: one)?|in this case|this time|again))*$",
    re.I,
)
"""``FID-50K and sFID are enough here``."""

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

_REASON = re.compile(
    r",\s*(?:since|because|as|so that|which|where)\b.*$|,?\s+and no (?:re)?training\b.*$"
    r"|,?\s*(?:in order )?to\s+(?:see|check|test|find|understand|"
    r"learn|quantify|verify|assess|determine|isolate|show)\b.*$",
    re.I,
)
"""Why something is measured."""

_AND_METRIC = re.compile(
    r"\s+(?:and|together with|along with|alongside|next to|besides?|as well as|plus|in addition to)\s+", re.I
)

_OF_ALL = re.compile(
    r"\s+(?:of|for)\s+(?:each|every|all|the|both)\s+(?:\w+\s+)?(?:models?|arms?|variants?|runs?)$"
    r"|\s+(?:at|after)\s+[\d.,]+\s*[kKmM]?\s+(?:training\s+)?(?:iterations|steps|images|epochs)$",
    re.I,
)
"""``the Gflops of each model``: every metric is of every arm."""


def only_metrics(sentence: str) -> list[str]:
    """The metrics of a sentence that says nothing else."""
    if (measured := METRICS.fullmatch(sentence.removeprefix("and ").strip())) is not None:
        return metrics_in(measured["metrics"])
    if (named := _NAMED.match(sentence)) is not None and all(map(is_metric, metrics_in(named["metrics"]))):
        return metrics_in(named["metrics"])
    measured = _MEASURED.match(sentence) or _HEADLINE.match(sentence) or _ENOUGH.match(sentence)
    if measured is None and (told := says(sentence)) is not None and not told[0].strip(" ,;."):
        return told[1]
    metrics = metrics_in(measured["metrics"] if measured is not None else sentence)
    return metrics if all(map(is_metric, metrics)) else []


def says(said: str) -> tuple[str, list[str]] | None:
    """What stands before ``see what FID says``, and the metrics; None where nothing of the kind stands there."""
    found = _SAYS.search(said)
    metrics = metrics_in(found["metrics"] or found["told"] or found["will"] or "") if found is not None else []
    return (said[: found.start()], metrics) if found is not None and metrics and all(map(is_metric, metrics)) else None


def without_metrics(said: str) -> tuple[str, list[str]]:
    """Takes what is measured off a sentence, and returns both."""
    if (told := says(said)) is not None:
        return told
    if (found := _FOR_EACH.search(said)) is not None and is_metric(clean(found["metrics"])):
        return f"{said[: found.start()]} try {found['values']}", [clean(found["metrics"])]
    if (measured := _MEASURED.match(said) or _HEADLINE.match(said)) is not None and all(
        map(is_metric, metrics_in(measured["metrics"]))
    ):
        return "", metrics_in(measured["metrics"])
    at = 0
    while (measured := METRICS.search(said, at)) is not None:
        if any(map(is_metric, metrics_in(measured["metrics"]))):
            return f"{said[: measured.start()]} {said[measured.end() :]}", metrics_in(measured["metrics"])
        at = measured.start("metrics")  # "the evaluation with other seeds (metrics: FID)"
    return last_metrics(said)


def last_metrics(text: str) -> tuple[str, list[str]]:
    """Takes metrics off the end of a sentence: ``...; FID-50K and IS`` or ``..., again with FID-50K``."""
    found = re.fullmatch(
        r"(.+)(?:[,;:–—→⇒]|->|=>)\s*(?:(?:again|also|always|and|then)\s+)*(?:with\s+|by\s+|on\s+)?(.+?)", text
    )
    if found is None:
        return text, []
    pieces = metrics_in(found[2])
    if not pieces or not any(map(is_metric, pieces)):
        return text, []
    before, others = last_metrics(found[1].strip(" ,;–—→⇒"))
    return before, [*others, *pieces]


def metrics_in(text: str) -> list[str]:
    """Returns the pieces of a list of metrics, without what only joins them."""
    pieces = [re.sub(r"^(?:(?:the|both|its|using|with|by)\s+)+|\s+(?:too|as well)$", "", clean(item), flags=re.I)
              for piece in split_items(_EQUAL.sub("", _REASON.sub("", text)))
              for item in _AND_METRIC.split(_OF_ALL.sub("", piece))]  # fmt: skip
    return [piece for piece in pieces if piece]
