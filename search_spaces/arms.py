"""The arms of a study while they are being found: each distinct configuration once, under a readable name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from dit_core.config import TrialConfig
from search_spaces.axes import all_axes
from search_spaces.fields import flat, get_field, with_fields
from search_spaces.profiles import Profile
from search_spaces.types import Arm


@dataclass
class Arms:
    """The arms found so far, by configuration; the baseline is the first.

    Attributes:
        baseline: the baseline's configuration.
        profile: the study's profile.
    """

    baseline: TrialConfig
    profile: Profile
    found: dict[str, Arm] = field(default_factory=dict)
    asked: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ask({}, None)

    def ask(self, settings: dict[str, Any], ablation: str | None, label: str = "", name: str = "") -> tuple[str, bool]:
        """Returns the name of the arm with ``settings``, and whether it is new.

        Args:
            settings: dotted field -> value, on top of the baseline.
            ablation: who asks; None for the baseline itself.
            label: names an invalid arm in the error.
            name: what a new arm is called; empty calls it by how it differs from the baseline.

        Raises:
            UserError: the settings make no valid configuration.
        """
        config = with_fields(self.baseline, settings, f"arm {label!r}" if label else "")
        key = _alike(config).model_dump_json()
        new = key not in self.found
        if new:
            delta, described = self._delta(config)
            self.found[key] = Arm(
                (name or described) if delta else "baseline", config, delta, (), is_baseline=not delta
            )
            self.asked[key] = []
        if ablation is not None and ablation not in self.asked[key]:
            self.asked[key].append(ablation)
        return self.found[key].name, new

    def finished(self) -> tuple[Arm, ...]:
        """Returns every arm with the ablations that asked for it, the baseline first."""
        decays = tuple(_evaluated(arm.config for arm in self.found.values()))
        return tuple(
            replace(arm, config=_keeping(arm.config, self.baseline, decays), ablations=tuple(self.asked[key]))
            for key, arm in self.found.items()
        )

    def _delta(self, config: TrialConfig) -> tuple[dict[str, Any], str]:
        """Describes how ``config`` differs from the baseline: by the first axes that cover the differing fields,
        and by the names of the fields that no axis covers.
        """
        delta: dict[str, Any] = {}
        labels: list[str] = []
        covered: set[str] = set()
        for axis in all_axes():
            changed = {f for f in axis.fields if get_field(config, f) != get_field(self.baseline, f)} - covered
            value = axis.current(config, self.profile)
            if changed and value is not None:
                delta[axis.name] = value
                labels.append(f"{axis.name}={axis.label(value)}")
                covered |= set(axis.fields)
        own = flat(_alike(self.baseline))
        for name, value in flat(_alike(config)).items():
            if value != own[name] and name not in covered:
                delta[name] = value
                labels.append(f"{name}={value}")
        return delta, ",".join(labels)


def _evaluated(configs: Iterable[TrialConfig]) -> list[float]:
    """The decays of weight averages that evaluations ask for by value."""
    return sorted({decay for config in configs if (decay := config.evaluation.ema_decay)})


def _keeping(config: TrialConfig, baseline: TrialConfig, decays: tuple[float, ...]) -> TrialConfig:
    """Returns ``config`` keeping every average that some arm evaluates, so that those arms share one training.

    The first stays first: it is what gets evaluated when an evaluation names none.
    """
    kept = tuple(dict.fromkeys((*config.training.ema_decays[:1], *baseline.training.ema_decays, *decays)))
    return with_fields(config, {"training.ema_decays": kept})


def _alike(config: TrialConfig) -> TrialConfig:
    """Returns ``config`` without the averages that are only kept: they make no arm another."""
    training = config.training.model_copy(update={"ema_decays": config.training.ema_decays[:1]})
    return config.model_copy(update={"training": training})
