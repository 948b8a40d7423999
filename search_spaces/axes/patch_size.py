"""How finely the input is cut into tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from search_spaces.axes.number import NumberAxis
from search_spaces.profiles import Profile

_CELL = (
    r"(?:single\s+)?(?:latent\s+|input\s+)?(?:position|cell|pixel|element|location)"
    r"(?:\s+(?:of|in)\s+the\s+(?:latent|input|noised latent)s?(?:\s+(?:grid|map))?)?"
)
_EVERY_CELL = re.compile(
    rf"\W*(?:(?:(?:use|treat|take|make|turn)\s+)?(?:every|each)\s+{_CELL}\s+"
    r"(?:(?:is|as|be|becomes?|into|serves\s+as|being)\s+)?(?:its\s+own|a(?:\s+separate|\s+single)?|one)\s+token(?:\s+of\s+its\s+own)?"
    rf"|one\s+token\s+(?:per|for\s+(?:each|every))\s+{_CELL})"
    r"(?:\s*[(,]\s*(?:with\s+)?(?:no|without(?:\s+any)?)\s+(?:grouping(?:\s+into\s+patches)?|patch(?:es|ing|ification)?)\s*\)?)?\W*",
    re.I,
)
"""What says that nothing is grouped: ``every position of the latent is a token of its own``."""


@dataclass(frozen=True, kw_only=True)
class PatchSizeAxis(NumberAxis):
    """Patch sizes, also written ``4x4`` or ``/4``."""

    def values(self, profile: Profile) -> tuple[Any, ...]:
        """The profile's patch sizes."""
        return profile.patch_sizes

    def _written(self, text: str) -> float | None:
        if _EVERY_CELL.fullmatch(text) is not None:
            return 1.0
        plain = text.replace("×", "x").replace("/", " ")  # 4×4 and DiT's "/4"
        square = re.sub(r"(\d+)\s*(?:x|by|\*)\s*\1(?!\d)", r" \1 ", plain, flags=re.IGNORECASE)
        return super()._written(square)


AXIS = PatchSizeAxis(
    name="patch_size",
    title="Patch size",
    description="side of one patch; (input size / patch size) squared tokens, so Gflops change and parameters hardly",
    citation="Peebles & Xie, arXiv 2212.09748, section 3.2 and Table 4",
    fields=("model.patch_size",),
    means_too=("token",),
    vocabulary=(
        "tokeniser stride", "patchify stride", "patch embed stride", "bigger patches", "number of image tokens",
        "patchifier",
        "pixels per patch", "cells per patch", "token density", "number of input tokens", "image tokenization",
        "patchification stride", "finer patches", "coarser patches", "patch embedding convolution",
        "non overlapping patches", "patches of", "patch granularity", "patchification granularity",
        "token resolution", "patch stride", "token grid", "patch side", "side length of the patches",
        "pixels per token", "tokenizer stride", "how finely the image is cut", "how coarsely the image is cut",
        "number of patches", "tile size", "tiles", "spatial size of a token", "patchifying", "tokens per image",
        "number of tokens", "token count", "sequence length", "granularity", "granularity of the tokens",
        "tokenization", "tokenisation", "image tokens", "patch embedding", "patch embedding layer",
        "coarser tokens", "finer tokens", "cut into patches", "cut into squares",
        "resolution of the patchify step", "stride", "square", "larger patches", "smaller patches", "coarse",
        "fine",
    ),
    unlike=("patch discriminator", "patch tokens", "patch position",),
    aliases=(
        "patch edge", "patch width", "patchify size", "patch length", "size of the input patches",
        "size of the image patches", "latent patch size", "patch side length", "patch embedding stride",
        "patch embed size", "kernel size of the patch embedding", "patch", "patchify", "patchify layer",
        "patchification", "patch embedding size", "patch dimension", "patch resolution", "size of patches",
        "size of the patches", "size of a patch", "token size", "p",
    ),
    units=("pixel", "px", "latent cell"),
    kind=int,
    remove_value=1,
    remove_means="patch size 1: every cell of the input is a token of its own",
)  # fmt: skip
