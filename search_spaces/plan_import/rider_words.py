"""The words that tell what is written beside a value from what changes the experiment."""

from __future__ import annotations

import re

SPLIT = re.compile(
    r"\s*(?:[;:()\[\]]|(?<!\d),|,(?!\d{3}(?!\d))|\s[–—-]\s|[–—])\s*"
    r"|\s+(?=(?:but|while|whereas|and|plus|with|without|whose|that|which|where|using)\b)",
    re.I,
)
OLD = re.compile(
    r"[,(]?\s*\b(?:instead of|rather than|in place of|in lieu of|as opposed to|replacing|unlike|compared (?:to|with))\b"
    r"[^,;()]*\)?",
    re.I,
)
SAME = re.compile(
    r"\b(?:at|with|for|under|of)\s+(?:an?\s+|the\s+)?(?:same|identical|unchanged|fixed)\s+"
    r"(?P<what>(?:[\w-]+\s+){0,2}[\w-]+)\W*$",
    re.I,
)
"""What a clause says to stay as it is: ``at the same hidden size``."""
COSTS = re.compile(r"flops?\b|\bparam|\bcosts?\b|\bcompute\b|\bbudget|\bmodel size|\bmemory\b|\bspeed|\btime\b", re.I)
"""What stays the same only if something else changes."""
_PARTS = r"(?:layers?|blocks?|heads?|steps?|timesteps?|epochs?|iterations?|updates?|stages?|phases?)"
_INPUTS = (
    r"(?:timesteps?|time|noise levels?|(?:class\s+)?labels?|class(?:es)?|attention|mlps?|ffns?|queries|keys|query|key"
    r"|biases|layers?|blocks?)"
)
_RUNS = r"(?:training|sampling|inference|evaluation|test|generation)(?:[\s-]+time)?"
RESTRICTS = re.compile(
    rf"\b(?:only|solely|just)\s+(?!(?:at|in|during|for|affects?)\s+{_RUNS}\W*$)(?:(?:is|are|being)\s+)?"
    r"(?:receiv|see(?:s|ing)\b|get(?:s|ting)\b|tak(?:es|ing)\b|appl(?:ied|ying)\b|used\b|trained\b|enabled\b|active\b"
    r"|inserted\b|placed\b|in\b|on\b|at\b|for\b|after\b|before\b|during\b|until\b|from\b|once\b|within\b|inside\b"
    r"|every\b|the (?:first|last|middle)\b)"
    rf"|\b(?:in|on|for|to|at)\s+(?:the\s+)?(?!{_RUNS}\b|(?:original|raw|plain|un\w+ed)\b)\w+(?:\s+\w+)?\s+only\b"
    r"|\b(?:only|just|solely)\s+(?:the\s+)?(?:timesteps?|noise levels?|(?:class\s+)?labels?|class(?:es)?|queries"
    r"|keys)\b"
    r"|\bno\s+(?:\w+\s+){0,2}(?:on|for)\s+(?:the\s+)?(?:embeddings?|biases|norms?|gates?|attention|mlps?)\b"
    rf"|\b{_INPUTS}(?:\s+(?:embeddings?|tokens?|weights|labels?))?\s+(?:only|alone)\b"
    rf"|\b(?:first|last|early|earliest|late|latest|middle|initial|final|top|bottom|deep(?:er|est)|shallow(?:er|est)"
    r"|outer|inner|remaining)\s+"
    r"(?:\w+\s+){0,2}(?:(?:layers|blocks|steps|timesteps|epochs|iterations|updates|heads)\b"
    r"|(?:half|third|quarter|stage|phase|part)\s+of\b|\d[\d.,]*\s*%)"
    r"|(?<!\bthat )(?<!\bwhich )\b(?:every|each)\s+(?:other|second|third|fourth|\d+(?:th|nd|rd))\s+(?:\w+\s+)?"
    rf"{_PARTS}\b"
    r"|\b(?:in|(?<!top )of|for|to|on)\s+(?:only\s+)?the\s+(?:very\s+)?(?:first|last|final|middle)\s+"
    r"(?:transformer\s+|dit\s+)?block\b"
    rf"|\balternat(?:e|ing|ely)\b|\b(?:odd|even)(?:-numbered)?\s+{_PARTS}\b"
    r"|\b(?:in|on|for|to|at|into|during|over)\s+(?:only\s+)?(?:half|some|a few|most|part|a third|a quarter|one"
    r"|\d[\d.]*\s*%?)\s+of\s+(?:the\s+)?"
    rf"(?:transformer\s+|dit\s+)?{_PARTS}\b"
    r"|\b(?:after|before|until|following)\s+(?:(?:an?|the|its|some|\d[\d,.]*\s*[km]?)\s+)?"
    r"(?:lr\s+|learning[- ]rate\s+)?(?:initial\s+)?warm-?\s?up\b"
    r"|\b(?:after|before|until|for|from)\s+(?:the\s+)?(?:first\s+|last\s+|initial\s+|final\s+)?"
    r"(?:half|\d[\d,.]*\s*%)\s+of\s+(?:the\s+)?(?:training|sampling|run|steps)\b"
    r"|\b(?:after|until)\s+\d[\d,.]*\s*[km]?\s+(?:training\s+)?(?:steps|iterations|images|epochs|updates)\b"
    r"|\bin the middle of (?:training|sampling)\b|\bnot (?:on|in|for|to)\s+(?:the\s+)?\w+",
    re.I,
)
"""What holds in a part of the model, of its inputs, or of the time only."""

