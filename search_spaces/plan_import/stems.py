"""Words as evidence: inflected forms of one word count as the same, and words that say nothing count for nothing."""

from __future__ import annotations

from functools import lru_cache

from search_spaces.words import FILLER, Words, words

_ENDINGS = (
    "isation", "ization", "ational", "ation", "ating", "ated", "ance", "ising", "izing", "ised", "ized", "iser",
    "izer", "ise", "ize", "able", "ness", "ment", "ing", "ion", "ity", "ate", "ed", "er", "al", "ly",
)  # fmt: skip
"""Taken off, longest first, as long as four letters are left (three before a short ending)."""

_IRREGULAR = {
    "learnt": "learn", "drawn": "draw", "drew": "draw", "fed": "feed", "grown": "grow", "growing": "grow",
    "swept": "sweep", "shrunk": "shrink", "normal": "normal", "expansion": "expand", "layer": "layer",
    "number": "number", "init": "initi", "inits": "initi", "parameter": "parameter", "order": "order",
    "cutting": "cut", "deeper": "deep", "wider": "wide", "chosen": "choose", "trial": "trial", "trials": "trial",
    "tied": "tie", "tying": "tie", "untied": "untie", "scheduler": "scheduler", "schedulers": "scheduler",
    "quantity": "quantity", "quantities": "quantity", "trainable": "trainable",
}  # fmt: skip

NEGATIONS = frozenset(words("no not non without never nor neither instead except excluding rather unlike absent off"))
"""Words that turn a phrase around: where one is not understood, nothing beside it is."""

STOP = (
    FILLER
    | frozenset(
        words(
            "and or but if then so because while where when which who whose what how why there here these those "
            "they them their it its he she we us our you your i me my one ones own same such other others another "
            "each every all any both either some few most more less least much many only just also even still yet "
            "very too quite rather again further once up down out over under into onto through across along "
            "between among within about against during before after above below per via than like be been being "
            "was were will would shall should can could may might must do does did done doing has have had having "
            "get gets make makes made let whole entire entirely completely fully total single simple plain given "
            "fixed certain particular specific several various different next new old main way part piece thing "
            "role effect directly exactly explicitly simply merely roughly approximately itself impact influence "
            "importance choice use used useful uses set sets level levels run runs try tried test matter matters "
            "necessary needed need study studied question value values form forms style based kind ablated ablate "
            "really enough truly worth better best good well many ordinary usual regular conventional typical "
            "paper published original default current proposed ours standard baseline et al eq e g i.e replace "
            "replaced remove removed add added vary varied change changed compare compared keep kept keeps stay "
            "stays instead leave leaves left num"
        )
    )
) - NEGATIONS
"""Words that are neither evidence nor missed as evidence."""


@lru_cache(maxsize=2**16)
def stem(word: str) -> str:
    """Returns what the inflected forms of a word have in common; numbers and short words stay as they are."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if not word.isascii() or not word.isalpha():
        return word
    if word.endswith(("ies", "ied")) and len(word) > 4:
        word = word[:-3] + "y"
    cut = True
    while cut:
        cut = False
        for ending in _ENDINGS:
            room = 3 if len(ending) <= 3 else 4
            if word.endswith(ending) and len(word) - len(ending) >= room:
                word, cut = word[: -len(ending)], True
                break
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


@lru_cache(maxsize=2**16)
def stems(text: str) -> Words:
    """Splits text into stems, in order."""
    return tuple(stem(word) for word in words(text))


STOP_STEMS = frozenset(map(stem, STOP))
"""The stems of words that say nothing."""
