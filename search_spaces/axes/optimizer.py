"""What moves the weights."""

from __future__ import annotations

from dit_core.parts import OPTIMIZERS
from search_spaces.axes.choice import ChoiceAxis

AXIS = ChoiceAxis(
    name="optimizer",
    title="Optimizer",
    description="what moves the weights: AdamW, or Muon for the matrices of the blocks and AdamW for the rest",
    citation="Loshchilov & Hutter, arXiv 1711.05101; Muon: Jordan et al. 2024, scaled by Liu et al., arXiv 2502.16982",
    fields=("training.optimizer",),
    vocabulary=(
        "optim", "adam variant", "adamw or muon", "second order optimiser", "parameter updates", "opt",
        "optimizer type", "orthogonalised momentum", "matrix optimiser", "matrix optimizer", "sgd", "lion",
        "which optimiser", "choice of optimizer",
        "gradient method", "optimisation method", "optimization method", "which optimizer", "update algorithm",
        "adaptive moments", "adam", "adamw", "momentum orthogonalised", "orthogonalised updates", "second order",
        "update rule", "optimisation",
    ),
    aliases=(
        "optimizer choice", "optimiser choice", "gradient optimizer", "training optimizer", "optimization method",
        "optimiser", "optimization algorithm", "optimisation algorithm",
    ),
    legal=OPTIMIZERS.names,
    around=("optimizer", "optimiser"),
    value_aliases={
        "adamw": ("adamw optimizer",
                    "adam w", "adam with decoupled weight decay"),
        "muon": (
        "orthogonalised momentum", "muon for matrices",
"muon optimizer", "newton schulz",
                    "momentum orthogonalized by newton schulz", "momentum orthogonalised by newton schulz",
                 "muon and adamw", "muon with adamw"),
    },
    remove_means="weights cannot be trained without one; use REPLACE",
    add_values=("muon",),
    add_means="orthogonalised updates for the matrices of the blocks",
)  # fmt: skip
