"""How large a step's gradient may be."""

from __future__ import annotations

from search_spaces.axes.number import NumberAxis

AXIS = NumberAxis(
    name="gradient_clip",
    title="Gradient clipping",
    description="norm that larger gradients of a step, over all weights, are scaled down to; 0 being no limit",
    citation="Pascanu et al., arXiv 1211.5063, section 3.2; none in Peebles & Xie, arXiv 2212.09748",
    fields=("training.gradient_clip",),
        absent=("unclipped", "no clipping",),
    aliases=(
        "gradient norm limit", "clip norm", "gradient clip threshold", "gradient norm bound", "gradient norm cap",
        "gradient cap", "clip threshold", "global norm clipping", "grad clip", "gradient norm clipping",
        "grad norm clipping", "gradient clip norm", "gradient clip value", "clip grad norm", "max gradient norm",
        "max grad norm", "maximum gradient norm", "clipping of gradients", "gradient clipping norm",
        "gradient clipping threshold",
    ),
    vocabulary=(
        "clip grad", "norm of gradients", "clipping threshold", "grad norm", "clip by norm", "clip by global norm",
        "limit on the gradient norm", "cap on the gradient norm", "cap on the norm of the gradients",
        "gradient norm", "global gradient norm", "norm of the gradient", "norm of the gradients",
        "limit of the gradient", "bound on the gradient norm", "clip gradients", "clip the gradients", "max norm",
        "gradient cap", "gradient limit", "gradient threshold", "bounded gradients", "clip", "clipping", "clipped",
        "exploding gradients", "loss spikes", "stability",
    ),
    unlike=("clip score", "clip embedding", "clip text encoder", "clip sample", "clipping of x0", "value clipping"),
    units=("norm",),
    suggested=(0.0, 0.1, 1.0),
    remove_value=0.0,
    remove_means="gradients of any size",
    add_values=(0.1, 1.0),
    add_means="a limit on the norm of a step's gradient",
)  # fmt: skip
