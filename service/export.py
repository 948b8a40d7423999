"""Picks a trial of a study and one of its checkpoints, and exports the weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Unpack

from dit_core.errors import UserError, unknown
from dit_core.interop.export import Exported, export
from dit_core.training.checkpoint import Checkpoints, CorruptCheckpoint
from search_spaces.types import Trial
from service.export_choices import ExportChoices
from service.preflight import Prepared
from service.records.store import Store


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
    trial = _trial(prepared, which.get("arm"), which.get("seed"))
    train_id = prepared.train_ids[trial.name]
    checkpoints = Checkpoints(store.trial_dir(train_id) / "checkpoints", store.mirror(train_id))
    kept = checkpoints.found()
    if not kept:
        raise UserError(f"trial: {trial.name} has no checkpoint in {store.place}; run the study first")
    images = which.get("images")
    if images is not None and images not in dict(kept):
        raise unknown("images", images, sorted({found for found, _ in kept}))
    record = {
        "study": prepared.expansion.study.name,
        "arm": trial.arm.name,
        "seed": trial.seed,
        "train_id": train_id,
    }
    problems: list[str] = []
    for found, path in kept:
        if images in (None, found):
            try:
                checkpoints.fetch(path)
                exported = export(
                    trial.config,
                    path,
                    found,
                    to,
                    layout=which["layout"],
                    decay=which.get("decay"),
                    vae=which.get("vae"),
                    record=record,
                )
                return replace(exported, notes=(*problems, *exported.notes))
            except CorruptCheckpoint as error:
                problems.append(str(error))
    raise UserError(f"trial: {trial.name} has no whole checkpoint: {'; '.join(problems)}")


def _trial(prepared: Prepared, arm: str | None, seed: int | None) -> Trial:
    expansion = prepared.expansion
    names, seeds = [item.name for item in expansion.arms], expansion.study.seeds
    if arm is not None and arm not in names:
        raise unknown("arm", arm, names)
    if seed is not None and seed not in seeds:
        raise unknown("seed", seed, seeds)
    chosen = expansion.baseline if arm is None else expansion.arm(arm)
    return Trial(chosen, seeds[0] if seed is None else seed)
