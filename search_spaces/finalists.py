"""The best few of a search, compared again with seeds that the search has not seen: a study of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from search_spaces.study import Ablation, PolicySpec, Study

FINAL = ".final"
"""Ends the name of the study in which the best of another one's search are compared again."""
FINALISTS = "Finalists"


def final_study(study: Study, best: Sequence[Mapping[str, Any]]) -> Study:
    """Returns the study that compares the best few, and the baseline, at full length.

    Args:
        study: a study whose search has finalists.
        best: axis or dotted field -> value of each, the best first.
    """
    search = study.search
    assert search is not None
    columns = {name: [values[name] for values in best] for name in search.values}
    changed: dict[str, Any] = {
        "name": f"{study.name}{FINAL}",
        "description": f"The best of the search {study.name}, with seeds that it has not seen",
        "ablations": (Ablation.model_validate({"name": FINALISTS, "zip": columns}),),
        "grid": {},
        "ladder": (),
        "search": None,
        "seeds": search.final_seeds,
        "rungs": (),
        "policy": PolicySpec(name="none"),
        "confirmatory": (),
        "compare_at": "images",
    }
    return study.model_copy(update=changed)
