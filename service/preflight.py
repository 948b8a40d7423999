"""Everything that can be known to be wrong is found here, before the first trial starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.data.base import ImageDataset
from dit_core.data.config import DataConfig
from dit_core.errors import UserError
from dit_core.identity import train_id
from dit_core.interop import initial
from dit_core.parts import METRICS
from search_spaces.types import Expansion
from service.policies import create
from service.policies.base import Policy


@dataclass(frozen=True)
class Prepared:
    """A study that is ready to run.

    Attributes:
        expansion: its arms and trials.
        policy: its stopping policy.
        train_ids: trial name -> identity of its weights.
        datasets: the loaded data sets, by their config.
        notes: sentences worth showing, e.g. how many corrupt images were skipped.
    """

    expansion: Expansion
    policy: Policy
    train_ids: Mapping[str, str]
    datasets: Mapping[DataConfig, ImageDataset]
    notes: tuple[str, ...] = ()

    def dataset(self, config: TrialConfig) -> ImageDataset:
        """Returns the loaded data set of a trial."""
        return self.datasets[config.data]


def prepare(expansion: Expansion) -> Prepared:
    """Loads every data set once, checks every arm against it and against its metrics, and names the trials.

    Raises:
        UserError: in one sentence, the first thing that would make a trial fail.
    """
    study = expansion.study
    policy = create(study.policy)
    datasets: dict[DataConfig, ImageDataset] = {}
    for arm in expansion.arms:
        config = arm.config
        if config.data not in datasets:
            datasets[config.data] = load_dataset(config.data)
        try:
            _check(config, datasets[config.data], study.resources.workers)
        except UserError as error:
            raise error if arm.is_baseline else UserError(f"arm {arm.name!r}: {error}") from None
    notes = tuple(dict.fromkeys(note for dataset in datasets.values() for note in dataset.notes))
    train_ids = {
        trial.name: train_id(trial.config, datasets[trial.config.data].fingerprint) for trial in expansion.trials
    }
    return Prepared(expansion, policy, train_ids, datasets, notes)


def _check(config: TrialConfig, dataset: ImageDataset, workers: int) -> None:
    dataset.check(config.model)
    if config.training.initial_weights is not None:
        initial.check(config.training.initial_weights, config.model)
    batch = config.training.batch_size
    if batch % workers:
        raise UserError(
            f"resources.workers: {workers} does not divide training.batch_size, {batch}; every worker takes an "
            "equal share of a batch"
        )
    for name in config.evaluation.metrics:
        METRICS.get(name, "evaluation.metrics").check(config, dataset)
