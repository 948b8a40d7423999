"""What a cap has left missing, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from service.records.store import Store

_NAMED = 6
"""Trials that the sentence names before it only counts."""


def capped_sentence(cap: str, missing: Sequence[str]) -> str:
    """Says what a cap has left missing; empty where nothing is.

    Args:
        cap: the cap, as the study says it.
        missing: the trials that lack something.
    """
    if not missing:
        return ""
    more = len(missing) - _NAMED
    names = ", ".join(missing[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    trials = "1 trial is" if len(missing) == 1 else f"{len(missing)} trials are"
    return f"Capped by {cap}: {trials} not finished ({names}); a higher cap continues there."


def left_by_cap(study: str, store: Store) -> tuple[str, tuple[str, ...]]:
    """Returns the cap that has ended a study's newest run, as the study says it, and the trials that it has left."""
    run = store.runs(study).get(store.last_run(study))
    return ("", ()) if run is None or not run.capped else (run.cap, run.capped)


def capped(study: str, store: Store) -> str:
    """Returns the sentence about a study's newest run; empty where no cap has ended it."""
    return capped_sentence(*left_by_cap(study, store))
