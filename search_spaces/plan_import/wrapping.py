"""What stands around a value and says nothing of it: ``train models with p = 4``, ``cosine (instead of linear)``."""

from __future__ import annotations

import re

from search_spaces.axes import Axis, all_axes
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.stems import NEGATIONS, stems
from search_spaces.plan_import.there import STEPS, is_published_of, published_of
from search_spaces.plan_import.written import clean, split_items
from search_spaces.words import find

BESIDE = re.compile(
    r"\s*[(\[](?:as in|like in|as used (?:in|by)|used (?:in|by)|following|à la|cf\.?|see|from)\s+[A-Z]"
    r"[^()\[\],;]*(?:,\s*\d{4})?[)\]]\s*$"
    r"|,?\s+(?:as in|as used (?:in|by)|à la)\s+[A-Z][\w.-]*(?:\s+[A-Z\d][\w.-]*)*\s*$"
    r"|,?\s*(?:so|thus|hence|i\.e\.,?|giving|yielding)\s+(?:that\s+)?"
    r"(?:[TN]\s*=\s*\d+|\d+\s+(?:image\s+|patch\s+)?tokens?)\s*$"
    r"|\s*[(\[](?:(?:the )?(?:baseline|default|original|paper)\w*\s*[;:,]\s*)?"
    r"(?:[TN]\s*=\s*)?\d+\s+(?:image\s+|patch\s+)?tokens?[)\]]\s*$"
)
"""Where a value comes from, and how many tokens follow from it: neither changes the value."""

TORCH = re.compile(r"^\s*(?:torch\.)?(?:nn\.(?:functional\.)?|F\.|optim\.)(?=\w)")
"""Where PyTorch keeps what is named behind it: ``nn.ReLU``."""

_DONE = re.compile(
    r"^\W*(?:we\s+|to\s+)?(?:then\s+|also\s+)?(?:re-?train|train|use|try|test|evaluate|run|set|adopt|employ|apply|consider|"
    r"compare|sample|build|take|pick|choose|vary)\s+(?:(?:the|all|several|separate|different|additional|new|our|it)\s+)*"
    r"(?:(?:two|three|four|five)\s+(?=models?\b|networks?\b|transformers?\b|variants?\b|versions?\b))?"
    r"(?:(?:models?|networks?|transformers?|DiTs?|variants?|versions?|samples?|images?|values?)\s+)?"
    r"(?:(?:with|using|at|for|of|to|on)\s+)?",
    re.I,
)
"""What is done with the numbers that follow."""

_REPLACED = re.compile(
    r"\s*[(\[]\s*(?:instead of|rather than|in place of|as opposed to|replacing|in lieu of|in contrast to)\s+"
    r"(?P<old>[^()\[\]]*)[)\]]",
    re.I,
)
"""What a value takes the place of, in brackets; it is not what is tried."""

_FIRST = re.compile(r"^\W*(?:instead of|rather than|in place of)\s+(?P<old>[^,;]+)[,;]\s*(?=\S)", re.I)

_COMPARED = re.compile(
    r"^\W*(?:(?:as|to be|each|both|all)\s+)*(?:compared|in comparison|relative|as opposed|contrasted|next|alongside|"
    r"against|versus|vs\.?)(?:\s+(?:to|with|against))?\s+"
    r"(?=(?:the|our|its)?\s*(?:paper'?s?\s+|usual\s+|full\s+)*(?:defaults?|baseline|reference|original|published|full(?=[\s-])|"
    r"unmodified|unchanged|standard|stock|current|existing|DiT-(?:S|B|L|XL)\b))",
    re.I,
)
"""What leads to the value that is there already: ``compared with the default p = 2``, ``against the full DiT-XL``."""

_UNCHANGED = re.compile(
    r"^\W*(?:(?:the|our|its)\s+)?(?:full|unmodified|unchanged|stock|existing)(?:[\s-]sized?)?\s+", re.I
)


def _of_the_paper(text: str) -> str:
    """``the full DiT-XL`` as ``DiT-XL``, ``the full model`` as ``the original model``: what is compared with."""
    found = _UNCHANGED.match(text)
    if found is None:
        return text
    bare = text[found.end() :]
    return f"the original {bare}" if _MODEL.match(bare) else bare


_MODEL = re.compile(
    r"^(?:models?|networks?|transformers?|DiTs?|baselines?|configurations?|settings?|one|versions?)\W*$", re.I
)


_LED = re.compile(r"^\W*(?P<old>\d[\d\s×x*/,.]*\d)\s*(?:→|->|⟶|➔|=>|⇒)\s*(?P<new>[^\d→⟶➔⇒]+)$")
"""Numbers of what is there, and what words put in their place: ``28 × 1152 → deeper and thinner``."""

_STILL = re.compile(r"\s*[(\[]\s*(?:still|again|as before:?)\s+(?P<same>[^()\[\]]*\d[^()\[\]]*)[)\]]\s*$", re.I)
"""What a value leaves as it is, in brackets: ``cosine (still 1000 steps)``."""


def _is_still(same: str, axis: Axis) -> bool:
    """Whether a number is one that the paper has, of something else than an axis."""
    numbers = numbers_in(same)
    if names_axis(same, axis) or len(numbers) != 1:
        return False
    steps = re.fullmatch(r"\W*[\d,]+\s+(?:diffusion\s+|noise\s+|training\s+)?(?:time)?steps\W*", same)
    return is_published_of(same, numbers[0]) or (steps is not None and numbers[0] in STEPS)


