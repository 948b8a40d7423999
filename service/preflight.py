"""Everything that can be known to be wrong is found here, before the first trial starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dit_core import identity
from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.data.config import DataConfig
from dit_core.data.misfit import Misfit
from dit_core.errors import UserError
from dit_core.gflops import count
from dit_core.kept_checks import check_metric
from dit_core.parts import METRICS
from search_spaces.analysis_plan import analysis_plan
from search_spaces.expand import expand
from search_spaces.study import Resources
from search_spaces.types import Expansion, Proposal
from service.policies.base import Policy
from service.search import policy_of, require_sampler

if TYPE_CHECKING:
    from dit_core.data.base import ImageDataset


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
            seeds = [trial.seed for trial in new]
            found = identity.train_ids(config, seeds, fingerprint)
            train_ids.update({trial.name: name for trial, name in zip(new, found, strict=True)})
        notes = tuple(dict.fromkeys((*self.notes, *(note for data in datasets.values() for note in data.notes))))
        return replace(self, expansion=expansion, train_ids=train_ids, datasets=datasets, notes=notes)

    def grown(self, proposals: Iterable[Proposal], recorded: Mapping[str, str] | None = None) -> Prepared:
        """Returns the study with the arms that were proposed, all of them since it began; see ``extended``.

        Raises:
            UserError: a proposal makes no arm, or one that would fail.
        """
        return self.extended(expand(self.expansion.study, tuple(proposals)), recorded)


def prepare(expansion: Expansion, datasets: Mapping[DataConfig, ImageDataset] | None = None) -> Prepared:
    """Loads every data set once, checks every arm against it and against its metrics, and names the trials.

    Args:
        expansion: the study.
        datasets: data sets that are loaded already.

    Raises:
        UserError: in one sentence, the first thing that would make a trial fail.
    """
    check_cards(expansion.study.resources)
    require_sampler(expansion.study)
    prepared = Prepared(expansion, policy_of(expansion.study), {}, datasets or {}).extended(expansion)
    fingerprint = prepared.dataset(expansion.baseline.config).fingerprint
    return replace(prepared, plan_digest=analysis_plan(expansion).digest(fingerprint))


def check_cards(resources: Resources) -> None:
    """Makes sure that lanes can have the GPUs that a study asks for.

    Raises:
        UserError: they cannot, on any cluster.
    """
    gpus, workers = resources.gpus_per_worker, resources.workers
    if gpus > 1 and gpus != int(gpus):
        raise UserError(f"resources.gpus_per_worker: {gpus:g} given; allowed: 0, a part of one GPU, or whole GPUs")
    if 0 < gpus < 1 and workers > 1:
        raise UserError(
            f"resources.gpus_per_worker: {gpus:g} given with workers: {workers}, but workers of one lane cannot share "
            "a GPU, since NCCL refuses two ranks on one; allowed: gpus_per_worker: 1, or workers: 1"
        )
    if resources.accelerator_type is not None and not gpus:
        raise UserError(
            f"resources.accelerator_type: {resources.accelerator_type!r} given without GPUs; give gpus_per_worker: 1 "
            "beside it, or leave it out"
        )


def _check(config: TrialConfig, dataset: ImageDataset, workers: int) -> None:
    """Checks one arm; what does not fit the data is said all at once, with one line that mends it.

    Raises:
        UserError: the arm cannot run.
    """
    misfit = _misfit(config, dataset)
    if misfit is not None:
        problems = [str(misfit), *_metrics_that_do_not_fit(config, dataset)]
        line = " ".join(f"--set {name}={value}" for name, value in misfit.settings.items())
        raise UserError(f"{'; '.join(problems)}; what fits the data: {line}")
    if config.training.initial_weights is not None:
        from dit_core.interop import initial  # PyTorch: who only reads a study need not wait for it

        initial.check(config.training.initial_weights, config.model)
    batch = config.training.batch_size
    if batch % workers:
        raise UserError(
            f"resources.workers: {workers} does not divide training.batch_size, {batch}; every worker takes an "
            "equal share of a batch"
        )
    count(config.model, config.training.mask_ratio)  # builds the network, which code from outside may be part of
    _check_metrics(config, dataset)


def _misfit(config: TrialConfig, dataset: ImageDataset) -> Misfit | None:
    try:
        dataset.check(config.model)
    except Misfit as misfit:
        return misfit
    return None


def _metrics_that_do_not_fit(config: TrialConfig, dataset: ImageDataset) -> list[str]:
    try:
        _check_metrics(config, dataset)
    except UserError as error:
        return [str(error)]
    return []


def _check_metrics(config: TrialConfig, dataset: ImageDataset) -> None:
    for name in config.evaluation.metrics:
        try:
            check_metric(name, config, dataset)
        except Exception as error:
            if isinstance(error, UserError) or name not in METRICS.origins:
                raise
            raise UserError(
                f"plugins: the metric {name!r} of {METRICS.origins[name].label} fails when it is checked "
                f"({type(error).__name__}: {error})"
            ) from error
