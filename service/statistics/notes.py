"""What a reader has to know before reading any verdict, in full sentences."""

from __future__ import annotations

from collections.abc import Sequence

from service.statistics.model import Fit


def notes(fit: Fit) -> list[str]:
    """Says what is special about a fit: one seed, values that are no numbers, arms that differ in seeds or spread."""
    measured = [arm for arm in fit.arms if fit.seeds_of(arm)]
    found = [
        f"{arm} with seed {seed} has a value that is not a finite number: it is left out." for arm, seed in fit.left_out
    ]
    if not measured:
        return found
    if fit.variances.df == 0:
        why = "With one seed" if len(fit.seeds) == 1 else "Where no two arms have two seeds in common,"
        found.append(
            f"{why} nothing is known of how much results vary from seed to seed: no interval and no p value can be "
            "given, no difference can be called clear or equivalent, and it cannot be said how many seeds would settle "
            "it. Two seeds are the least."
        )
    elif not fit.varies:
        found.append(
            "The values do not vary from seed to seed at all: no uncertainty can be estimated from them, so no "
            "difference is called clear. Are the seeds really different?"
        )
    if fit.variances.apart:
        varies, its = ("varies", "its") if len(fit.variances.apart) == 1 else ("vary", "their")
        found.append(
            f"{_listing(fit.variances.apart)} {varies} more from seed to seed than the other arms: {its} comparisons "
            f"use a variance of {its} own, which fewer seeds tell about."
        )
    short = [arm for arm in measured if len(fit.seeds_of(arm)) < len(fit.seeds)]
    if short:
        found.append(
            f"{_listing(short)} {'lacks' if len(short) == 1 else 'lack'} some of the {len(fit.seeds)} seeds: all means "
            "and differences are at equal seeds (least squares), so they can differ from plain averages."
        )
    return found


def _listing(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
