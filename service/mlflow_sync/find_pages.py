"""Where the studies that an MLflow holds are on its pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dit_core.errors import UserError, unknown
from service.mlflow_sync.pages import study_page
from service.mlflow_sync.view import VIEW_TAG, key_of

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class StudyPage:
    """A study on MLflow's pages.

    Attributes:
        study: its name.
        page: the address of its table, relative to the server's.
        prepared: whether there is a prepared view of it: an earlier version made none.
    """

    study: str
    page: str
    prepared: bool


def find_pages(client: MlflowClient, study: str | None = None, store_id: str | None = None) -> list[StudyPage]:
    """Returns the studies that an MLflow holds, the one that was written to last first.

    Args:
        client: the tracking client.
        study: only this one.
        store_id: the store whose prepared views are wanted, where it is known; else the first that there is.

    Raises:
        UserError: it does not hold this study.
    """
    experiments = [found for found in client.search_experiments() if found.tags.get("study") == found.name]
    experiments.sort(key=lambda found: found.last_update_time or 0, reverse=True)
    if study is not None:
        names = [found.name for found in experiments]
        if study not in names:
            raise unknown("study", study, names) if names else UserError(f"study: MLflow does not hold {study!r} yet")
        experiments = [found for found in experiments if found.name == study]
    pages = []
    for found in experiments:
        keys = sorted(tag.removeprefix(VIEW_TAG) for tag in found.tags if tag.startswith(f"{VIEW_TAG}{key_of('')}"))
        own = None if store_id is None else key_of(store_id)
        key = own if own in keys else next(iter(keys), None)
        pages.append(StudyPage(found.name, study_page(str(found.experiment_id), key), key is not None))
    return pages
