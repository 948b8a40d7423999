"""Long connections from the first blocks to the last."""

from __future__ import annotations

from search_spaces.axes.switch import BoolAxis

AXIS = BoolAxis(
    name="long_skips",
    title="Long skip connections",
    description="joins every block of the second half with its mirror image in the first: concatenation and a linear",
    citation="Bao et al., U-ViT, arXiv 2209.12152, section 3.1",
    fields=("model.long_skips",),
    aliases=("long skip", "long range skip connections", "u shaped skip connections", "u shaped skips",
             "u vit skip connections", "u vit skips", "uvit skip connections", "uvit skips", "u vit long skips",
             "u net skip connections", "u net skips", "unet skip connections", "unet skips"),
    remove_means="every block sees the one before it alone",
    add_means="the last blocks see the first ones' outputs",
)  # fmt: skip
