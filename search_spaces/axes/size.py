"""How wide and deep the network is: a ladder of sizes, the same names in every profile."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.fields import get_field
from search_spaces.profiles import PROFILES, Profile

_SHAPED = re.compile(r"(?P<name>[^()\[\]]*\S)\s*[(\[](?P<shape>[^()\[\]]*\d[^()\[\]]*)[)\]]")
_DIMENSIONS = re.compile(
    r"\b(?:layers?|blocks?|depth|hidden|size|dim(?:ension)?s?|width|channels?|attention|heads?|embed\w*|of|and|n|l|d|h)\b",
    re.I,
)


def _is_shape_of(value: str, text: str, profile: Profile) -> bool:
    """Whether a text says the layers, width or heads that a size has here or in the paper: ``12 layers, d=384``."""
    numbers = {int(number) for number in re.findall(r"\d+", text)}
    if re.search(r"[a-z]", _DIMENSIONS.sub(" ", text), re.IGNORECASE):
        return False
    known = [profile.sizes.get(value), PROFILES.get("paper").sizes.get(value)]
    return any(size and numbers <= {size.hidden_size, size.depth, size.num_heads} for size in known)


@dataclass(frozen=True, kw_only=True)
class SizeAxis(ChoiceAxis):
    """Sizes by name; the profile says what they are."""

    def legal_values(self, profile: Profile) -> tuple[str, ...]:
        """The profile's ladder."""
        return tuple(profile.sizes)

    def parse(self, text: Any, profile: Profile) -> Any:
        """Returns the size; ``DiT-XL/2`` names a patch size as well, which must be the profile's own."""
        shaped = _SHAPED.fullmatch(str(text).strip())
        if shaped is not None:
            value = super().parse(shaped["name"], profile)
            if _is_shape_of(value, shaped["shape"], profile):
                return value
        patch = re.fullmatch(r"(.*[a-z])\s*/\s*(\d+)", str(text).strip(), re.IGNORECASE)
        if patch is None:
            return super().parse(text, profile)
        own = profile.config.model.patch_size
        if patch[2].lstrip("0") != str(own):
            raise UserError(
                f"{self.name}: {text!r} names patch size {patch[2]} as well, and the {profile.name} baseline has "
                f"{own}; write the size alone, or vary both with a grid"
            )
        return super().parse(patch[1], profile)

    def settings(self, value: Any, profile: Profile, baseline: TrialConfig) -> dict[str, Any]:
        """Returns width, depth and heads."""
        size = profile.sizes[value]
        return {
            "model.hidden_size": size.hidden_size,
            "model.depth": size.depth,
            "model.num_heads": size.num_heads,
        }

    def current(self, config: TrialConfig, profile: Profile) -> Any:
        """Returns the size's name, or None for a shape that is not on the ladder."""
        shape = {name: get_field(config, name) for name in self.fields}
        return next((name for name in profile.sizes if self.settings(name, profile, config) == shape), None)


AXIS = SizeAxis(
    name="size",
    title="Model size",
    description="width, depth and heads together, from the profile's ladder",
    citation="Peebles & Xie, arXiv 2212.09748, Table 1",
    fields=("model.hidden_size", "model.depth", "model.num_heads"),
    vocabulary=(
        "model config", "small model", "base model", "large model", "scale of the backbone", "preset",
        "smaller backbone", "bigger backbone",
        "member of the family", "family member", "model variant", "which dit", "number of weights", "weight count",
        "parameter budget", "small base large", "size of the transformer", "size of the network",
        "overall capacity", "s b l xl", "capacity", "bigger", "larger model", "smaller model", "bigger model",
        "model scaling", "scaling the model", "growing the model", "parameter count", "parameters", "params",
        "width and depth together", "dit sizes", "model family", "dit s", "dit b", "dit l", "dit xl",
    ),
    unlike=(
        "hidden size", "patch size", "batch size", "step size", "guidance scale", "scale of the guidance",
        "noise scale", "scale of the noise", "scale of the initial noise", "scale and shift", "shift and scale",
        "multi scale", "large scale", "image scale", "residual scale",
    ),
    aliases=(
        "dit scale", "dit variant", "backbone scale", "total parameters", "capacity of the model",
        "capacity of the network", "dit config", "model variant", "network scale", "overall model size",
        "dit size", "network size", "model scale", "model capacity", "scale", "number of parameters",
        "transformer size", "model configuration", "backbone size",
    ),
    legal=tuple,
    value_aliases={
        "S": ("small", "dit s"),
        "B": ("base", "dit b"),
        "L": ("large", "dit l"),
        "XL": ("xlarge", "extra large", "x large", "dit xl"),
    },
    ordered=True,
    remove_means="a model always has a size; use REPLACE with a smaller one",
)  # fmt: skip
