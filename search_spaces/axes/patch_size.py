"""How finely the input is cut into tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from search_spaces.axes.number import NumberAxis
from search_spaces.profiles import Profile


@dataclass(frozen=True, kw_only=True)
class PatchSizeAxis(NumberAxis):
    """Patch sizes, also written ``4x4`` or ``/4``."""

    def values(self, profile: Profile) -> tuple[Any, ...]:
        """The profile's patch sizes."""
        return profile.patch_sizes

    def _written(self, text: str) -> float | None:
        plain = text.replace("×", "x").replace("/", " ")  # 4×4 and DiT's "/4"
        square = re.sub(r"(\d+)\s*(?:x|by|\*)\s*\1(?!\d)", r" \1 ", plain, flags=re.IGNORECASE)
        return super()._written(square)


AXIS = PatchSizeAxis(
    name="patch_size",
    title="Patch size",
    description="side of one patch; (input size / patch size) squared tokens, so Gflops change and parameters hardly",
    citation="Peebles & Xie, arXiv 2212.09748, section 3.2 and Table 4",
    fields=("model.patch_size",),
    aliases=("patch", "patchify", "patchify layer", "patchification", "patch embedding size", "patch dimension",
             "patch resolution", "size of patches", "size of the patches", "size of a patch", "token size", "p"),
    units=("pixel", "px", "latent cell"),
    kind=int,
    remove_value=1,
    remove_means="patch size 1: every cell of the input is a token of its own",
)  # fmt: skip
