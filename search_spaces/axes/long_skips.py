"""Long connections from the first blocks to the last."""

from __future__ import annotations

from search_spaces.axes.switch import BoolAxis

AXIS = BoolAxis(
    name="long_skips",
    title="Long skip connections",
    description="joins every block of the second half with its mirror image in the first: concatenation and a linear",
    citation="Bao et al., U-ViT, arXiv 2209.12152, section 3.1",
    fields=("model.long_skips",),
    vocabulary=(
        "unet style skips", "u net shortcuts", "u shaped connections", "mirror block", "mirrored block",
        "shallow to deep connections", "skip links", "dense shortcuts", "shortcut between early and late blocks",
        "uvit", "use skip", "output of block i", "block i to block n", "skips from block", "concatenate the output",
        "early block", "late block", "fused by concatenation",
        "skip concatenation", "links from early to late blocks", "u net style skips", "skips from early to late",
        "bridge connections", "bridges", "encoder to decoder skips", "long range shortcuts", "long shortcuts",
        "long residuals", "skip", "skip connections", "shallow and deep layers", "early and late blocks",
        "early to late", "shallow and deep", "shallow to deep", "shallow layers to deep", "u shaped",
        "concatenation", "concatenation followed by a linear layer", "u vit", "shortcuts", "shortcut",
        "first half", "second half", "symmetric", "across depth", "links between", "direct links",
        "encoder decoder skips", "mirror", "linear layer", "shallow block", "deep block", "matching block",
        "skip connections across blocks", "corresponding block", "concat", "feeds block",
    ),
    unlike=("skip connection around every block", "residual skip",),
    aliases=(
        "long residual connections", "long range skips", "u net style skips", "unet style skip connections",
        "u net style skip connections", "encoder decoder skips", "uvit style skips", "u vit style skips",
        "skips between early and late blocks", "skip connections from early to late blocks",
        "skip connections between early and late blocks", "skip connections across blocks",
        "long range skip connection", "long skip", "long range skip connections", "u shaped skip connections",
        "u shaped skips", "u vit skip connections", "u vit skips", "uvit skip connections", "uvit skips",
        "u vit long skips", "u net skip connections", "u net skips", "unet skip connections", "unet skips",
    ),
    remove_means="every block sees the one before it alone",
    add_means="the last blocks see the first ones' outputs",
)  # fmt: skip
