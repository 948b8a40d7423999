"""The images that a trial was trained on, as an input of its MLflow run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dit_core.data.config import DataConfig
from dit_core.identity import digest
from search_spaces.types import Trial
from service.records.results import TrialResult

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

INPUT_TAG = "mlflow.dit_ablate.input"
"""Tag of a run: the data set that it has been given as input."""
_DIGEST = 32


@dataclass(frozen=True)
class Data:
    """A data set by name and content.

    Attributes:
        name: as the pages show it.
        digest: of the training images, where a measurement has recorded it; else of what the configuration says.
        config: what the configuration says.
        where: its place: a folder, a hub name, or the data set's own name.
    """

    name: str
    digest: str
    config: Mapping[str, object]
    where: str

    @property
    def told(self) -> dict[str, str]:
        """The tag that says that a run has it."""
        return {INPUT_TAG: f"{self.name} {self.digest}"}

    def as_input(self) -> DatasetInput:
        """Returns what MLflow's ``log_inputs`` takes."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        place = json.dumps({"uri": self.where})
        profile = json.dumps(self.config, sort_keys=True)
        found = Dataset(self.name, self.digest, "local" if "/" in self.where else "code", place, profile=profile)
        return DatasetInput(found, [InputTag("mlflow.data.context", "training")])


def data_of(trial: Trial, result: TrialResult) -> Data:
    """Returns the data of a trial, from what is recorded of it alone: the images themselves need not be here."""
    config = trial.config.data
    known = next(
        (
            str(metric.details["reference_sha256"])
            for metrics in result.evaluations.values()
            for metric in metrics.values()
            if metric.details.get("reference") == "train" and metric.details.get("reference_sha256")
        ),
        None,
    )
    shown = {name: value for name, value in config.model_dump(mode="json").items() if value is not None}
    return Data(_name(config), (known or digest(shown))[:_DIGEST], shown, config.path or config.name)


def _name(config: DataConfig) -> str:
    own = (config.path or "").rstrip("/").rpartition("/")[2]
    return f"{config.name}: {own}"[:500] if own else config.name
