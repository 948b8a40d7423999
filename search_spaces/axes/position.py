"""How tokens know where in the image they are."""

from __future__ import annotations

from dit_core.parts import POSITIONS
from search_spaces.axes.choice import ChoiceAxis

AXIS = ChoiceAxis(
    name="position",
    title="Position",
    description="how tokens know where in the image they are: added to the patches, turned or biased in attention",
    citation="sincos: Peebles & Xie, arXiv 2212.09748, section 3.2; learned: Dosovitskiy et al., arXiv 2010.11929; "
    "rotary: Su et al., arXiv 2104.09864, and in two dimensions Heo et al., arXiv 2403.13298; relative: Liu et al., "
    "Swin Transformer, arXiv 2103.14030, section 3.2",
    fields=("model.position",),
    vocabulary=(
        "location information", "spatial coordinates", "absolute positions", "rotary", "rope", "ape",
        "learnable positions", "trainable positions", "trainable position table", "position bias",
        "order information", "permutation invariant", "pe type", "where a patch lies", "location of patches",
        "coordinate embedding",
        "frequency based embedding", "grid coordinates", "sincos table", "pos embed table", "position signal",
        "where tokens are", "spatial encoding", "location encoding", "patch coordinates", "positional bias",
        "places of the tokens", "sine table", "positional prior", "place of each patch", "places of the patches",
        "where a patch sits", "where each patch sits", "where patches lie", "where patches are", "patch location",
        "patch locations", "location of the patches", "order of the patches", "spatial layout", "spatial code",
        "sin cos table", "sine cosine table", "told where", "knows where", "positional", "positional information",
        "position codes", "positional code", "positional table", "spatial information", "spatial awareness",
        "location", "where each patch is", "where each token is", "where a token sits", "sine cosine", "sin cos",
        "sinusoid", "sinusoidal", "coordinates", "table", "lookup table", "vector per patch",
        "order of the tokens", "frequencies", "embeddings", "spatial", "where the patches are", "permutation",
        "token order", "absolute", "relative", "pos enc", "pe",
    ),
    unlike=("timestep position", "timestep embedding", "time embedding", "sinusoidal timestep", "label embedding",
            "noise level embedding"),
    aliases=(
        "spatial embedding", "pos embedding", "absolute position embedding", "absolute positional embedding",
        "positional signal", "spatial position embedding", "2d position embedding", "2d positional embedding",
        "position table", "positional information", "positions", "positional encoding", "positional embedding",
        "position encoding", "position embedding", "pos embed", "patch position encoding",
        "patch position embedding", "spatial position encoding",
    ),
    legal=POSITIONS.names,
    tried=("sincos", "learned", "rotary", "none"),
    value_aliases={
        "sincos": (
            "frequency based", "sine cosine table", "sinusoidal table", "sin cos", "sine cosine", "sinusoidal",
            "2d sincos", "2d sin cos", "2d sinusoidal", "fixed", "fixed sincos", "fixed sin cos",
            "fixed sinusoidal", "fixed 2d sincos", "fixed 2d sin cos", "fixed 2d sinusoidal",
        ),
        "learned": (
        "learned embedding table", "vit style",

            "learned table", "learned embedding", "trainable table", "learnable table", "learned vectors",
            "trainable vectors", "learned position embedding", "learned positional embedding",
            "trainable embedding", "learned embeddings", "learnable embeddings", "learnable", "learnt",
            "trainable", "learned absolute", "learnable absolute",
        ),
        "rotary": (


            "rotary position embedding", "rotary positional embedding", "rotary embedding", "rotary encoding",
            "2d rotary embedding", "rope 2d", "rotary position embeddings", "rope", "2d rotary", "2d rope",
            "axial rope", "axial rotary", "2d axial rope", "2d axial rotary", "axial 2d rope", "axial 2d rotary",
            "rotary rope",
        ),
        "sincos-plus-rotary": ("sin cos plus rotary", "sincos plus rope", "sin cos plus rope",
                               "rotary on top of sincos", "rope on top of sincos"),
        "relative": (
            "relative bias", "relative position bias", "relative positional bias", "relative position",
            "relative positional encoding", "relative position encoding", "relative positional embedding",
            "relative position embedding", "learned relative bias", "learned relative position bias", "rpb",
            "swin", "swin bias", "swin relative position bias", "relative attention bias",
        ),
        "none": (
        "no positions", "without positions", "no positional encoding", "without positional embeddings",
        "unordered set", "permutation equivariant",

            "no positional embedding", "no position signal", "position free", "no", "without", "nope",
            "no position information",
        ),
    },
    around=("information",),
    remove_value="none",
    remove_means="no positions: attention sees the patches as a set",
    add_values=("sincos-plus-rotary",),
    add_means="rotary positions on top of the sin-cos table",
)  # fmt: skip
