"""Which axis an entry is about, from everything that it says.

Every axis, and every topic that is outside of all axes, has terms: its names and the names of its values count whole,
its vocabulary half. A term that an entry holds is evidence, the more the fewer candidates share its words (inverse
document frequency over the candidates' terms; Spärck Jones, "A statistical interpretation of term specificity", 1972)
and the more prominent the place where it stands. A term inside of a longer one says nothing: ``learning rate`` within
``learning rate warm-up``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from search_spaces.axes import AXES, Axis, all_axes
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.plan_import.stems import NEGATIONS, STOP_STEMS, stems
from search_spaces.plan_import.topics import TOPICS, Topic
from search_spaces.words import Words

_GREEK = {"ε": "epsilon", "ϵ": "epsilon", "Σ": "sigma", "σ": "sigma", "β": "beta", "α": "alpha", "γ": "gamma",
          "η": "eta", "λ": "lambda", "μ": "mu", "θ": "theta", "₀": "0", "₁": "1", "₂": "2", "∅": "null"}  # fmt: skip

NAME, VALUE, VOCABULARY, PART_OF_NAME = 1.0, 0.7, 0.5, 0.2
"""What a term of each kind counts, and what a word of a name counts alone."""

SPEAKS = 1.2
"""Evidence from which a text of a few words speaks of an axis."""

_COMMON = frozenset(stems(
    "x image data sample small base large open no none without standard constant uniform fixed random zero one "
    "ones learned predicted upsampling deep wide closed single low"
))  # fmt: skip
"""Words that name a value where a value is asked for, and tell little elsewhere."""

_BRACKETS = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_ANYWHERE = frozenset(("the", "a", "an", "our", "its", "dit"))

_SAME = {"inside": "in", "within": "in", "into": "in"}
_ASIDE, _TAIL = 0.25, 0.6
"""What text in brackets, and behind the head of a phrase, counts, beside the rest of it."""

_BEHIND = re.compile(
    r"\s(?:of|in|inside|within|for|during|on|to|from|at|across|before|after|by|that|which|via|under|when)\s", re.I
)


_USED_FOR = re.compile(
    r"(?<=\w)\s+(?:(?:that|which)\s+(?:is|are)\s+)?(?:used|needed|required|meant|there)\s+(?:to|for|by)\s+(?=\w)", re.I
)
"""What a part is good for: ``label dropout used to train the unconditional model``."""
_PREFACE = re.compile(
    r"^\W*(?:the\s+)?(?:effect|impact|role|influence|importance|contribution|necessity|benefit|effectiveness|choice|"
    r"sensitivity|ablation|study|removal|comparison|sweep|variation|value|need|usefulness)s?\s+"
    r"(?:of|on|to|for|over)\s+",
    re.I,
)
"""What only introduces the head of a phrase: ``impact of the patch size`` is about the patch size."""

_GREEK_PAIR = re.compile(r"(?<=[\u0391-\u03c9\u03f5])(?=[\u0391-\u03c9\u03f5\u2090-\u209c])|(?<=\w)(?=[\u2090-\u209c])")
"""Where one letter of ``Σθ`` ends, and where an index begins."""

_SQUARED = re.compile(r"(?:(?<=[\u0391-\u03c9])²|(?<=[σΣ])2)(?=[_\u2090-\u209c]|\W|$)")
"""The exponent of ``σ²``; what stands behind another letter counts it: ``β2``."""

_LIKE = re.compile(r"(?<=\w)-(?:like|type|inspired|esque)\b", re.I)


@lru_cache(maxsize=2**13)
def spelled(text: str) -> str:
    """Returns text with Greek letters spelled out, indices as digits and ``-like`` as ``-style``."""
    text = _LIKE.sub("-style", text)
    text = _GREEK_PAIR.sub(" ", _SQUARED.sub("", text))
    for letter, name in _GREEK.items():
        text = re.sub(f"{letter}(?=[a-zA-Z0-9])", f"{name} ", text).replace(letter, name)
    return text


@dataclass(frozen=True)
class Term:
    """A term of a candidate.

    Attributes:
        stems: its words.
        counts: what it counts: as a name, a value or vocabulary.
        text: as it is written beside the axis, for people.
    """

    stems: Words
    counts: float
    text: str = ""


@dataclass(frozen=True, eq=False)
class Candidate:
    """What an entry may be about: an axis, or a topic outside of all axes.

    Attributes:
        name: the axis's or the topic's name.
        axis: the axis; None for a topic.
        topic: the topic; None for an axis.
        terms: what names it and what is said about it.
        unlike: what only sounds like it.
        owners: words of a topic that own the nouns beside them.
    """

    name: str
    axis: Axis | None
    topic: Topic | None
    terms: tuple[Term, ...]
    unlike: tuple[Words, ...] = ()
    owners: tuple[Words, ...] = ()

    @cached_property
    def name_words(self) -> frozenset[str]:
        """Every stem of its names."""
        return frozenset(word for term in self.terms if term.counts == NAME for word in term.stems)

    @cached_property
    def known(self) -> frozenset[str]:
        """Every stem of its terms."""
        return frozenset(word for term in self.terms for word in term.stems)


@dataclass
class Score:
    """What speaks for one candidate.

    Attributes:
        candidate: which.
        text: evidence from words.
        values: evidence from values that it can read.
        named: whether a name of it, not only its vocabulary, stands in the part or the title.
        words: what the evidence is, for people: (where, term, weight).
    """

    candidate: Candidate
    text: float = 0.0
    values: float = 0.0
    named: bool = False
    words: list[tuple[str, str, float]] = field(default_factory=list)

    @property
    def placed(self) -> float:
        """Evidence from the part and the title alone."""
        return sum(weight for where, _, weight in self.words if where in ("Ablated Part", "Title"))

    @property
    def total(self) -> float:
        """All of it."""
        return self.text + self.values

    def said(self, most: int = 4) -> str:
        """The strongest evidence in words."""
        best: dict[str, tuple[str, float]] = {}
        for where, term, weight in self.words:
            if weight > best.get(term, ("", 0.0))[1]:
                best[term] = (where, weight)
        ranked = sorted(best.items(), key=lambda item: -item[1][1])[:most]
        return ", ".join(f"{term!r} in its {where.lower()} ({weight:.1f})" for term, (where, weight) in ranked)


@lru_cache(maxsize=1)
def _candidates_of(names: tuple[str, ...]) -> tuple[Candidate, ...]:
    found = [_of_axis(AXES.get(name)) for name in names]
    return (*found, *map(_of_topic, TOPICS))


def candidates() -> tuple[Candidate, ...]:
    """Returns every axis and every topic with its terms."""
    return _candidates_of(tuple(axis.name for axis in all_axes()))


def _of_axis(axis: Axis) -> Candidate:
    terms = _terms(axis.names, NAME)
    if isinstance(axis, ChoiceAxis):
        for value in axis.legal():
            spelt = _terms((value, *axis.value_aliases.get(value, ())), VALUE)
            terms += [
                term if set(term.stems) - _COMMON else Term(term.stems, PART_OF_NAME, term.text) for term in spelt
            ]
    names = {term.stems for term in terms if term.counts == NAME}
    for term in _terms(axis.vocabulary, VOCABULARY):
        held = any(name != term.stems and _places(term.stems, name) for name in names)
        terms.append(Term(term.stems, NAME, term.text) if held else term)  # a longer way to write the name
    return Candidate(axis.name, axis, None, _distinct(terms), tuple(_said(text) for text in axis.unlike))


def _of_topic(topic: Topic) -> Candidate:
    terms = _terms(topic.terms, NAME) + _terms(topic.vocabulary, VOCABULARY)
    return Candidate(topic.name, None, topic, _distinct(terms), owners=tuple(map(_said, topic.owners)))


def _terms(texts: Iterable[str], counts: float) -> list[Term]:
    found = [Term(_said(text), counts, text) for text in texts]
    return [term for term in found if any(word not in STOP_STEMS and len(word) > 1 for word in term.stems)]


def _distinct(terms: list[Term]) -> tuple[Term, ...]:
    best: dict[Words, Term] = {}
    for term in terms:
        if term.stems not in best or best[term.stems].counts < term.counts:
            best[term.stems] = term
    return tuple(sorted(best.values(), key=lambda term: -len(term.stems)))


@lru_cache(maxsize=1)
def _frequencies(found: tuple[Candidate, ...]) -> Mapping[str, int]:
    """In how many candidates' terms a word occurs; axes that set the same fields count once."""
    seen = {candidate.axis.fields if candidate.axis else candidate.name: candidate for candidate in found}
    return Counter(word for candidate in seen.values() for word in candidate.known)


