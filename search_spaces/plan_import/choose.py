"""Decides which axis an entry is about, or that it has to be asked, or that it is about none."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import AXES, Axis, all_axes, axis_called
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.absence import is_nothing
from search_spaces.plan_import.actions import read_action
from search_spaces.plan_import.added import narrower_axis, what_is_added, without_told
from search_spaces.plan_import.evidence import NAME, Score, candidates, evidence, heads, owner_of, spelled, unexplained
from search_spaces.plan_import.families import SPOKEN, says_only_a_family, several_meant
from search_spaces.plan_import.labels import ACTION, METRICS, PART, REMARK, REPLACEMENT, TITLE
from search_spaces.plan_import.loose import mentioned
from search_spaces.plan_import.numerals import NUMBER, OVERLONG, plain_numbers
from search_spaces.plan_import.stems import STOP_STEMS, stems
from search_spaces.plan_import.topics import Topic
from search_spaces.plan_import.values import is_generic, names_values
from search_spaces.plan_import.written import Entry
from search_spaces.profiles import Profile

_PLACES = {PART: 1.0, TITLE: 0.6, REPLACEMENT: 0.35, ACTION: 0.35, METRICS: 0.05, REMARK: 0.15}
"""What a term counts by where it stands; a title counts as the part where there is no part."""

_HEARD, _DONE = 1.0, 0.8
"""Evidence below which a title says nothing, and what the text of what is done counts in its place."""

_LOOKED_AT = 6
"""How many axes with the most evidence in words have the values read in every way that there is."""

ENOUGH = 2.2
"""Evidence that an axis must have at least to be considered."""

CLEAR = 1.35
"""How many times the second's evidence the best must have."""

_A_NUMBER, _WITH_UNIT = 1.3, 2.6
"""What a number says at most for an axis that can take it; with the axis's own unit or name beside it."""

_PLAIN = 2.5
"""Evidence in the part or title that needs no second term beside it."""

_UNREAD = 0.5
"""The share of its evidence in words that an axis loses when it can read none of the values."""

_NUMBERING = re.compile(
    r"^\W*(?:(?:ablation|study|experiment|test|exp|item|no|plan|part|track|ladder|theme)\.?\s*#?\s*(?:\d+(?:\.\d+)*|[a-z]|[ivx]+)\b"
    r"|[a-z]?\d+(?:\.\d+)*(?=\W|$)|(?:[a-z]|[ivx]+)(?=[.):\]]|\s*[–—-]\s|\s*$))[\s.):\]–—-]*",
    re.I,
)


_ORDINAL = re.compile(
    r"^(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|next|last|final)(?:ly)?\s*[,:]\s*", re.I
)


@dataclass
class Choice:
    """What an entry is about.

    Attributes:
        axis: the axis, where it is certain.
        score: the evidence for it.
        rivals: what else it may be about, best first, with evidence.
        says: why it is no axis, in one sentence; empty where there is one, or a question.
        asked: what is unclear; empty where nothing is.
        how: how the axis was found, for people.
    """

    axis: Axis | None = None
    score: Score | None = None
    rivals: list[Score] = field(default_factory=list)
    says: str = ""
    asked: str = ""
    how: str = ""


def bare_title(title: str) -> str:
    """Returns a title without its numbering; a letter or a number alone is none."""
    bare = _ORDINAL.sub("", _NUMBERING.sub("", title, count=1), count=1).strip()
    if (inside := re.fullmatch(r"\(([^()]+)\)", bare)) is not None:
        bare = inside[1].strip()
    return bare if len(bare) > 2 or (len(bare) == 2 and axis_by_name(bare)) else ""


