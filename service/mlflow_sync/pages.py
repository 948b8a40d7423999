"""Addresses on MLflow's pages, each in the view for training models. No MLflow here.

The pages keep the last view, and begin with the one for language models; what an address says comes first.
"""

from __future__ import annotations

_TRAINING = "workflowType=machine_learning"


def study_page(experiment_id: str, view: str | None, *, charts: bool = False) -> str:
    """Returns the page of a study's runs, relative to the server's.

    Args:
        experiment_id: of the study's experiment.
        view: key of the prepared view that is shown (``view.key_of``); None shows the page's own.
        charts: whether it opens on the charts instead of the table.
    """
    prepared = "" if view is None else f"&viewStateShareKey={view}"
    mode = "&compareRunsMode=CHART" if charts else ""
    return f"#/experiments/{experiment_id}/runs?{_TRAINING}{prepared}{mode}"


def run_page(experiment_id: str, run_id: str, part: str = "") -> str:
    """Returns the page of a run, relative to the server's; a part of it is, for example, ``artifacts/config.json``."""
    return f"#/experiments/{experiment_id}/runs/{run_id}{f'/{part}' if part else ''}?{_TRAINING}"
