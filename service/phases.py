"""The studies that run with a study: the one that tunes its arms before it, the one of its search's best after it."""

from __future__ import annotations

from dataclasses import replace

from search_spaces.expand import expand
from search_spaces.finalists import final_study
from search_spaces.study import Study
from search_spaces.tuning import tuning_study
from search_spaces.types import Expansion
from service.analysis.preview import Preview, preview
from service.analysis.search_points import best_points, search_points
from service.analysis.summary import Summary, summarise
from service.plugins import notes_on
from service.preflight import Prepared, prepare
from service.records.store import Store
from service.sources import Opened
from service.tuning.proposer import tuning_of


def before(prepared: Prepared) -> Prepared | None:
    """Returns the study that has to be run before a study: the one that tunes its arms; None where none is tuned."""
    return None if prepared.expansion.study.tune is None else tuning_of(prepared)


def after(prepared: Prepared, store: Store) -> Prepared | None:
    """Returns the study of the best that a study's search has found.

    None where it is to have none, and while the search is not finished.
    """
    search = prepared.expansion.study.search
    if search is None or not search.finalists:
        return None
    found = finalists(summarise(prepared, store, failures=store.given_up(prepared.expansion.study.name)))
    return None if found is None else prepare(expand(found), prepared.datasets)


def finalists(summary: Summary) -> Study | None:
    """Returns the study of the best few of a search that is finished; None before, and where none ran to the budget."""
    search = summary.study.search
    if search is None or not search.finalists or not summary.plan.finished:
        return None
    best = best_points(search_points(summary), summary.study.primary_metric)[: search.finalists]
    return final_study(summary.study, [point.values for point in best]) if best else None


def beside(opened: Opened, study: Study) -> Opened:
    """Returns a study that runs with another one, as if it had been opened itself, with that one's plugins."""
    return replace(opened, study=study, source="python", path=None, imported=None, notes=(), arguments=(study.name,))


def previews(prepared: Prepared, store: Store | None) -> tuple[Preview, ...]:
    """Returns the previews of the studies that run with a study, as far as they are known."""
    found = [before(prepared)]
    if store is not None:
        found.append(after(prepared, store))
    return tuple(preview(item.expansion, prepared=item, store=store) for item in found if item is not None)


def preview_of(
    opened: Opened, expansion: Expansion, prepared: Prepared | None, store: Store | None, blocker: str | None
) -> Preview:
    """Returns the preview of a study that was opened, with those of the studies that run with it.

    Args:
        opened: the study and where it came from.
        expansion: the study, spelled out.
        prepared: the same, checked; None when its data is not at hand.
        store: where to look for what is already there; None when there is no store yet.
        blocker: why it cannot be prepared, if it cannot.
    """
    also: tuple[Preview, ...] = ()
    if prepared is not None:
        also = previews(prepared, store)
    elif opened.study.tune is not None:
        also = (preview(expand(tuning_study(opened.study))),)
    return preview(
        expansion,
        prepared=prepared,
        store=store,
        blocker=blocker,
        imported=opened.imported,
        notes=(*opened.notes, *notes_on(opened.plugins, expansion, store)),
        also=also,
    )
