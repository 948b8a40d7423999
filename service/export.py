"""Picks a trial of a study and one of its checkpoints, and exports the weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, Unpack

from dit_core.errors import UserError, unknown
from dit_core.interop.export import Exported, export
from dit_core.training.checkpoint import Checkpoints, CorruptCheckpoint
from search_spaces.types import Trial
from service.export_choices import ExportChoices
from service.preflight import Prepared
from service.records.store import Store

T = TypeVar("T")


def export_trial(prepared: Prepared, store: Store, to: Path, **which: Unpack[ExportChoices]) -> Exported:
    """Exports the weights of one trial of a study.

    Args:
        prepared: the study.
        store: where its checkpoints lie.
        to: the file or folder to write.
        **which: the layout and which weights.

    Raises:
        UserError: there is no such trial or checkpoint, or the layout cannot hold the network.
    """
    trial = trial_of(prepared, which.get("arm"), which.get("seed"))

    def write(path: Path, images: int) -> Exported:
        return export(
            trial.config,
            path,
            images,
            to,
            layout=which["layout"],
            decay=which.get("decay"),
            vae=which.get("vae"),
            record=record_of(prepared, trial),
        )

    exported, problems = with_checkpoint(prepared, store, trial, which.get("images"), write)
    return replace(exported, notes=(*problems, *exported.notes))


def record_of(prepared: Prepared, trial: Trial) -> dict[str, object]:
    """Returns where a trial's weights come from, to be written beside them."""
    return {
        "study": prepared.expansion.study.name,
        "arm": trial.arm.name,
        "seed": trial.seed,
        "train_id": prepared.train_ids[trial.name],
    }


def with_checkpoint(
    prepared: Prepared, store: Store, trial: Trial, images: int | None, use: Callable[[Path, int], T]
) -> tuple[T, tuple[str, ...]]:
    """Does something with a checkpoint of a trial: the newest that is whole, or that at ``images``.

    Args:
        prepared: the study.
        store: where its checkpoints lie.
        trial: the trial.
        images: training images seen; None for the newest.
        use: given a checkpoint's file and its images.

    Returns:
        What ``use`` returned, and a sentence on every checkpoint that was torn.

    Raises:
        UserError: there is none.
    """
    train_id = prepared.train_ids[trial.name]
    checkpoints = Checkpoints(store.trial_dir(train_id) / "checkpoints", store.mirror(train_id))
    kept = checkpoints.found()
    if not kept:
        raise UserError(f"trial: {trial.name} has no checkpoint in {store.place}; run the study first")
    if images is not None and images not in dict(kept):
        raise unknown("images", images, sorted({found for found, _ in kept}))
    problems: list[str] = []
    for found, path in kept:
        if images in (None, found):
            try:
                checkpoints.fetch(path)
                return use(path, found), tuple(problems)
            except CorruptCheckpoint as error:
                problems.append(str(error))
    raise UserError(f"trial: {trial.name} has no whole checkpoint: {'; '.join(problems)}")


def trial_of(prepared: Prepared, arm: str | None, seed: int | None) -> Trial:
    """Returns a trial by its arm, the baseline unless given, and its seed, the study's first unless given.

    Raises:
        UserError: there is none.
    """
    expansion = prepared.expansion
    names, seeds = [item.name for item in expansion.arms], expansion.study.seeds
    if arm is not None and arm not in names:
        raise unknown("arm", arm, names)
    if seed is not None and seed not in seeds:
        raise unknown("seed", seed, seeds)
    chosen = expansion.baseline if arm is None else expansion.arm(arm)
    return Trial(chosen, seeds[0] if seed is None else seed)
