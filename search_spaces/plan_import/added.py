"""What is added, where the part only says to what: long skips to ``the isotropic layer stack``.

With ADD, what is tried names the axis, and the part is the place. The place may be called in any words, provided that
it picks no part of the model, holds no number and no value that the baseline does not have, and is of this model.
"""

from __future__ import annotations

from collections.abc import Sequence

from dit_core.config import TrialConfig
from search_spaces.axes import all_axes
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.plan_import.actions import read_action
from search_spaces.plan_import.evidence import SELECTS, Score, names_other
from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.labels import REPLACEMENT
from search_spaces.plan_import.loose import TURNS, foreign, mentioned
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.stems import stems
from search_spaces.plan_import.values import reads
from search_spaces.plan_import.value_words import own_values
from search_spaces.plan_import.written import Entry
from search_spaces.profiles import Profile

_ONLY_ITS = 2.5
"""Evidence of values that hardly another axis can read."""


def what_is_added(entry: Entry, ranked: Sequence[Score], baseline: TrialConfig, profile: Profile) -> Score | None:
    """Returns the axis of which every value of an entry that adds something is one, and which they name; else None.

    Args:
        entry: as written.
        ranked: the candidates with their evidence, best first.
        baseline: the configuration that values must be possible with.
        profile: the baseline's profile.
    """
    asked = frozenset[str]().union(*(read_action(text).actions for text in entry.actions))
    best = next((score for score in ranked if score.candidate.axis is not None), None)
    axis = best.candidate.axis if best is not None else None
    if best is None or axis is None or asked != {"ADD"} or not axis.add_values or not entry.replacements:
        return None
    told = any(where == REPLACEMENT for where, _, _ in best.words) and best.values >= _ONLY_ITS
    silent = own_values(baseline, profile)
    whole = all(
        axis.name in axes_named(text) and reads(text, axis, baseline, profile) and not names_other(text, axis, silent)
        for text in entry.replacements
    )
    if not (told and whole and len(entry.parts) == 1):
        return None
    return best if all(_is_place(text, baseline, profile) for text in entry.parts) else None


def _is_place(text: str, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether a text can be what something is added to, as it is in the baseline."""
    if numbers_in(text) or TURNS.search(text) or SELECTS & set(stems(text)) or foreign(text, places=True):
        return False
    return not any(
        set(mentioned(text, axis, profile)) - {axis.current(baseline, profile)}
        for axis in all_axes()
        if isinstance(axis, ChoiceAxis)
    )