def choose(entry: Entry, baseline: TrialConfig, profile: Profile) -> Choice:
    """Weighs everything that an entry says.

    Args:
        entry: as written.
        baseline: the configuration that values must be possible with.
        profile: the baseline's profile.
    """
    part = entry.parts[0] if entry.parts else bare_title(entry.title)
    silent = not entry.parts and not any(score.text >= _HEARD for score in evidence([(TITLE, part, 1.0)]))
    if silent:  # a title such as "H1 (identity start)": what is done says what it is done to
        part = "; ".join((*(read_action(text).rest for text in entry.actions), *entry.replacements))
    ranked = _ranked(entry, part, baseline, profile, silent)
    if (owner := owner_of(part)) is not None:
        added = what_is_added(entry, ranked, baseline, profile) if owner_of(without_told(part)) is None else None
        if added is not None:
            return Choice(added.candidate.axis, added, how=f"the axis {added.candidate.name}, from {added.said()}")
        return Choice(says=owner.says, rivals=_near(ranked)[:1])
    if entry.parts and axis_by_name(part) is None and not (ranked and ranked[0].named):
        about = topic_named(bare_title(entry.title))
        if about is not None:
            return Choice(says=about.says, rivals=_near(ranked)[:1])
    if (named := _axis_of_values(entry)) is not None:
        return Choice(named, how=f"the axis {named.name}, which its values name")
    if named := axis_by_name(part):
        found = _checked(named, part, ranked, entry)
    else:
        found = _decided(ranked, entry, part, _own_values(baseline, profile))
        if found.axis is None and (added := what_is_added(entry, ranked, baseline, profile)) is not None:
            found = Choice(added.candidate.axis, added, how=f"the axis {added.candidate.name}, from {added.said()}")
    several = several_meant(entry.replacements, part, bare_title(entry.title))
    taken = frozenset[str]().union(*(read_action(text).actions for text in entry.actions)) == {"REMOVE"}
    bare = taken and len(several) > 1 and all(map(is_nothing, entry.replacements))
    if not found.asked and several and (found.axis is None or bare):
        return Choice(rivals=several, asked=f"{part!r} may mean {_names(several)}, among others")
    if found.score is not None and found.axis is not None and found.score.placed < SPOKEN:
        rivals = [found.score, *(score for score in several if score.candidate.axis is not found.axis)]
        if len(rivals) > 1 and says_only_a_family(entry.replacements, part):
            return Choice(rivals=rivals, asked=f"{part!r} may mean {_names(rivals)}, among others")
    if found.axis is not None and (place := narrower_axis(entry, found.axis)) is not None:
        both = [Score(c) for axis in (found.axis, place) for c in candidates() if c.axis is axis]
        return Choice(rivals=both, asked=f"{part!r} is the place of {place.name} alone")
    if found.axis is not None and (shared := shared_noun(entry, part, found.axis, profile)):
        own = found.score or Score(next(c for c in candidates() if c.axis is found.axis))
        return Choice(rivals=[own, *shared], asked=f"{bare_title(entry.title)!r} is said of {_names([own, *shared])}")
    return found


def shared_noun(entry: Entry, part: str, axis: Axis, profile: Profile) -> list[Score]:
    """Other axes that one word names as well, and that can do the same: ``schedule``, of what?"""
    said = [tuple(w for w in stems(text) if w not in STOP_STEMS) for text in (bare_title(entry.title), part)]
    word = next((words for words in said if len(words) == 1), ())
    asked = frozenset[str]().union(*(read_action(text).actions for text in entry.actions))
    if len(word) != 1 or (axis_by_name(part) is axis and len({*stems(part)} - STOP_STEMS) > 1):
        return []  # the part names it in full, whatever its title is short for
    others = [
        candidate
        for candidate in candidates()
        if candidate.axis is not None
        and not set(candidate.axis.fields) & set(axis.fields)
        and word in [stems(name)[-1:] for name in (candidate.axis.name, candidate.axis.title)]
    ]
    if asked == {"REMOVE"} and all(map(is_nothing, entry.replacements)) and axis.remove_value is not None:
        fit = [c for c in others if c.axis is not None and c.axis.remove_value is not None]
    elif isinstance(axis, ChoiceAxis) and stems(axis.title)[-1:] == word:
        texts = [text for text in entry.texts if mentioned(text, axis, profile)]
        fit = [c for c in others if isinstance(c.axis, ChoiceAxis) and texts
               and all(mentioned(text, c.axis, profile) for text in texts)]  # fmt: skip
    else:
        fit = []
    return [Score(candidate) for candidate in fit][:2]