_TOKENS = re.compile(
    r"\s*[(\[](?:T\s*=\s*\d+(?:\s*(?:[/,]|→|->|and|or)\s*\d+)*(?:\s+(?:image\s+|patch\s+)?tokens?)?"
    r"|\d+(?:\s*(?:[/,]|→|->|and|or)\s*\d+)*\s+(?:image\s+|patch\s+)?tokens?)[)\]]\s*$"
)
"""How many tokens follow from a patch size."""

_SENTENCE = re.compile(r"(?<=[\w)\]%²⁰-⁹])[.!]\s+(?=[A-Z])")

_COST = re.compile(
    r"^\W*(?:(?:about|around|roughly|approximately|approx\.?|only|at|an?|costs?|costing|adds?|adding)\s+)*[≈~+\-−±×x]*\s*"
    r"[\d.,]+\s*(?:%|[×x]|[KMGB]\b)?\s*"
    r"(?:(?:more|fewer|less|extra|additional|the)\s+(?!tokens?\b)|(?:more|extra|additional)\s+)?(?:of the\s+)?"
    r"(?:forward\s+|training\s+|model\s+|image\s+|sequence\s+)?"
    r"(?:g?flops?|macs?|tokens?|param(?:eter)?s?(?:\s+count)?|compute|memory|cost|overhead)"
    r"(?:\s+(?:overhead|cost|increase|count|budget))?\W*$",
    re.I,
)
"""What a value costs: ``+2 tokens``, ``≈ +15% Gflops``."""


def replaced_in(text: str) -> list[str]:
    """Returns what a text says that its value takes the place of, or is compared with."""
    olds = [found["old"] for found in (*_REPLACED.finditer(text), *_FIRST.finditer(text))]
    olds += [_of_the_paper(text[found.end() :]) for found in _COMPARED.finditer(text)]
    return [piece for old in olds for piece in split_items(old)]


def unwrapped(text: str, axis: Axis) -> str:
    """Returns a text without what stands around its value; the text itself where nothing does.

    Args:
        text: an item of what is tried.
        axis: the axis whose values are read.
    """
    bare = _FIRST.sub("", _REPLACED.sub("", text))
    if (compared := _COMPARED.match(bare)) is not None:
        bare = _of_the_paper(bare[compared.end() :])
    if isinstance(axis, ChoiceAxis) and (led := _LED.match(bare)) is not None:
        bare = led["new"] if {*numbers_in(led["old"])} <= published_of(axis.fields) else bare
    if (still := _STILL.search(bare)) is not None and _is_still(still["same"], axis):
        bare = bare[: still.start()]
    if axis.anyway[1]:
        bare = _without_what_is_so(bare, axis)
    if "token" in axis.means_too:
        bare = _TOKENS.sub("", bare)
    bare = _without_cost(bare)
    if isinstance(axis, NumberAxis) and (done := _DONE.match(bare)) is not None:
        rest = bare[done.end() :]
        if numbers_in(rest) and not NEGATIONS & set(stems(bare)):
            bare = rest
    bare = bare.strip()
    return bare if bare and bare != text.strip() else text


def without_what_holds(text: str) -> str:
    """Returns a text without a remark that is true of every value of the axis that it names."""
    for axis in all_axes():
        bare = _without_what_is_so(text, axis) if axis.anyway[1] and not axis.anyway[0] else text
        if bare != text and names_axis(bare, axis):
            return bare
    return text


def names_axis(text: str, axis: Axis) -> bool:
    """Whether a name of an axis stands in a text."""
    return any(find(stems(text), stems(name)) is not None for name in axis.names)


def _without_what_is_so(text: str, axis: Axis) -> str:
    """A text without a remark that is true of its value in any case."""
    value, so = axis.anyway
    bare = re.sub(rf"\s*[(\[]\s*(?:{so})\s*[)\]]$|[,;]\s*(?:{so})$|\s+(?:with\s+)?(?:{so})$", "", text, flags=re.I)
    if not value:
        return bare
    names = (value, *(axis.value_aliases.get(value, ()) if isinstance(axis, ChoiceAxis) else axis.absent))
    said = stems(bare)
    return bare if bare != text and any(find(said, stems(name)) is not None for name in names) else text


_LAST_BRACKET = re.compile(r"^(?P<head>.+?)\s*[(\[](?P<inside>[^()\[\]]+)[)\]]\s*$")


def _without_cost(text: str) -> str:
    """A text without what its last bracket says of the cost."""
    found = _LAST_BRACKET.match(text)
    if found is None:
        return text
    pieces = split_items(found["inside"])
    left = [piece for piece in pieces if not is_cost(piece)]
    if len(left) == len(pieces):
        return text
    return f"{found['head']} ({', '.join(left)})" if left else found["head"]


def sentences_of(text: str) -> list[str]:
    """Returns the sentences of an item, of which the first may be a value and the others say what it does."""
    return [piece for piece in map(clean, _SENTENCE.split(text)) if piece]


def is_cost(text: str) -> bool:
    """Whether a text only says what a value costs: it follows from the value and changes nothing."""
    return _COST.match(text) is not None