def rarity(word: str) -> float:
    """Returns how much a word tells: log(1 + candidates / those whose terms have it); 0 for words that say nothing."""
    found = candidates()
    if word in STOP_STEMS or word in NEGATIONS:
        return 0.0
    return math.log(1 + len(found) / max(1, _frequencies(found).get(word, 1)))


@dataclass(frozen=True)
class _Match:
    candidate: Candidate
    term: Term
    start: int
    end: int


def evidence(texts: Iterable[tuple[str, str, float]]) -> list[Score]:
    """Scores every candidate by the words of an entry; best first, and those without evidence left out.

    Args:
        texts: (where it stands, text, how much the place counts).
    """
    scores = {candidate.name: Score(candidate) for candidate in candidates()}
    for where, text, weight in texts:
        plain = spelled(text)
        for inside in _BRACKETS.findall(plain):
            _add(scores, where, _said(inside), weight * _ASIDE)
        said = _BRACKETS.sub(" , ", plain)
        if (used := _USED_FOR.search(said)) is not None and _names_one(said[: used.start()]):
            _add(scores, where, _said(said[used.start() :]), weight * _ASIDE)
            said = said[: used.start()]
        _add(scores, where, _said(said), weight, len(_said(said[: _head(said)])))
    return sorted((score for score in scores.values() if score.text > 0), key=lambda score: -score.text)


