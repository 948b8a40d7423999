"""Blocks that share their weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.profiles import Profile

_BLOCKS = {"none": 1, "pairs": 2, "all": 0}


@dataclass(frozen=True, kw_only=True)
class WeightTyingAxis(ChoiceAxis):
    """Names for how many consecutive blocks share one set of weights."""

    def settings(self, value: Any, profile: Profile, baseline: TrialConfig) -> dict[str, Any]:
        """Returns how many blocks share."""
        return {self.fields[0]: _BLOCKS[value]}

    def current(self, config: TrialConfig, profile: Profile) -> Any:
        """Returns the name, or None for another number of blocks."""
        return next((name for name, blocks in _BLOCKS.items() if blocks == config.model.shared_blocks), None)


AXIS = WeightTyingAxis(
    name="weight_tying",
    title="Weight tying over depth",
    description="blocks that share one set of weights: fewer parameters at the same depth and the same Gflops",
    citation="all: Lan et al., ALBERT, arXiv 1909.11942, section 3.1, and Dehghani et al., arXiv 1807.03819; pairs: "
    "Liu et al., MobileLLM, arXiv 2402.14905",
    fields=("model.shared_blocks",),
    aliases=(
        "layer tying", "block tying", "cross block sharing", "cross layer sharing", "albert style sharing",
        "parameter tying", "cross layer weight sharing", "sharing of weights across blocks",
        "sharing of weights across layers", "weight sharing", "cross layer parameter sharing", "parameter sharing",
        "layer sharing", "block sharing", "weight sharing across layers", "weight sharing across blocks",
        "weight tying across layers", "weight tying across blocks", "parameter sharing across layers",
        "parameter sharing across blocks", "shared blocks", "shared weights", "tied weights", "tied blocks",
        "tied layers", "shared layers", "weight tying", "recurrent depth", "looped transformer",
        "universal transformer",
    ),
    vocabulary=(
        "tie weights", "tie the blocks", "shared block weights", "universal", "iterated block",
        "single block reused", "same block repeated", "share params", "share blocks", "parameter recycling",
        "weights are shared", "sharing parameters between layers",
        "recurrent depth", "looped transformer", "universal transformer", "parameter reuse",
        "recycling parameters", "recycled weights", "recycle", "one set of weights", "one set for all layers",
        "neighbouring layers in pairs", "same parameters in every layer", "same weights in every layer",
        "repeat the same block", "one block repeated", "owns its weights", "own weights", "share weights",
        "let layers share", "shared parameters", "reusing blocks", "reuse of layers", "tied", "sharing", "share",
        "reuse", "recurrent", "loop", "looped", "albert", "same weights",
    ),
    unlike=("shared modulation", "adaln single", "shared adaln", "tied embeddings", "weight decay", "shared embedding",
            "modulation shared by all blocks", "modulation mlp shared by all blocks", "mlp shared by all blocks",
            "network shared by all blocks", "mlp shared by every block", "modulation shared across blocks",
            "modulation mlp shared across blocks"),
    legal=lambda: tuple(_BLOCKS),
    around=("sharing", "shared", "tied", "tying", "layers", "blocks", "weights"),
    value_aliases={
        "none": ("untied", "unshared", "no sharing", "no tying", "separate weights", "independent", "off"),
        "pairs": (
        "every two blocks share",

            "pairs of blocks", "neighbouring pairs", "adjacent blocks", "pairs of layers", "pair",
            "every two blocks", "two consecutive blocks", "adjacent pairs", "in pairs", "pairwise",
        ),
        "all": (
        "all blocks share", "universal transformer", "one block reused",

            "all blocks", "all layers", "whole depth", "single shared block", "one shared block", "every block",
            "across all layers", "across all blocks", "full sharing", "fully shared", "fully tied", "one block",
            "single block", "one set for all layers", "one set for the whole stack", "one set of weights",
            "whole stack", "albert style", "on",
        ),
    },
    remove_value="none",
    remove_means="weights of its own for every block",
    add_values=("pairs", "all"),
    add_means="blocks that share their weights",
)  # fmt: skip
