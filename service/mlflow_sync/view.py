"""What MLflow's page of a study shows first: its columns, groups and charts, as the page keeps them. No MLflow here.

MLflow's pages keep such a view as JSON in a tag of the experiment, under a key that the address names: what its button
"Share" makes. MLflow documents the form nowhere; ``tests/integration/test_mlflow_pages.py`` looks at it in a browser.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Any

from dit_core.metrics import direction
from search_spaces.study import Study
from service.mlflow_sync import names

VIEW_TAG = "mlflow.sharedViewState."
"""Tag of an experiment: a prepared view, under the key that follows."""
LONGEST = 4900
"""Characters of a tag's value; MLflow refuses more than 5000 in one of an experiment."""
_WIDTHS = {"arm": 110, "seed": 50, "status": 215, "verdict": 150, names.DIFFERENCE: 95, names.DEVICE_MINUTES: 115}
_WIDTH = 90
_EVERY = 2000
"""Runs that a chart shows at most."""
_MINE, _OTHERS, _SYSTEM = "study", "others", "system"


def key_of(store_id: str) -> str:
    """Returns the key of the view of one store's study: two stores may have a study of one name in one MLflow."""
    return f"dit-ablate-{store_id[:8]}"


def view_of(study: Study, varied: Sequence[str], parent: str) -> str:
    """Returns the view as MLflow keeps it.

    Args:
        study: the study.
        varied: the parameters that differ between its arms.
        parent: id of the run that stands for the study.
    """
    metric = study.primary_metric
    columns = [
        *(_column("tags", tag) for tag in ("arm", "seed", "status")),
        *(_column("metrics", key) for key in names.columns(metric)),
        _column("tags", "verdict"),
        *(_column("params", name) for name in varied[:8]),
    ]
    widths = {_column(kind, name): width for name, width in _WIDTHS.items() for kind in ("tags", "metrics")}
    widths[_column("metrics", names.final(metric))] = 130
    state = {
        "selectedColumns": columns,
        "columnOrder": columns,
        "columnWidths": {name: widths.get(name, _WIDTH) for name in columns},
        "orderByKey": _column("metrics", names.final(metric)),
        "orderByAsc": direction.better(metric) == "lower",
        "groupBy": {"aggregateFunction": "average", "groupByKeys": [{"mode": "tag", "groupByData": "arm"}]},
        "groupsExpanded": {},
        "useGroupedValuesInCharts": False,  # there are images of runs only; the runs of an arm have one colour
        "runsExpanded": {parent: True},
        "runsHiddenMode": "SHOW_ALL",
        "hideEmptyCharts": True,
        "isAccordionReordered": True,
        "compareRunSections": [_section(_MINE, study.name, shown=True), *_rest()],
        "compareRunCharts": _charts(study),
    }
    text = json.dumps(state, separators=(",", ":"))
    if len(text) <= LONGEST:
        return text
    return "deflate;" + base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def _charts(study: Study) -> list[dict[str, Any]]:
    metric = study.primary_metric
    points = {
        "xaxis": {"key": "gflops", "type": "METRIC"},
        "yaxis": {"key": names.final(metric), "type": "METRIC"},
        "runsCountToCompare": _EVERY,
    }
    grids = {"imageKeys": [names.GRIDS], "step": study.budget_images, "showRunParams": True}
    return [
        _chart("metric", "LINE", f"{metric} by training images", **_line(metric)),
        _chart("cost", "SCATTER", f"{metric} at the budget against Gflops", **points),
        _chart("loss", "LINE", "training loss by training images", **_line("train_loss")),
        _chart("samples", "IMAGE", "samples by training images", **grids),
    ]


def _line(metric: str) -> dict[str, Any]:
    own = {"metricKey": metric, "selectedMetricKeys": [metric], "xAxisKey": "step", "runsCountToCompare": _EVERY}
    # MLflow smooths by default, and three measurements smoothed end far from where they end
    return {**own, "lineSmoothness": 0, "useGlobalLineSmoothing": False}


def _chart(name: str, kind: str, title: str, **more: Any) -> dict[str, Any]:
    own = {"uuid": f"{_MINE}-{name}", "type": kind, "metricSectionId": _MINE, "displayName": title}
    return {**own, "deleted": False, "isGenerated": False, **more}


def _section(key: str, name: str, *, shown: bool) -> dict[str, Any]:
    own = {"uuid": key, "name": name, "display": shown, "columns": 2, "cardHeight": 400}
    return {**own, "isReordered": False, "deleted": False, "isGenerated": key != _MINE}


def _rest() -> list[dict[str, Any]]:
    """The sections into which the page puts every other metric; closed, as they are many."""
    return [_section(_OTHERS, "Model metrics", shown=False), _section(_SYSTEM, "System metrics", shown=False)]


def _column(kind: str, name: str) -> str:
    return f"{kind}.`{name}`"