def _names_one(text: str) -> bool:
    """Whether a text names an axis in two words or more."""
    found = [match for match in _found(_said(text)) if match.end - match.start > 1]
    return any(match.candidate.axis is not None and match.term.counts == NAME for match in found)


def _said(text: str) -> Words:
    """The stems of a text without words that stand anywhere: ``the number of DiT blocks`` is ``number of blocks``."""
    said = stems(spelled(text))
    return tuple(_SAME.get(word, word) for word in said if word not in _ANYWHERE) or said


def _head(text: str) -> int:
    """Where the head of a phrase ends: ``linear warm-up`` of ``linear warm-up of the learning rate``."""
    preface = _PREFACE.match(text)
    found = _BEHIND.search(text, max(4, preface.end() if preface else 0))
    return found.start() if found else len(text)


_QUANTITY = re.compile(
    r"^\W*(?:the\s+)?(?:number|amount|count|share|fraction|percentage|size|width|length)\s+of\s+", re.I
)
"""What counts the head of a phrase: ``the number of heads in self-attention`` is about heads."""


def heads(text: str) -> frozenset[str]:
    """Returns the axes and topics of which a term of two words or more stands in the head of a phrase."""
    plain = _BRACKETS.sub(" , ", spelled(text))
    counted = _QUANTITY.match(plain)
    found = _BEHIND.search(plain, counted.end()) if counted is not None else None
    end = (found.start() if found is not None else len(plain)) if counted is not None else _head(plain)
    front = _said(plain[:end])
    return frozenset(match.candidate.name for match in _found(front) if match.end - match.start > 1)


def _add(scores: dict[str, Score], where: str, said: Words, weight: float, head: int = 10**6) -> None:
    """Adds the evidence of a text; words behind its head, which end at ``head``, count less."""
    for match in _found(said):
        placed = weight if match.start < head else weight * _TAIL
        told = match.term.counts * placed * sum(map(rarity, match.term.stems))
        if told <= 0:
            continue
        score = scores[match.candidate.name]
        score.text += told
        behind = match.candidate.topic is not None and placed < weight  # "in a training step" is no topic
        named = match.term.counts == NAME and where in ("Ablated Part", "Title") and weight >= 0.5
        score.named |= named and not behind
        score.words.append((where, match.term.text or " ".join(match.term.stems), told))


@lru_cache(maxsize=2**13)
def _found(said: Words) -> tuple[_Match, ...]:
    """The terms of all candidates in a text, without those that stand inside of a longer one."""
    return tuple(_undominated([match for candidate in candidates() for match in _matches(candidate, said)]))