def _own_values(baseline: TrialConfig, profile: Profile) -> frozenset[str]:
    """Words that only name what the baseline has, such as ``ddpm`` in ``DDPM sampling steps``."""
    found: set[str] = set()
    for axis in all_axes():
        own = axis.current(baseline, profile) if isinstance(axis, ChoiceAxis) else None
        found.update(stems(str(own)) if own is not None and len(stems(str(own))) == 1 else ())
    return frozenset(found - _PLAIN_VALUES)


_PLAIN_VALUES = frozenset(stems("none linear uniform constant learned fixed zero noise s b l xl random as is"))


def topic_named(title: str) -> Topic | None:
    """The topic outside of all axes whose name a title is."""
    said = stems(title)
    if not said or axis_by_name(title) is not None:
        return None
    found = [c.topic for c in candidates() if c.topic and any(t.counts == NAME and t.stems == said for t in c.terms)]
    return found[0] if found else None


def _axis_of_values(entry: Entry) -> Axis | None:
    """The axis that every value names, as ``mlp_ratio = 2`` does."""
    # a single letter is a symbol, and symbols stand for many things: ``p = 0.1``
    heads = [re.match(r"\s*(\w[\w ]{0,38}\w)\s*[=:]\s*\S", text) for text in entry.replacements]
    named = [axis_by_name(head[1]) if head is not None else None for head in heads]
    first = named[0] if named else None
    return first if first is not None and all(axis is first for axis in named) else None


def axis_by_name(part: str) -> Axis | None:
    """Returns the axis that a part names outright."""
    return (axis_called(part) or axis_called(spelled(part))) if part else None


def _ranked(entry: Entry, part: str, baseline: TrialConfig, profile: Profile, silent: bool = False) -> list[Score]:
    title = bare_title(entry.title)
    texts = [(PART, text, _PLACES[PART]) for text in entry.parts]
    texts += [(TITLE, title, _PLACES[TITLE] if entry.parts else _PLACES[PART])]
    if silent:
        texts += [(PART, part, _DONE)]
    else:
        texts += [(REPLACEMENT, text, _PLACES[REPLACEMENT]) for text in entry.replacements]
        texts += [(ACTION, read_action(text).rest, _PLACES[ACTION]) for text in entry.actions]
    texts += [(REMARK, text, _PLACES[REMARK]) for _, text in (*entry.remarks, *entry.unknown)]
    texts += [(REMARK, text, _PLACES[REMARK]) for text in entry.context]
    scores = evidence(texts)
    add_values(scores, entry, baseline, profile)
    return sorted(scores, key=lambda score: -score.total)


def add_values(scores: list[Score], entry: Entry, baseline: TrialConfig, profile: Profile) -> None:
    """Adds what the values say: an item that few axes can read speaks for those, and against all that cannot."""
    said = [
        text for at, text in enumerate(entry.replacements) if not (at in entry.continued and _DESCRIBES.match(text))
    ]
    items = [text for text in said if not _says_nothing(text) and not is_generic(text)]
    items = items or _numbers_done(entry)
    if not items:
        return
    known = {score.candidate.name for score in scores}
    close = {score.candidate.name for score in [s for s in scores if s.candidate.axis][:_LOOKED_AT]}
    read: dict[str, list[bool]] = {}
    for axis in all_axes():
        if axis.name in close:
            read[axis.name] = [names_values(text, axis, baseline, profile) for text in items]
        else:
            read[axis.name] = [_parses(text, axis, profile) for text in items]
    scores += [
        Score(c)
        for c in candidates()
        if isinstance(c.axis, ChoiceAxis) and c.name not in known and any(read[c.axis.name])
    ]
    total = len(candidates())
    for score in scores:
        mine = read.get(score.candidate.name) if score.candidate.axis else None
        if mine is None:
            continue
        told = 0.0
        for at, text in enumerate(items):
            fields = {AXES.get(name).fields for name, row in read.items() if row[at]}
            weight = math.log(1 + total / max(1, len(fields)))
            if isinstance(score.candidate.axis, NumberAxis):
                weight = min(weight, _WITH_UNIT if _has_unit(text, score.candidate.axis) else _A_NUMBER)
            told += weight if mine[at] else -1.5
            if mine[at]:
                score.words.append((REPLACEMENT, text, weight / len(items)))
        score.values = told / len(items)
        if not any(mine):
            score.values -= _UNREAD * score.text