_LONGER = r"(?:(?:twice|half|double|triple|(?:two|three|four|five|ten|\d[\d.]*)\s*(?:x|×|times)))"
TRAINS = re.compile(
    r"\b(?P<word>frozen|freez(?:e|es|ing)|froze|fine-?\s?tun\w+|pre-?train\w+|anneal\w+|decay(?:ed|ing))\b"
    r"|\btrained\s+(?:separately|jointly|longer|only\b|twice|half|until|in (?:two|three|several) (?:stages|phases)"
    r"|for\s+(?:twice|half|longer|only|\d))"
    r"|\binitiali[sz]ed\s+(?:to|at|from|with|as)\s+(?:all\s+|the\s+)?(?:zeros?|ones?|sin\w*|identity)\b"
    r"|\b(?:at|on)\s+(?:imagenet[\s-]*)?(?!256|32\b)(?P<side>\d{2,4})\s*[x×]\s*(?P=side)\b"
    rf"|\b{_LONGER}\s+(?:as\s+(?:long|many\s+(?:training\s+)?(?:steps|iterations|epochs|updates|images))"
    r"|the\s+(?:training|steps|iterations|epochs|number of (?:training\s+)?(?:steps|iterations)))\b"
    r"|\b(?:with|for|and|plus)\s+(?:longer|shorter|extended|extra)\s+training\b"
    r"|\b(?:different|another|new|second|separate|its own)\s+(?:random\s+)?seeds?\b|\bseed\s*[=:]?\s*\d",
    re.I,
)
"""What trains an arm in another way than all others."""

ANOTHER_FORM = re.compile(
    r"\b(?:overlap(?:s|ping|ped)?|grouped[\s-]quer(?:y|ies)|multi[\s-]quer(?:y|ies)|(?:warm\s+)?restarts?|cyclic(?:al)?"
    r"|concatenat(?:ed|ing|ion)|exclud(?:ed|ing)|exempt(?:ed)?|float64|fp64|double precision|quanti[sz]ed|factori[sz]ed"
    r"|low[\s-]rank|dilated|causal|windowed|shared with|stochastic|dynamic|learned jointly|as well|too)\b",
    re.I,
)
"""What makes another thing of a value than its name says: ``4 (overlapping)``, ``cosine with restarts``."""

_PLACE = (
    r"(?:residual(?:\s+(?:additions?|connections?|streams?|branch(?:es)?|sums?))?|skip connections?|additions?"
    r"|(?:self[- ])?attention(?:\s+(?:layers?|blocks?|outputs?))?|mlps?|ffns?|feed-?\s?forward(?:\s+\w+)?"
    r"|(?:(?:sub-?|whole\s+|entire\s+)?(?:layers?|blocks?))|norm(?:ali[sz]ation)?s?|activations?|softmax|gates?|outputs?)"
)
PLACED = re.compile(
    r"\b(?:appl(?:ied|ying)|plac(?:ed|ing)|insert(?:ed|ing)|put|mov(?:ed|ing)|used|add(?:ed|ing)|locat(?:ed|ing)"
    r"|position(?:ed|ing)|sits?|sitting|com(?:es|ing))\s+(?:\w+ly\s+|right\s+|just\s+|both\s+)?"
    r"(?:after|before|behind|in front of|ahead of|outside(?: of)?|around|between|following)\s+"
    rf"(?:\w+\s+){{0,2}}?{_PLACE}\b"
    r"|\b(?:after|behind|outside(?: of)?)\s+(?:the\s+|each\s+|every\s+)?(?:softmax|residual|skip connection)"
    r"|\b(?:post|sandwich|peri|double)[\s-]?(?:norm(?:ali[sz]ation|ed)?|ln|layer-?norm)\b",
    re.I,
)
"""Where in a block something is put, so that it is another change than what is put there: ``applied after the MLP``."""