def _matches(candidate: Candidate, said: Words) -> list[_Match]:
    """The candidate's terms in a text, longest first, each word counted once."""
    taken = [False] * len(said)
    held = set(said)
    for phrase in candidate.unlike:
        for start, end in _spans(said, phrase, held):
            taken[start:end] = [True] * (end - start)
    found = []
    for term in candidate.terms:
        for start, end in _spans(said, term.stems, held):
            if not any(taken[start:end]):
                taken[start:end] = [True] * (end - start)
                found.append(_Match(candidate, term, start, end))
    for at, word in enumerate(said):
        if not taken[at] and word in candidate.name_words and word not in STOP_STEMS and candidate.axis is not None:
            found.append(_Match(candidate, Term((word,), PART_OF_NAME), at, at + 1))
    return found


_LINKS = frozenset(
    stems("is are was were be being of the a an in on for its to each every all per over across that which")
)
"""Words that may stand between the words of a term: ``norm of the gradients`` is the ``gradient norm``."""


def _spans(said: Words, phrase: Words, held: set[str]) -> list[tuple[int, int]]:
    """Where a phrase stands in a text: as it is, or turned around a linking word."""
    core = [word for word in phrase if word not in _LINKS]
    if not held.issuperset(core):
        return []
    found = [(start, start + len(phrase)) for start in _places(said, phrase)]
    if found or len(core) < 2:
        return found
    places = [at for at, word in enumerate(said) if word not in _LINKS]
    for first in range(len(places) - len(core) + 1):
        at = places[first : first + len(core)]
        linked = at[-1] - at[0] >= len(core)
        words_there = [said[place] for place in at]
        if linked and (words_there == core or sorted(words_there) == sorted(core)):
            found.append((at[0], at[-1] + 1))
    return found


def _places(said: Words, phrase: Words) -> list[int]:
    width = len(phrase)
    return [start for start in range(len(said) - width + 1) if said[start : start + width] == phrase]


def _undominated(matches: list[_Match]) -> list[_Match]:
    """Leaves out what stands inside of a longer name."""
    names = [m for m in matches if m.end - m.start > (1 if m.term.counts >= VALUE else 2)]
    return [
        match
        for match in matches
        if not any(
            other.candidate is not match.candidate
            and other.start <= match.start
            and match.end <= other.end
            and other.end - other.start > match.end - match.start
            for other in names
        )
    ]


_LIKE = re.compile(
    r"\b[\w-]+(?:[ -](?:like|style|styled|inspired|type))\b"
    r"|\b(?:instead of|rather than|unlike|in place of|as in|like in)\b.*$",
    re.I,
)
"""What is only compared with: ``U-Net-like skips`` are not a U-Net's."""


def owner_of(text: str) -> Topic | None:
    """The topic outside of all axes that what a text names belongs to: ``learning rate of the discriminator``."""
    said = _said(_LIKE.sub(" ", _BRACKETS.sub(" ", spelled(text))))
    names = [m for c in candidates() if c.axis is not None for m in _matches(c, said) if m.term.counts >= VOCABULARY]
    for candidate in candidates():
        for phrase in candidate.owners:
            for start in _places(said, phrase):
                end = start + len(phrase)
                inside = any(m.start <= start and end <= m.end and m.end - m.start > len(phrase) for m in names)
                if not inside and len(said) > len(phrase):
                    return candidate.topic
    return None


_UNHEARD = 0.35
"""What a word that no candidate knows counts, beside one that another candidate knows."""

_IN_QUESTION = 0.1
"""The same in a question, or in a clause that only tells of what stands before it."""

SELECTS = frozenset(stems("first second third last half few some alternate odd even early late top bottom only"))
"""Words that pick some of several: ``every second block`` is not the block."""

GENERAL = frozenset(
    stems(
        "layer hidden token embedding embed input output sequence condition weight matrix parameter network multi "
        "head self block dense unit extra additional more further number count amount rate ratio size scale image "
        "patch feature vector per equal constant width depth step training train sampling sample inference time "
        "every inside outside start end early late linear nonlinear deep wide large small high low long short "
        "type kind function mechanism design strategy scheme structure pathway path way information level noise "
        "class label timestep latent channel pixel spatial dit transformer diffusion xl s b l model imagenet "
        "compute gflop flop latency quality performance sensitivity question necessity benefit removal addition "
        "replacement sweep comparison analysis experiment test probability strength degree magnitude length "
        "frequency position normalization activation initial final last first matched match adjusted adjust total "
        "budget cost two three four five six seven eight nine ten pair applied apply computed learned learnable "
        "trainable fixed frozen shared proportion portion percentage"
    )
)
"""Words of the field that describe without naming anything that could be varied on its own."""


