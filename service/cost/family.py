"""Studies that belong together and share a cap: one that is run, the tuning of its arms, and its finalists."""

from __future__ import annotations

from search_spaces.finalists import FINAL
from search_spaces.tuning import SUFFIX
from service.analysis.standing import standing
from service.cost.spent import spent_before
from service.records.store import Store
from service.records.study_files import is_defined
from service.restored import restore


def spent_by_others(study: str, store: Store) -> float:
    """Returns the device seconds that the other studies have spent that belong to a study and share its cap.

    Args:
        study: the study's name.
        store: where their records are.
    """
    own = study.removesuffix(SUFFIX).removesuffix(FINAL)
    others = [name for name in (own, f"{own}{SUFFIX}", f"{own}{FINAL}") if name != study and is_defined(store, name)]
    return sum(_spent(name, store) for name in others)


def _spent(name: str, store: Store) -> float:
    known = standing(restore(store, name)[0], store)
    return spent_before(known.prepared.expansion, store, known.results)
