"""What agents may use at most: set by a person on the command line, and nothing that an agent says changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dit_core.config import TrialConfig
from dit_core.paths import expanded
from search_spaces.fields import PATHS
from search_spaces.profiles import PROFILES
from search_spaces.study import Study
from search_spaces.types import Expansion
from service.agents.refusals import Refused
from service.analysis.preview import Preview
from service.cost.limits import HOUR, limit_of

_ROOM = 2.0
"""How much more than the upper end of its estimate a run may take before its own cap ends it."""
_LEAST_HOURS = 0.1
"""Estimates of runs shorter than this say little."""


@dataclass(frozen=True)
class Caps:
    """What agents may use at most; None for anything.

    Attributes:
        device_hours: device-hours of all studies together that agents start in a store.
        images: training images of a study, over all its trainings.
        lanes: lanes of a study.
        data_root: the folder below which plans may name data and files; None lets them name none.
        read_only: whether nothing may be started, stopped or written.
    """

    device_hours: float | None = None
    images: int | None = None
    lanes: int | None = None
    data_root: Path | None = None
    read_only: bool = False

    def require_own_files(self, expansion: Expansion) -> None:
        """Refuses a study that reads files which nobody said agents may have read.

        What the study's profile names itself may be read; a name on a model hub is no file below the data root.

        Raises:
            Refused: naming the field, the path and the folder that is allowed.
        """
        study = expansion.study
        usual = PROFILES.get(study.baseline.profile, "profile").config
        for field in sorted(PATHS):
            for value in dict.fromkeys(_at(arm.config, field) for arm in expansion.arms):
                if value is not None and value != _at(usual, field):
                    self._require_below(field, str(value))
        for field in study.search.values if study.search is not None else ():
            if field in PATHS:
                raise Refused("outside_data_root", f"search.{field}: an agent's study may not search over files")

    def _require_below(self, field: str, value: str) -> None:
        if self.data_root is None:
            raise Refused(
                "outside_data_root",
                f"{field}: {value!r} is a file or folder, and no folder was named that agents' studies may read; a "
                "person names one with `dit-ablate mcp --data-root FOLDER`",
            )
        root = self.data_root.resolve()
        if not expanded(value, field).resolve().is_relative_to(root):
            raise Refused("outside_data_root", f"{field}: {value!r} does not lie below the data root, {root}")

    def require_images(self, preview: Preview, study: Study) -> None:
        """Refuses a study that trains on more images than the cap allows.

        Raises:
            Refused: naming the images and the cap.
        """
        searched = study.search.trials * len(study.seeds) if study.search is not None else 0
        images = (preview.trainings + searched) * preview.budget_images
        if self.images is not None and images > self.images:
            raise Refused(
                "above_cap",
                f"budget_images: {preview.trainings + searched:,} trainings to {preview.budget_images:,} images are "
                f"{images:,} images in all, above the cap of {self.images:,} (--max-images)",
            )

    def lanes_for(self, study: Study) -> int | None:
        """Returns the lanes that a study has to be given, None where it may keep what it says.

        Raises:
            Refused: naming its lanes and the cap.
        """
        lanes = study.resources.lanes
        if self.lanes is not None and lanes is not None and lanes > self.lanes:
            raise Refused(
                "above_cap", f"resources.lanes: {lanes} given, above the cap of {self.lanes} lanes (--max-lanes)"
            )
        return self.lanes if lanes is None else None

    def hours_for(self, preview: Preview, spent: float, left: float) -> float:
        """Returns the device-hours that all runs of a study together may take, for its ``max_device_hours``.

        Args:
            preview: the study.
            spent: device-hours that its runs have taken so far.
            left: device-hours of the cap that are left for it.

        Raises:
            Refused: naming the estimate and the cap.
        """
        ahead = preview.estimate.ahead.total
        own = limit_of(preview.resources)
        may = float("inf") if own is None else max(0.0, own.hours - spent)
        wanted = min(ahead.middle / HOUR, may)
        if wanted > left:
            others = "" if self.device_hours == left else f", of which {left:.3g} are left"
            most = min(ahead.high / HOUR, may)
            raise Refused(
                "above_cap",
                f"the study is estimated at {wanted:.3g} device-hours (at most {most:.3g}), above the cap of "
                f"{self.device_hours:g} device-hours for all studies of agents{others} (--max-device-hours)",
            )
        return spent + min(left, may, max(_ROOM * ahead.high / HOUR, _LEAST_HOURS))


def with_resource(settings: Mapping[str, Any], name: str, value: float) -> dict[str, Any]:
    """Returns settings in which the study has a resource, however they speak of its resources."""
    whole = settings.get("resources")
    if isinstance(whole, Mapping):
        return {**settings, "resources": {**whole, name: value}}
    return {**settings, f"resources.{name}": value}


def _at(config: TrialConfig, field: str) -> Any:
    found: Any = config
    for part in field.split("."):
        found = getattr(found, part)
    return found
