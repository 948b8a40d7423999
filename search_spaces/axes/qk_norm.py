"""Normalising queries and keys."""

from __future__ import annotations

from search_spaces.axes.switch import BoolAxis

AXIS = BoolAxis(
    name="qk_norm",
    title="QK-Norm",
    description="normalises queries and keys per head before attention, with the norm that the blocks use",
    citation="Dehghani et al., ViT-22B, arXiv 2302.05442, section 2; Esser et al., SD3, arXiv 2403.03206",
    fields=("model.qk_norm",),
    vocabulary=(
        "normalize queries and keys", "normalised attention logits", "logit normalisation", "use qk norm",
        "qk normalised",
        "attention stability", "attention logit growth", "query key scaling", "qk rms", "normalization of q and k",
        "normalisation of q and k", "q and k normalised", "q and k", "q k", "qk", "query and key vectors",
        "queries and keys per head", "normalise q and k", "normalize q and k", "normalise queries and keys",
        "dot products of queries and keys", "attention scores", "unbounded logits", "bounded logits",
        "bounded attention logits", "normed queries and keys", "queries keys", "queries and keys", "query and key",
        "query key", "keys and queries", "attention logits", "attention entropy", "dot product",
        "before the dot product", "normalisation of queries and keys", "normalization of queries and keys",
        "un normalized", "unnormalised logits", "logit growth", "cosine attention",
    ),
    aliases=(
        "query and key normalization", "query and key normalisation", "normalization of queries and keys",
        "normalisation of queries and keys", "normalised q and k", "normalized q and k", "q k norm",
        "norm on queries and keys", "norm on q and k", "normalisation of q and k", "normalization of q and k",
        "qk layer normalization", "qknorm", "query key norm", "qk normalization", "qk normalisation",
        "query key normalization", "query key normalisation", "qk layer norm", "qk layernorm", "qk rms norm",
        "qk rmsnorm", "normalized queries and keys", "normalised queries and keys",
    ),
    remove_means="queries and keys as they are projected",
    add_means="queries and keys normalised per head",
)  # fmt: skip
