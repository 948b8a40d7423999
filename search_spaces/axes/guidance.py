"""Classifier-free guidance: how strong, in which channels, at which noise levels. None of it retrains."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from dit_core.diffusion.guidance import guided_channels
from dit_core.errors import UserError
from search_spaces.axes.base import Axis, number
from search_spaces.axes.number import NumberAxis
from search_spaces.profiles import Profile
from search_spaces.words import meaningful, without, words

EVERYWHERE = (0.0, 1.0)

_PAIR = re.compile(r"[\[(]?\s*(\d*\.?\d+)\s*(?:-|–|to|and|until|,|;|:)\s*(\d*\.?\d+)\s*[\])]?")


_EVERYWHERE = re.compile(
    r"\beverywhere\b|\b(?:always|throughout)(?: sampling)?\b"
    r"|\b(?:(?:at|over|for|on|in)\s+)?(?:the\s+)?(?:all|every|full|whole|entire)\s+(?:of\s+)?(?:the\s+)?"
    r"(?:noise levels?|(?:sampling |time ?)?steps?|trajectory|range|interval|sampling(?: process)?)\b",
    re.I,
)


@dataclass(frozen=True, kw_only=True)
class GuidanceChannelsAxis(NumberAxis):
    """A number of channels; the usual one is what a config has that names none."""

    def values(self, profile: Profile) -> tuple[Any, ...]:
        """The last two numbers of channels, e.g. 3 and 4 of 4; 1 where there is but one."""
        channels = profile.config.model.in_channels
        return tuple(range(max(1, channels - 1), channels + 1))

    def settings(self, value: Any, profile: Profile, baseline: TrialConfig) -> dict[str, Any]:
        """Returns the number, None for the usual one: one measurement has one configuration."""
        return {self.fields[0]: None if value == guided_channels(baseline.model.in_channels) else value}

    def current(self, config: TrialConfig, profile: Profile) -> Any:
        """Returns the number of channels that guidance would reach."""
        return guided_channels(config.model.in_channels, config.evaluation.guidance_channels)


@dataclass(frozen=True, kw_only=True)
class GuidanceIntervalAxis(Axis):
    """Values are pairs of noise levels, (0, 1) being everywhere."""

    @property
    def spoken(self) -> tuple[str, ...]:
        """The axis's names and what is said around a pair: ``guidance only at noise levels between 0.1 and 0.5``."""
        return (*self.names, "guidance", "cfg", "only", "between", "applied", "apply", "active", "noise level", "level",
                "interval", "restricted", "limited", "within", "range", "inside", "when", "sigma", "t", "limit",
                "restrict")  # fmt: skip

    def values(self, profile: Profile) -> tuple[Any, ...]:
        """Everywhere, all but the noisiest levels, and the lower middle."""
        return (EVERYWHERE, (0.0, 0.7), (0.1, 0.5))

    def parse(self, text: Any, profile: Profile) -> Any:
        """Returns the pair that ``text`` names: ``0.1-0.5``, ``from 0.1 to 0.5``, ``everywhere``."""
        shown = "-".join(map(str, text)) if isinstance(text, list | tuple) else str(text)
        pair = _PAIR.search(shown)
        rest = _PAIR.sub(" ", shown, count=1) if pair else _EVERYWHERE.sub(" ", shown, count=1)
        known = pair is not None or rest != shown
        if known and not meaningful(without(words(rest), map(words, ("noise level", "level", *self.spoken)))):
            low, high = (float(pair[1]), float(pair[2])) if pair else EVERYWHERE
            if 0 <= low < high <= 1:
                return low, high
        raise UserError(
            f"{self.name}: {text!r} is not two rising noise levels from 0 (data) to 1 (noise); "
            f"values are written like {', '.join(map(self.label, self.values(profile)))}"
        )

    def settings(self, value: Any, profile: Profile, baseline: TrialConfig) -> dict[str, Any]:
        """Returns the pair, None for everywhere: one measurement has one configuration."""
        return {self.fields[0]: None if value == EVERYWHERE else value}

    def current(self, config: TrialConfig, profile: Profile) -> Any:
        """Returns the pair in use."""
        return config.evaluation.guidance_interval or EVERYWHERE

    def label(self, value: Any) -> str:
        """Returns e.g. ``0.1-0.5``."""
        return "everywhere" if value == EVERYWHERE else "-".join(number(end) for end in value)


