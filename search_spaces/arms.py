"""The arms of a study while they are being found: each distinct configuration once, under a readable name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
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
        found: configuration, as ``comparable`` has it -> the arm.
        asked: the same key -> the ablations that asked for the arm.
        proposed: keys of the arms that nothing but a proposal has asked for.
    """

    baseline: TrialConfig
    profile: Profile
    found: dict[str, Arm] = field(default_factory=dict)
    asked: dict[str, list[str]] = field(default_factory=dict)
    proposed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ask({}, None)

    def ask(
        self,
        settings: dict[str, Any],
        ablation: str | None,
        label: str = "",
        name: str = "",
        *,
        proposed: bool = False,
    ) -> tuple[str, bool]:
        """Returns the name of the arm with ``settings``, and whether it is new.

        Args:
            settings: dotted field -> value, on top of the baseline.
            ablation: who asks; None for the baseline itself.
            label: names an invalid arm in the error.
            name: what a new arm is called; empty calls it by how it differs from the baseline.
            proposed: whether a proposal asks, while the study runs: a new arm then changes no other arm.

        Raises:
            UserError: the settings make no valid configuration, or the name is another arm's.
        """
        config = with_fields(self.baseline, settings, f"arm {label!r}" if label else "")
        key = comparable(config).model_dump_json()
        new = key not in self.found
        if new:
            delta, described = self._delta(config)
            called = (name or described) if delta else "baseline"
            if any(arm.name == called for arm in self.found.values()):
                raise UserError(f"arm {called!r}: another arm has this name; give it a name of its own")
            self.found[key] = Arm(called, config, delta, (), is_baseline=not delta)
            self.asked[key] = []
            if proposed:
                self.proposed.add(key)
        if ablation is not None and ablation not in self.asked[key]:
            self.asked[key].append(ablation)
        return self.found[key].name, new

    def finished(self) -> tuple[Arm, ...]:
        """Returns every arm with the ablations that asked for it, the baseline first.

        The trainings of the study's own arms keep every average of the weights that one of them evaluates. A proposed
        arm adds none to them, so that no training that has begun becomes another: its own training keeps its own.
        """
        decays = tuple(_evaluated(arm.config for key, arm in self.found.items() if key not in self.proposed))
        return tuple(
            replace(
                arm,
                config=_keeping(
                    arm.config, self.baseline, (*decays, *_evaluated([arm.config])) if key in self.proposed else decays
                ),
                ablations=tuple(self.asked[key]),
            )
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
        own = flat(comparable(self.baseline))
        for name, value in flat(comparable(config)).items():
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


def comparable(config: TrialConfig) -> TrialConfig:
    """Returns ``config`` without the averages that are kept beside the first: they make no arm another."""
    training = config.training.model_copy(update={"ema_decays": config.training.ema_decays[:1]})
    return config.model_copy(update={"training": training})
