"""The arms of a study while they are being found: each distinct configuration once, under a readable name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from dit_core.config import TrialConfig
from dit_core.errors import UserError, unknown
from search_spaces.axes import all_axes
from search_spaces.fields import flat, get_field, with_fields
from search_spaces.profiles import Profile
from search_spaces.types import Arm


class Averages(NamedTuple):
    """Averages of the weights.

    Attributes:
        decays: of exponential averages.
        lengths: of power-function averages.
    """

    decays: tuple[float, ...]
    lengths: tuple[float, ...]


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
    names: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ask({}, None)

    @cached_property
    def _plain(self) -> dict[str, Any]:
        """The baseline's fields, as arms are told apart by them."""
        return flat(comparable(self.baseline))

    @cached_property
    def _values(self) -> dict[str, Any]:
        """The baseline's value of every field that an axis sets."""
        return {name: get_field(self.baseline, name) for axis in all_axes() for name in axis.fields}

    def ask(
        self,
        settings: dict[str, Any],
        ablation: str | None,
        label: str = "",
        name: str = "",
        *,
        proposed: bool = False,
        on: str = "",
        written: Mapping[str, str] | None = None,
    ) -> tuple[str, bool]:
        """Returns the name of the arm with ``settings``, and whether it is new.

        Args:
            settings: dotted field -> value, on top of the baseline or of another arm.
            ablation: who asks; None for the baseline itself.
            label: names an invalid arm in the error.
            name: what a new arm is called; empty calls it by how it differs from the baseline.
            proposed: whether a proposal asks, while the study runs: a new arm then changes no other arm.
            on: that other arm; empty for the baseline.
            written: dotted field -> the name by which the user set it.

        Raises:
            UserError: the settings make no valid configuration, or the name is another arm's.
        """
        config = with_fields(self.config(on), settings, f"arm {label!r}" if label else "", written)
        key = comparable(config).model_dump_json()
        new = key not in self.found
        if new:
            delta, described = self._delta(config)
            called = (name or described) if delta else "baseline"
            if called in self.names:
                raise UserError(f"arm {called!r}: another arm has this name; give it a name of its own")
            self.names.add(called)
            self.found[key] = Arm(called, config, delta, (), is_baseline=not delta)
            self.asked[key] = []
            if proposed:
                self.proposed.add(key)
        if ablation is not None and ablation not in self.asked[key]:
            self.asked[key].append(ablation)
        return self.found[key].name, new

    def config(self, name: str = "") -> TrialConfig:
        """Returns the configuration of an arm as it was asked for, that of the baseline without a name.

        Raises:
            UserError: no arm is called that.
        """
        if not name:
            return self.baseline
        for arm in self.found.values():
            if arm.name == name:
                return arm.config
        raise unknown("arm", name, self.names)

    def finished(self) -> tuple[Arm, ...]:
        """Returns every arm with the ablations that asked for it, the baseline first.

        The trainings of the study's own arms keep every average of the weights that one of them evaluates. A proposed
        arm adds none to them, so that no training that has begun becomes another: its own training keeps its own.
        """
        shared = _evaluated(arm.config for key, arm in self.found.items() if key not in self.proposed)
        return tuple(
            replace(
                arm,
                config=_keeping(arm.config, self.baseline, shared, *self._own(key)),
                ablations=tuple(self.asked[key]),
            )
            for key, arm in self.found.items()
        )

    def _own(self, key: str) -> list[Averages]:
        """Returns the averages that a proposed arm evaluates, which its own training alone keeps."""
        return [_evaluated([self.found[key].config])] if key in self.proposed else []

    def _delta(self, config: TrialConfig) -> tuple[dict[str, Any], str]:
        """Describes how ``config`` differs from the baseline: by the first axes that cover the differing fields,
        and by the names of the fields that no axis covers.
        """
        delta: dict[str, Any] = {}
        labels: list[str] = []
        covered: set[str] = set()
        for axis in all_axes():
            changed = {f for f in axis.fields if get_field(config, f) != self._values[f]} - covered
            value = axis.current(config, self.profile) if changed else None
            if changed and value is not None:
                delta[axis.name] = value
                labels.append(f"{axis.name}={axis.label(value)}")
                covered |= set(axis.fields)
        own = self._plain
        for name, value in flat(comparable(config)).items():
            if value != own[name] and name not in covered:
                delta[name] = value
                labels.append(f"{name}={value}")
        return delta, ",".join(labels)


def _evaluated(configs: Iterable[TrialConfig]) -> Averages:
    """The averages of the weights that evaluations ask for by value."""
    asked = [config.evaluation for config in configs]
    decays = sorted({decay for one in asked if (decay := one.ema_decay)})
    return Averages(tuple(decays), tuple(sorted({length for one in asked if (length := one.ema_length)})))


def _keeping(config: TrialConfig, baseline: TrialConfig, *asked: Averages) -> TrialConfig:
    """Returns ``config`` keeping every average that some arm evaluates, so that those arms share one training.

    The first decay stays first: it is what gets evaluated when an evaluation names none.
    """
    own = Averages(baseline.training.ema_decays, baseline.training.ema_lengths)
    decays = (*config.training.ema_decays[:1], *(decay for averages in (own, *asked) for decay in averages.decays))
    lengths = (length for averages in (own, *asked) for length in averages.lengths)
    kept = Averages(tuple(dict.fromkeys(decays)), tuple(dict.fromkeys(lengths)))
    if kept == (config.training.ema_decays, config.training.ema_lengths):
        return config
    return with_fields(config, {"training.ema_decays": kept.decays, "training.ema_lengths": kept.lengths})


def comparable(config: TrialConfig) -> TrialConfig:
    """Returns ``config`` without the averages that are kept beside the first: they make no arm another."""
    training = config.training.model_copy(update={"ema_decays": config.training.ema_decays[:1], "ema_lengths": ()})
    return config.model_copy(update={"training": training})