AXES_OF_GUIDANCE: tuple[Axis, ...] = (
    NumberAxis(
        name="guidance_scale",
        title="Guidance scale",
        description="strength of classifier-free guidance, 1 being none",
        citation="Ho & Salimans, arXiv 2207.12598; 1.25, 1.5 and 4 in Peebles & Xie, arXiv 2212.09748",
        fields=("evaluation.guidance_scale",),
        absent=("unguided sampling", "conditional model only", "plain conditional model", "conditional only",
                "guidance free sampling", "standard conditional sampling", "ordinary conditional sampling",
                "conditional prediction only", "conditional prediction alone", "conditional score alone",
                "conditional score only", "conditional output only", "conditional branch only",
                    "unguided", "no guidance", "plain conditional sampling",),
        vocabulary=(
        "how strongly samples are guided", "turn on guidance", "no guidance", "guided sampling",
            "cfg weight", "cfg strength", "guidance weight", "cfg value", "pushed towards the class",
            "pushed towards their class", "push towards the class", "how strongly the class",
            "amplifying the class", "amplify the class", "strength of the class signal",
            "trade diversity for fidelity", "guidance factor", "guidance coefficient",
            "sharpening towards the class", "conditional push", "cfg factor", "guidance level", "guided",
            "unguided", "with guidance", "without guidance", "strength of guidance",
            "conditional and unconditional", "extrapolation", "w",
        ),
        unlike=("guided channels", "channels are guided",),
        aliases=(
            "cfg guidance scale", "classifier free guidance weight", "classifier free guidance strength",
            "guidance factor", "guidance magnitude", "guidance intensity", "cfg value", "cfg factor",
            "guidance level", "guidance w", "guidance coefficient", "cfg", "cfg scale", "guidance",
            "classifier free guidance", "classifier free guidance scale", "guidance weight", "guidance strength",
            "cfg weight", "cfg strength",
        ),
        suggested=(1.0, 1.25, 1.5, 4.0),
        remove_value=1.0,
        remove_means="no guidance (scale 1)",
        add_values=(1.25, 1.5, 4.0),
        add_means="some guidance",
    ),
    GuidanceChannelsAxis(
        name="guidance_channels",
        title="Guidance channels",
        description="leading channels that are guided (three of four latent ones as released); needs a guidance scale",
        citation="the released code of Peebles & Xie, arXiv 2212.09748, guides three of four",
        fields=("evaluation.guidance_channels",),
        vocabulary=(
        "three channel guidance", "first three channels", "guidance on a subset of channels",
        "apply guidance to all channels", "guidance over all channels", "partial guidance",
        "guide all latent channels", "channel subset",
            "latent channels", "three channels", "four channels", "first three", "first three latent channels",
            "channels", "all four channels", "channels are guided", "guidance on",
        ),
        aliases=(
            "channels under guidance", "channels that are guided", "guided latent channels",
            "channels guidance is applied to", "guided channels", "cfg channels", "number of guided channels",
        ),
        units=("channel",),
        kind=int,
        remove_means="take guidance itself away with guidance_scale",
    ),
    GuidanceIntervalAxis(
        name="guidance_interval",
        title="Guidance interval",
        description="noise levels, 0 data to 1 noise, at which guidance is on; needs a guidance scale",
        citation="Kynkäänniemi et al., arXiv 2404.07724",
        fields=("evaluation.guidance_interval",),
        vocabulary=(
        "limited interval", "limited guidance", "guidance on part of the trajectory", "guidance schedule window",
        "part of the trajectory that is guided", "guidance start and end", "noise levels that are guided",
        "early steps unguided",
            "only at noise levels", "noise levels between", "guided steps", "high noise levels",
            "low noise levels", "restrict guidance", "limited interval guidance", "when guidance is applied",
            "noise levels", "interval", "interval of noise levels", "active", "guidance is active",
            "guidance is on", "limited", "part of the trajectory", "portion of the trajectory", "window",
            "only in the middle", "middle of sampling",
        ),
        aliases=(
            "guidance window", "interval for guidance", "interval of guidance",
            "noise levels at which guidance is applied", "where guidance is applied", "when guidance is applied",
            "range of noise levels with guidance", "guidance at all noise levels", "guidance at every noise level",
            "guided noise levels", "cfg window", "limited guidance interval", "guidance throughout sampling",
            "guidance over the whole trajectory", "interval in which guidance is applied", "cfg interval",
            "limited interval guidance", "interval guidance", "guidance range", "cfg range",
            "guidance limited to an interval",
        ),
        remove_value=EVERYWHERE,
        remove_means="guidance at every noise level",
        add_values=((0.0, 0.7), (0.1, 0.5)),
        add_means="guidance at some noise levels only",
    ),
)  # fmt: skip