_DESCRIBES = re.compile(r"^\W*(?:which|that|so(?: that)?|because|since|where|while|whose)\b", re.I)
"""What opens a clause on the value before it."""


def _says_nothing(text: str) -> bool:
    """Whether an item is a word for nothing, with or without a remark: ``None - every position is a token``."""
    head = re.split(r"\s+[-–—]+\s+|[–—:;,.(]", text, maxsplit=1)[0]
    return is_nothing(text) or (bool(head.strip()) and is_nothing(head))


_BETWEEN = re.compile(
    r"\s*(?:[;:,()\[\]{}|/]|→|->|\b(?:and|or|to|by|with|at|over|from|for|as|try|use)\b)\s*(?!\d{3}\b(?!\s*[,;]))", re.I
)


def _numbers_done(entry: Entry) -> list[str]:
    """The numbers that an entry says what to do with, each with what stands beside it: ``25``, ``50 steps``."""
    pieces = [piece for text in entry.actions for piece in _BETWEEN.split(text)]
    return [piece for piece in pieces if NUMBER.search(plain_numbers(piece)) and len(piece.split()) <= 3]


def _has_unit(text: str, axis: NumberAxis) -> bool:
    """Whether a number has words beside it that name the axis, as in ``8 heads``."""
    said = stems(text)
    names = [stems(name) for name in (*axis.names, *axis.units) if name not in ("image", "token")]
    return any(said[at : at + len(name)] == name for name in names if name for at in range(len(said) - len(name) + 1))


def _parses(text: str, axis: Axis, profile: Profile) -> bool:
    if OVERLONG.search(text):
        return False
    try:
        axis.parse(text, profile)
    except UserError:
        return False
    return True


def _items(entry: Entry) -> list[str]:
    """What may be values: the replacements, or what the actions say beside the action."""
    texts = entry.replacements or [read_action(text).rest for text in entry.actions]
    return [text for text in texts if text and not is_nothing(text) and not is_generic(text)]


def _checked(axis: Axis, part: str, ranked: Sequence[Score], entry: Entry) -> Choice:
    """An axis that the part names outright, unless its values belong to another one."""
    own = next((score for score in ranked if score.candidate.axis is axis), None)
    items = _items(entry)
    if own is not None and items and own.values <= -1.5:
        others = [s for s in ranked if s.candidate.axis and s.values > 1.0 and s.text > 0 and not _same(s, own)]
        titled = axis_by_name(bare_title(entry.title))
        if others and entry.parts and titled is not None and titled is others[0].candidate.axis:
            return Choice(titled, others[0], [own], how=f"the axis {titled.name}, which its title names")
        if others:
            return Choice(rivals=[others[0], own], asked=f"{part!r} names {axis.name}, and the values are none of it")
    if items and (shared := _shares_its_name(axis, part, ranked, items)):
        return Choice(rivals=[*([own] if own else []), *shared], asked=f"{part!r} is also said of {_names(shared)}")
    return Choice(axis, own, how=f"the axis {axis.name}")


_AMOUNT = frozenset(stems("rate ratio probability amount strength factor coefficient number size level prob"))
"""Words that do not tell one axis from another of the same kind."""


def _names(scores: Sequence[Score]) -> str:
    return " and ".join(score.candidate.name for score in scores)


def _shares_its_name(axis: Axis, part: str, ranked: Sequence[Score], items: Sequence[str]) -> list[Score]:
    """Other axes that one word names as well, and that can read the same numbers: ``dropout`` of units or of labels."""
    word = tuple(w for w in stems(part) if w not in STOP_STEMS and w not in _AMOUNT)
    if len(word) != 1 or not isinstance(axis, NumberAxis):
        return []
    scored = {score.candidate.name: score for score in ranked}
    return [
        scored.get(candidate.name, Score(candidate))
        for candidate in candidates()
        if isinstance(other := candidate.axis, NumberAxis)
        and not set(other.fields) & set(axis.fields)
        and stems(other.title)[-1:] == word
        and all(NUMBER.search(plain_numbers(item)) for item in items)
    ][:2]


