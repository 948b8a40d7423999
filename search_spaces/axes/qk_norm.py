"""Normalising queries and keys."""

from __future__ import annotations

from search_spaces.axes.switch import BoolAxis

AXIS = BoolAxis(
    name="qk_norm",
    title="QK-Norm",
    description="normalises queries and keys per head before attention, with the norm that the blocks use",
    citation="Dehghani et al., ViT-22B, arXiv 2302.05442, section 2; Esser et al., SD3, arXiv 2403.03206",
    fields=("model.qk_norm",),
    aliases=("qknorm", "query key norm", "qk normalization", "qk normalisation", "query key normalization",
             "query key normalisation", "qk layer norm", "qk layernorm", "qk rms norm", "qk rmsnorm",
             "normalized queries and keys", "normalised queries and keys"),
    remove_means="queries and keys as they are projected",
    add_means="queries and keys normalised per head",
)  # fmt: skip
