"""The unit of work: one trial from its newest checkpoint to its next rung, evaluated there."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dit_core.config import TrialConfig
from service.records.segment_names import segment_name


@dataclass(frozen=True)
class Segment:
    """What a lane runs. Plain data, so that it crosses process boundaries as JSON.

    Attributes:
        trial: the trial's name in its study (for people).
        train_id: identity of the weights; names the trial's folder in the store.
        until: training images at which the segment ends and the trial is evaluated.
        config: the trial's configuration as plain JSON data.
        checkpoint_images: images between checkpoints inside the segment; None for its end only.
        study: the study that pays for it.
        run: the number of the study's run that hands it out; 0 for none.
        micro_batch: images that a worker may put through the network at once, after it ran out of memory; 0 for as many
            as the configuration and the checkpoint say.
    """

    trial: str
    train_id: str
    until: int
    config: dict[str, Any]
    checkpoint_images: int | None = None
    study: str = ""
    run: int = 0
    micro_batch: int = 0

    @property
    def id(self) -> str:
        """Identifies the segment within a store: the weights, where it ends, and how they are evaluated there."""
        return segment_name(self.train_id, self.until, self.config)

    def trial_config(self) -> TrialConfig:
        """Returns the typed configuration."""
        return TrialConfig.model_validate(self.config)

    def to_json(self) -> dict[str, Any]:
        """Returns the segment as plain JSON data; ``Segment(**data)`` is the way back."""
        return asdict(self)
