"""The arm that a study settles on, as a version of a model in MLflow's registry: safetensors, to be loaded again."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.torch import load_file

from dit_core.errors import UserError
from dit_core.interop.own import WEIGHTS, read_model, write_model
from dit_core.training.checkpoint import checksum
from service.analysis.summary import Summary, summarise
from service.export import record_of, trial_of, with_checkpoint
from service.mlflow_sync.connection import first_line
from service.mlflow_sync.ownership import STORE_TAG
from service.preflight import Prepared
from service.records.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from dit_core.config import TrialConfig
    from dit_core.model.dit import DiT

ALIAS = "settled"
"""Alias of the version that was promoted last."""
_FOLDER, _SHA = "model", "weights_sha256"


@dataclass(frozen=True)
class Promoted:
    """A version in MLflow's registry.

    Attributes:
        model: the registered model's name.
        version: the version's number.
        arm: the arm whose weights it has.
        seed: their seed.
        images: training images that they have seen.
        weights: which weights: ``EMA 0.9999``, or ``raw``.
        uri: address of the version for MLflow.
        notes: sentences on what whoever uses it should know.
    """

    model: str
    version: str
    arm: str
    seed: int
    images: int
    weights: str
    uri: str
    notes: tuple[str, ...] = ()


def promote(
    prepared: Prepared,
    store: Store,
    client: MlflowClient,
    *,
    arm: str | None = None,
    seed: int | None = None,
    model: str | None = None,
) -> Promoted:
    """Registers an arm's weights; doing it again with the same weights gives the same version.

    Args:
        prepared: the study.
        store: where its records and checkpoints lie.
        client: of an MLflow that is up to date with the study.
        arm: its name; the best arm of a finished study unless given.
        seed: which of its seeds; the first that ran to the budget unless given. Not the best: the best of several
            seeds looks better than it is.
        model: the registered model's name; the study's unless given.

    Raises:
        UserError: the study settles on no arm yet, or there is no such trial or checkpoint.
    """
    summary = summarise(prepared, store)
    prepared = summary.prepared
    chosen, notes = _settled(summary) if arm is None else (arm, ())
    finals = summary.arm(chosen).finals if chosen in {found.arm.name for found in summary.arms} else {}
    trial = trial_of(prepared, chosen, seed if seed is not None else next(iter(finals), None))
    if trial.seed not in finals:
        notes = (*notes, f"{trial.name} did not run to the study's budget")
    run = _run(client, prepared.expansion.study.name, trial.name, store.id)
    name = model or prepared.expansion.study.name
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / _FOLDER
        folder.mkdir()

        def write(path: Path, images: int) -> tuple[str, int]:
            return write_model(
                trial.config, path, images, folder, {**record_of(prepared, trial), "images": images}
            ), images

        (weights, images), torn = with_checkpoint(prepared, store, trial, None, write)
        version = _register(client, name, run, folder, images, f"{trial.name}, {weights}, {images:,} images")
    uri = f"models:/{name}/{version}"
    return Promoted(name, version, chosen, trial.seed, images, weights, uri, (*notes, *torn))


def load(client: MlflowClient, model: str, version: str | None = None) -> tuple[DiT, TrialConfig]:
    """Returns the network of a version, ready to sample, and its configuration.

    Args:
        client: of the MLflow that has it.
        model: the registered model's name.
        version: its number; the version that was promoted last unless given.

    Raises:
        UserError: there is none.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        if version is None:
            version = str(client.get_model_version_by_alias(model, ALIAS).version)
        source = client.get_model_version(model, version).source
        with tempfile.TemporaryDirectory() as scratch:
            folder = mlflow.artifacts.download_artifacts(
                artifact_uri=source, dst_path=scratch, tracking_uri=client.tracking_uri
            )
            return read_model(Path(folder))
    except MlflowException as error:
        raise UserError(f"model: MLflow has no such version of {model!r} ({first_line(error)})") from None


def _settled(summary: Summary) -> tuple[str, tuple[str, ...]]:
    """The best arm, and what is uncertain about it."""
    name, best = summary.study.name, summary.verdicts.best
    if best is None or not summary.finished:
        raise UserError(f"study: {name} is not finished and settles on no arm yet; name one with --arm, or run it on")
    others = best.candidates[1:]
    told = f"{', '.join(others)} may be as good as {best.arm}, as far as this study's seeds tell"
    return best.arm, (told,) if others else ()


def _run(client: MlflowClient, study: str, trial: str, store_id: str) -> Run:
    found = client.get_experiment_by_name(study)
    condition = f"tags.`{STORE_TAG}` = '{store_id}' and tags.kind = 'trial'"
    runs = [] if found is None else client.search_runs([found.experiment_id], condition)
    own = next((run for run in runs if run.data.tags.get("trial") == trial), None)
    if own is None:
        raise UserError(f"study: MLflow has no run of {trial}; `dit-ablate sync {study}` brings it up to date")
    return own


def _register(client: MlflowClient, model: str, run: Run, folder: Path, images: int, description: str) -> str:
    from mlflow.exceptions import MlflowException

    sha = checksum(load_file(folder / WEIGHTS), images)  # of the tensors: the file's header has no fixed order
    try:
        versions = client.search_model_versions(f"name = '{model}'")
    except MlflowException as error:
        raise UserError(f"model: {model!r} is no name for a model of MLflow ({first_line(error)})") from None
    same = [found for found in versions if found.tags.get(_SHA) == sha and found.run_id == run.info.run_id]
    if same:
        version = str(same[0].version)
    else:
        try:
            if not client.search_registered_models(f"name = '{model}'"):
                client.create_registered_model(model)
            client.log_artifacts(run.info.run_id, str(folder), _FOLDER)
            source = f"{run.info.artifact_uri}/{_FOLDER}"
            tags = {_SHA: sha, "arm": run.data.tags["arm"], "seed": run.data.tags["seed"]}
            made = client.create_model_version(model, source, run.info.run_id, tags, description=description)
        except MlflowException as error:
            raise UserError(f"model: MLflow does not register {model!r} ({first_line(error)})") from None
        version = str(made.version)
    client.set_registered_model_alias(model, ALIAS, version)
    return version
