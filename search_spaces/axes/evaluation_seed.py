"""Which draw of labels and noise is evaluated: the same weights, measured several times."""

from __future__ import annotations

from search_spaces.axes.number import NumberAxis

AXIS = NumberAxis(
    name="evaluation_seed",
    vocabulary=(
        "seed of the sampling noise",
        "sampling noise seed",
        "noise used for sampling",
        "noise of the samples",
        "seed at sampling",
        "seed of the evaluation",
        "seed of the generated samples",
        "noise drawn for evaluation",
        "noise draw",
        "noise seed",
    ),
    title="Evaluation seed",
    description="another draw of labels and sampling noise for the same weights: what evaluation adds to the noise",
    citation="Bouthillier et al., arXiv 2103.03098 (sources of variance)",
    fields=("evaluation.seed",),
    aliases=(
        "evaluation noise seed",
        "sampling noise seed",
        "seed of the sampling noise",
        "seed of the evaluation",
        "evaluation noise",
        "eval seed",
        "sampling seed",
        "evaluation draw",
    ),
    units=("draw",),
    suggested=(0, 1, 2),
    kind=int,
    remove_means="samples come from some noise; use REPLACE",
)