def _decided(ranked: list[Score], entry: Entry, part: str, own: frozenset[str] = frozenset()) -> Choice:
    if not ranked or ranked[0].total < ENOUGH:
        return Choice(says="it names no axis that can be varied", rivals=_near(ranked))
    best = ranked[0]
    rest = [score for score in ranked[1:] if not _same(score, best) and not _cannot(score, best)]
    words = [word for word in stems(part) if word not in STOP_STEMS]
    shared = [s for s in rest if s.candidate.axis and len(words) == 1 and words[0] in s.candidate.name_words]
    shared = [s for s in shared if s.text > 0.25 * best.text]  # a title may say in full what a part is short for
    if best.candidate.axis is not None and (
        alike := [s for s in shared if s.values > 0 or (s.values == best.values == 0 and s.text > 0.5 * best.text)]
    ):
        asked = f"{part!r} is said of {_names([best, *alike])}"
        return Choice(rivals=[best, *alike][:3], asked=asked)
    second = rest[0] if rest else None
    if second is not None and best.candidate.topic is None:
        fits = _fits_alone([best, *rest], entry, part)
        if fits is not None and fits is not best:
            rest = [best, *(score for score in rest if score is not fits)]
            best = fits
    else:
        fits = None
    ahead = heads(part)
    clear = (
        fits is not None
        or (second is not None and second.candidate.topic is not None and _in_front(best, second, ahead))
        or second is None
        or (best.total >= CLEAR * max(second.total, 0.1) and best.total - second.total >= 0.8)
    )
    if best.candidate.topic is not None:
        front = heads(part)
        fit = [s for s in rest if s.candidate.axis and s.named and s.values > 0 and s.candidate.name in front]
        if len(fit) == 1 and best.candidate.name not in front:  # "the number of heads in self-attention"
            return Choice(
                fit[0].candidate.axis, fit[0], [best], how=f"the axis {fit[0].candidate.name}, from {fit[0].said()}"
            )
        named = next((s for s in rest if s.candidate.axis and s.named and s.values >= 2.5), None)
        if named is not None and (named.placed >= 0.5 * best.placed or best.candidate.topic.everywhere):
            axis = named.candidate.axis
            return Choice(axis, named, [best], how=f"the axis {named.candidate.name}, from {named.said()}")
        return Choice(says=best.candidate.topic.says)
    axes = [score for score in (best, *rest) if score.candidate.axis and score.total >= 0.6 * best.total][:3]
    if best.text < 0.6 * ENOUGH and best.values < 2.5:
        return Choice(says="it names no axis that can be varied")
    if not clear:
        foreign = second is not None and second.candidate.topic is not None
        if foreign and second is not None and second.candidate.topic is not None and len(axes) == 1:
            return Choice(says=second.candidate.topic.says, rivals=axes)
        return Choice(rivals=axes, asked="it may be about " + " or ".join(s.candidate.name for s in axes))
    strong = best.values >= 2.5
    other = next(
        (
            s
            for s in rest
            if s.named and s.placed > best.placed and not (_overruled(s, best, part) or _owns(s, best, ahead))
        ),
        None,
    )
    if other is not None and strong and other.candidate.axis is not None and other.placed < 1.1 * best.placed:
        other = None
    if other is not None and (other.candidate.topic is not None or not best.named):
        if other.candidate.topic is not None:
            return Choice(says=other.candidate.topic.says, rivals=[best])
        asked = f"its part names {other.candidate.name}, and its values are of {best.candidate.name}"
        return Choice(rivals=[best, other], asked=asked)
    terms = {term for where, term, _ in best.words if where in (PART, TITLE)}
    telling = max((len(set(stems(term)) - STOP_STEMS) for term in terms), default=0)
    explained, missing, strange = unexplained(part, best.candidate, own)
    plain = telling > 1 or best.placed >= (_PLAIN if missing else 1.5)
    if not strong and not best.named and len(terms) < 2 and not plain:
        return Choice(rivals=axes, asked=f"it may be about {best.candidate.name}, but little speaks for it")
    titled = best.values > 0 and axis_by_name(bare_title(entry.title)) is best.candidate.axis
    if best.placed < 0.8 or (not titled and not strong and missing > 0.65 * max(explained, 0.5 * best.placed)):
        what = f"{', '.join(map(repr, strange))} may be something else" if strange else "little speaks for it"
        return Choice(rivals=axes[:1], asked=f"it may be about {best.candidate.name}, but {what}")
    axis = best.candidate.axis
    assert axis is not None
    return Choice(axis, best, rest[:2], how=f"the axis {axis.name}, from {best.said()}")