_SYMBOL = re.compile(r"(?<=[a-z]\s)[A-Za-z](?=\s*$|\s+(?:of|in|for|per|used|that|which)\b)")
"""A symbol behind the name of what it stands for: ``the embedding width d of the transformer``."""

_WHOSE = re.compile(r"[,;]?\s+\b(?:whose|(?<=, )which|(?<=, )that)\b.*$", re.I)
"""A clause that tells of what stands before it: ``the norm whose scale and shift are regressed``."""


def unexplained(text: str, candidate: Candidate, quiet: frozenset[str] = frozenset()) -> tuple[float, float, list[str]]:
    """Returns how much of a text a candidate explains, how much it does not, and the words that nobody knows.

    Words in brackets, words that say nothing, general words of the field and those of ``quiet`` count as neither.
    """
    known = candidate.known
    unheard = _UNHEARD if not text.rstrip().endswith("?") else _IN_QUESTION
    text = re.sub(r"(\d)\s*[x×]\s*\1(?!\d)", r" \1 ", text)
    explained, missing, strange = 0.0, 0.0, []
    plain = _BRACKETS.sub(" ", spelled(text))
    at = clause.start() if (clause := _WHOSE.search(plain)) is not None else len(plain)
    front, told = {*stems(plain[: min(_head(plain), at)])}, {*stems(plain[at:])} - {*stems(plain[:at])}
    symbol = _SYMBOL.search(plain)
    if symbol is not None and stems(plain[: symbol.start()])[-1:] and stems(plain[: symbol.start()])[-1] in known:
        plain = plain[: symbol.start()] + plain[symbol.end() :]
    for word in dict.fromkeys(stems(plain)):
        if word in known:
            explained += rarity(word)
        elif not (word in STOP_STEMS or word in NEGATIONS or word in GENERAL or word in quiet or word.isdigit()):
            others = any(word in other.known for other in candidates())
            if len(word) == 1 and not others:
                continue  # a symbol, as in "the width d"
            behind = 1.0 if word in front or word in SELECTS else _IN_QUESTION if word in told else _TAIL
            missing += behind * rarity(word) * (1.0 if others or word in SELECTS else unheard)
            strange.append(word)
    return explained, missing, strange


def picks_some(text: str) -> bool:
    """Whether a text picks some of several, as ``every second block`` does."""
    return bool(_SOME & set(stems(text)))


_SOME = frozenset(stems("alternate odd few")) | {"second"}


def names_other(text: str, axis: Axis, silent: frozenset[str] = frozenset()) -> bool:
    """Whether a text names another axis or one of its values, or a topic, where it does not speak of ``axis``.

    Args:
        text: what was written.
        axis: the axis that it may speak of.
        silent: values that say nothing, such as the baseline's own.
    """
    return bool(others_named(text, axis, silent))


def others_named(text: str, axis: Axis, silent: frozenset[str] = frozenset()) -> tuple[Candidate, ...]:
    """Returns the axes and topics that a text names beside ``axis``; arguments as of ``names_other``."""
    others: list[Candidate] = []
    said = _said(spelled(text))
    found = _found(said)
    mine = [m for m in found if m.candidate.axis is not None and m.candidate.axis.fields == axis.fields]
    for match in found:
        other = match.candidate.axis
        if match.term.counts < VALUE or (other is not None and other.fields == axis.fields):
            continue
        if match.end - match.start == 1 and said[match.start] in GENERAL:
            continue  # "in every block" is not about the block
        if match.term.counts == VALUE and match.term.text in silent:
            continue
        if other is None and match.candidate.topic is not None and match.candidate.topic.everywhere:
            continue
        if not any(m.start <= match.start and match.end <= m.end for m in mine):
            others.append(match.candidate)
    return tuple(dict.fromkeys(others))


def knows(word: str) -> bool:
    """Whether any axis or topic has a word among its terms."""
    return any(word in candidate.known for candidate in candidates())
