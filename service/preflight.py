"""Everything that can be known to be wrong is found here, before the first trial starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.data.base import ImageDataset
from dit_core.data.config import DataConfig
from dit_core.errors import UserError
from dit_core.identity import train_id
from dit_core.interop import initial
from dit_core.parts import METRICS
from search_spaces.analysis_plan import analysis_plan
from search_spaces.expand import expand
from search_spaces.types import Expansion, Proposal
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
        plan_digest: identifies the analysis plan, data included; empty for a study that was recorded before there were
            any decisions.
    """

    expansion: Expansion
    policy: Policy
    train_ids: Mapping[str, str]
    datasets: Mapping[DataConfig, ImageDataset]
    notes: tuple[str, ...] = ()
    plan_digest: str = ""

    def dataset(self, config: TrialConfig) -> ImageDataset:
        """Returns the loaded data set of a trial."""
        return self.datasets[config.data]

    def extended(self, expansion: Expansion, recorded: Mapping[str, str] | None = None) -> Prepared:
        """Returns the study with what it has grown by: new trials are checked and named as all others are.

        Args:
            expansion: the study as it is now; trials that were there are as they were.
            recorded: trial name -> identity, for new trials that need neither a check nor data: those of a study
                that is only read.

        Raises:
            UserError: in one sentence, the first thing that would make a new trial fail.
        """
        train_ids = {**self.train_ids, **(recorded or {})}
        datasets = dict(self.datasets)
        for arm in expansion.arms:
            new = [trial for trial in expansion.trials_of[arm.name] if trial.name not in train_ids]
            if not new:
                continue
            config = arm.config
            if config.data not in datasets:
                datasets[config.data] = load_dataset(config.data)
            try:
                _check(config, datasets[config.data], expansion.study.resources.workers)
            except UserError as error:
                raise error if arm.is_baseline else UserError(f"arm {arm.name!r}: {error}") from None
            fingerprint = datasets[config.data].fingerprint
            train_ids.update({trial.name: train_id(trial.config, fingerprint) for trial in new})
        notes = tuple(dict.fromkeys((*self.notes, *(note for data in datasets.values() for note in data.notes))))
        return replace(self, expansion=expansion, train_ids=train_ids, datasets=datasets, notes=notes)

    def grown(self, proposals: Iterable[Proposal], recorded: Mapping[str, str] | None = None) -> Prepared:
        """Returns the study with the arms that were proposed, all of them since it began; see ``extended``.

        Raises:
            UserError: a proposal makes no arm, or one that would fail.
        """
        return self.extended(expand(self.expansion.study, tuple(proposals)), recorded)


def prepare(expansion: Expansion) -> Prepared:
    """Loads every data set once, checks every arm against it and against its metrics, and names the trials.

    Raises:
        UserError: in one sentence, the first thing that would make a trial fail.
    """
    prepared = Prepared(expansion, create(expansion.study.policy), {}, {}).extended(expansion)
    fingerprint = prepared.dataset(expansion.baseline.config).fingerprint
    return replace(prepared, plan_digest=analysis_plan(expansion).digest(fingerprint))


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
