"""How tokens know where in the image they are."""

from __future__ import annotations

from dit_core.parts import POSITIONS
from search_spaces.axes.choice import ChoiceAxis

AXIS = ChoiceAxis(
    name="position",
    title="Position",
    description="how tokens know where in the image they are: added to the patches, or turned in attention",
    citation="sincos: Peebles & Xie, arXiv 2212.09748, section 3.2; learned: Dosovitskiy et al., arXiv 2010.11929; "
    "rotary: Su et al., arXiv 2104.09864, and in two dimensions Heo et al., arXiv 2403.13298",
    fields=("model.position",),
    aliases=("positions", "positional encoding", "positional embedding", "position encoding", "position embedding",
             "pos embed", "patch position encoding", "patch position embedding", "spatial position encoding"),
    legal=POSITIONS.names,
    tried=("sincos", "learned", "rotary", "none"),
    value_aliases={
        "sincos": ("sin cos", "sine cosine", "sinusoidal", "2d sincos", "2d sin cos", "2d sinusoidal", "fixed",
                   "fixed sincos", "fixed sin cos", "fixed sinusoidal", "fixed 2d sincos", "fixed 2d sin cos",
                   "fixed 2d sinusoidal"),
        "learned": ("learnable", "learnt", "trainable", "learned absolute", "learnable absolute"),
        "rotary": ("rope", "2d rotary", "2d rope", "axial rope", "axial rotary", "2d axial rope", "2d axial rotary",
                   "axial 2d rope", "axial 2d rotary", "rotary rope"),
        "sincos-plus-rotary": ("sin cos plus rotary", "sincos plus rope", "sin cos plus rope",
                               "rotary on top of sincos", "rope on top of sincos"),
        "none": ("no", "without", "nope", "no position information"),
    },
    around=("information",),
    remove_value="none",
    remove_means="no positions: attention sees the patches as a set",
    add_values=("sincos-plus-rotary",),
    add_means="rotary positions on top of the sin-cos table",
)  # fmt: skip