_CONTENDS = 0.7
"""The share of the best's evidence that an axis must have so that what it explains may decide between them."""


def _fits_alone(scores: Sequence[Score], entry: Entry, part: str) -> Score | None:
    """The one axis whose words explain all of the part, where everything else with as much evidence leaves much open.

    Evidence counts the words that tell axes apart, and a short name in a long description tells a lot: ``norm`` in
    ``normalising step on q and k of every head``. What an axis leaves unexplained decides between such axes. One that
    has no arm for what is asked (nothing to ADD) contends no more.
    """
    asked = frozenset[str]().union(*(read_action(text).actions for text in entry.actions))
    contend = [score for score in scores if score.total >= _CONTENDS * scores[0].total]
    able = [score for score in contend if score.candidate.axis is None or _can(score.candidate.axis, asked)]
    if any(score.candidate.topic is not None for score in able):
        return None
    left = {score.candidate.name: unexplained(part, score.candidate) for score in able}
    whole = [s for s in able if (e := left[s.candidate.name])[1] <= 0.25 * e[0] and e[0] >= ENOUGH]
    if len(whole) != 1:
        return None
    open_in = [left[score.candidate.name][1] for score in able if score is not whole[0]]
    return whole[0] if all(missing >= left[whole[0].candidate.name][1] + 2.0 for missing in open_in) else None


def _overruled(score: Score, best: Score, part: str) -> bool:
    """Whether an axis that the part names is out: the best reads the values that it cannot, and explains the part."""
    if score.candidate.axis is None or score.values > -1.5 or best.values < 1.0:
        return False
    if best.values >= 2.5 and best.placed >= 0.5 * score.placed:
        return True  # values that are only the best's
    mine, others = unexplained(part, best.candidate), unexplained(part, score.candidate)
    return mine[1] <= 0.25 * mine[0] and others[1] >= mine[1] + 2.0


def _in_front(best: Score, second: Score, ahead: frozenset[str]) -> bool:
    """Whether the best is what a phrase is about, and the second only where that is: ``heads in self-attention``."""
    return best.values > 0 and best.candidate.name in ahead and second.candidate.name not in ahead


def _owns(score: Score, best: Score, ahead: frozenset[str]) -> bool:
    """Whether an axis only owns what the best names: ``the expansion ratio of the pointwise layer`` is the ratio."""
    unread = score.candidate.axis is not None and score.values <= -1.5 and best.values > 0
    return unread and best.candidate.name in ahead and score.candidate.name not in ahead


def _can(axis: Axis, asked: frozenset[str]) -> bool:
    """Whether an axis has an arm for an action: something to add, where it is only ADD."""
    return asked != {"ADD"} or bool(axis.add_values) or axis.remove_value is not None


def _cannot(score: Score, best: Score) -> bool:
    """Whether an axis is out because it reads none of the values, and the best reads them as its own."""
    return (
        score.candidate.axis is not None
        and score.values <= -1.5 < 2.5 <= best.values
        and best.placed >= 0.8
        and (best.named >= score.named or score.total <= 0)
    )


_FAINT = 0.4
"""Evidence from which an axis is named as perhaps meant, where hardly anything speaks for any."""


def _near(ranked: Sequence[Score]) -> list[Score]:
    axes = [score for score in ranked if score.candidate.axis]
    near = [score for score in axes if score.text >= 0.5 * ENOUGH][:3]
    return near if len(near) > 1 else [score for score in axes if score.text >= _FAINT][:3]


def _same(one: Score, other: Score) -> bool:
    """Whether two candidates are axes that set the same fields."""
    if one.candidate is other.candidate:
        return True
    a, b = one.candidate.axis, other.candidate.axis
    return a is not None and b is not None and a.fields == b.fields