CHANGED = re.compile(
    r"\b(?:re)?(?:scal(?:ed|ing(?! (?:param|factor|term)))|reduc(?:ed|ing)|lower(?:ed|ing)?"
    r"|higher|increas(?:ed|ing)|rais(?:ed|ing)|doubl(?:ed|ing)"
    r"|halv(?:ed|ing)|chang(?:ed|ing)|enlarg(?:ed|ing)|larger|smaller|bigger|fewer|longer|shorter|wider|narrower|deeper"
    r"|shallower|stronger|weaker|half|twice|double|triple|third|quarter|tenth|remov(?:ed|ing)|dropp(?:ed|ing)"
    r"|disabl(?:ed|ing)|enabl(?:ed|ing)|turn(?:ed|ing) (?:off|on)|switch(?:ed|ing)|add(?:ed|ing)|replac(?:ed|ing)"
    r"|swapp(?:ed|ing)|anneal(?:ed|ing)|decay(?:ed|ing)|re-?tun(?:ed|ing)|tuned|adjust(?:ed|ing)|adapt(?:ed|ing)"
    r"|different|another|separate|own|additional|extra|increase|decrease|reduce|halve|lowering|off|multipl(?:ied|ying)"
    r"|divid(?:ed|ing))\b",
    re.I,
)
"""What says in a clause that something is not as it was; what only follows (``halves the tokens``) is no such word."""

ADDS = re.compile(r"^\W*(?:and\s+|but\s+)?(?:with|plus|adding|using|including|on top of)\b|\bon\W*$", re.I)
LACKS = re.compile(r"\b(?:without|no|w/o)\b", re.I)
TRAINED_ON = re.compile(r"\b(?:trained|sampled|evaluated|tested)\s+(?:on|at|with|from|for|using)\b", re.I)
USUAL_DATA = re.compile(r"\bimagenet(?:[\s-]*(?:1k|256)(?:\s*[x×]\s*256)?)?", re.I)

WHY = re.compile(
    r"^\W*(?:and\s+|but\s+)?(?:because|since|as (?:in|used|proposed|done)\b|to\s+(?:see|test|check|find|learn|isolate"
    r"|measure|know|probe|ask|quantify)\b|so\b|tests?\b|isolat|hypothes|expect|recall\b|similar\b|like\b|whether\b|if\b"
    r"|(?:which|that|this|it)\s+(?!(?:is|are|was|were|has|have)\b|uses?\b)\w+s\b)"
    r"|\b(?:may|might|could|would|typically|usually|often|tends?|expected|likely|should(?! be\b)|probably|"
    r"hypothesi[sz]ed?|if|whether|known to|reported|needs?|requires?)\b",
    re.I,
)
"""A clause that gives a reason, an expectation or what follows; what it names is not changed by it."""

LIKE = re.compile(r"^\W*(?:as (?:in|for|with|is)|like|similar to)\b", re.I)

REFERS = re.compile(
    r"\b(?:table|figure|fig\.?|section|sec\.?|eq\.?|equation|appendix|app\.?|chapter|page|arxiv)\s*[:(]?[A-Z]?\d[\d.]*\)?"
    r"|\b(?:19|20)\d\d\b|\bs?FID(?:-\d+k)?\b\W*(?:of\s+|=\s*|:\s*)?[\d.]+|\bIS\s+(?:of\s+)?\d[\d.]*"
    r"|\b\d[\d.,]*\s*(?:g?flops?|gmacs?|[KMB]?\s*param\w*)\b",
    re.I,
)

ONLY_IN = re.compile(
    r"\b(?:only|solely|just)\s+(?:at|in|during|for)\s+(?:(?P<training>training)|sampling|inference|evaluation|test"
    r"|generation)(?:[\s-]+time)?\W*$",
    re.I,
)
"""Said of a value of training or of sampling, which it is true of, or of one of the other."""
