"""What is damaged, and what it costs to make it again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from service.analysis.damage import Damage, DamageKind
from service.analysis.numbers import compute, duration


class Remedy(StrEnum):
    """How something is made again.

    ``record`` is written from what is known and costs nothing, ``evaluate`` samples and scores weights that are there,
    ``train`` trains first, ``run`` is done by the study's next run, and ``none`` cannot be made again; then nothing
    rests on it.
    """

    RECORD = "record"
    EVALUATE = "evaluate"
    TRAIN = "train"
    RUN = "run"
    NONE = "none"


@dataclass(frozen=True)
class Finding:
    """Something damaged with its remedy.

    Attributes:
        damage: what it is.
        remedy: how it is made again.
        start: images seen by the newest sound checkpoint that training begins from.
        images: images that it ends at; equal to ``start`` where nothing is trained.
        seconds: estimated device-seconds; None where no record tells.
        gmacs: multiply-adds of the training, in 10^9.
    """

    damage: Damage
    remedy: Remedy
    start: int = 0
    images: int = 0
    seconds: float | None = 0.0
    gmacs: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether results rest on it, so that the store is not sound."""
        return self.damage.kind not in _BESIDE

    @property
    def cost(self) -> str:
        """What it costs to make it again, for people."""
        if self.remedy is Remedy.NONE:
            return "cannot be made again; nothing rests on it"
        if self.remedy is Remedy.RECORD:
            return "nothing: it follows from what is there"
        about = "in a time that no record tells" if self.seconds is None else f"about {duration(self.seconds)}"
        if self.remedy is Remedy.EVALUATE:
            return f"evaluating again, {about} of a device"
        trained = f"training from {self.start:,} to {self.images:,} images ({compute(self.gmacs)}), {about} of a device"
        if self.remedy is Remedy.TRAIN:
            return trained
        return f"{trained}, by the study's next run" if self.images > self.start else "the study's next run makes it"

    def to_json(self) -> dict[str, Any]:
        """Returns it as plain JSON data."""
        damage = self.damage
        return {
            "kind": damage.kind.value,
            "key": damage.key,
            "text": damage.text,
            "study": damage.study or None,
            "trials": list(damage.trials),
            "counts": self.counts,
            "remedy": self.remedy.value,
            "train_from": self.start,
            "train_to": self.images,
            "device_seconds": self.seconds,
            "cost": self.cost,
        }


_BESIDE = (DamageKind.HISTORY, DamageKind.COUNTS, DamageKind.UNUSED, DamageKind.LEFTOVER)
"""What no result rests on."""
