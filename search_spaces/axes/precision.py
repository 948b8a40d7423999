"""The floating-point numbers that the network computes with."""

from __future__ import annotations

from dit_core.training.config import PRECISIONS
from search_spaces.axes.choice import ChoiceAxis

AXIS = ChoiceAxis(
    name="precision",
    title="Numerical precision",
    description="float32, or bfloat16 autocast in training and sampling; weights, optimiser and losses stay float32",
    citation="Micikevicius et al., arXiv 1710.03740; bfloat16: Kalamkar et al., arXiv 1905.12322",
    fields=("training.precision",),
    aliases=(
        "training dtype", "floating point format", "numerical format", "compute dtype", "data type", "autocast",
        "float format", "weight and activation precision", "numeric precision", "training precision",
        "floating point precision", "float precision", "arithmetic precision", "mixed precision",
        "mixed precision training", "half precision", "compute precision", "number format",
    ),
    vocabulary=(
        "numerics", "training numerics", "tf32", "bfloat16", "float32", "precision of the arithmetic",
        "tensor cores", "cheaper numerics",
        "low precision training", "reduced precision", "numerical format", "number format",
        "floating point format", "format of the numbers", "format of activations", "numeric format", "arithmetic",
        "data type", "bit width", "word length", "32 bit", "16 bit", "half precision", "low precision",
        "lower precision", "cheap arithmetic", "mixed precision", "numbers", "bf16", "fp16", "fp32", "float16",
        "autocast", "amp", "bits", "floating point", "dtype", "automatic mixed precision",
    ),
    unlike=("precision and recall", "precision recall", "improved precision", "precision metric"),
    legal=lambda: PRECISIONS,
    around=("precision", "training", "arithmetic"),
    value_aliases={
        "float32": (


            "full fp32", "32 bit floats", "fp32", "f32", "float 32", "32 bit", "full", "full precision", "single",
            "single precision",
        ),
        "bfloat16": (
        "bfloat", "bf16 amp", "16 bit brain float",

            "bf16 precision", "bf16 mixed precision", "bfloat16 mixed precision", "brain floating point", "bf16",
            "bfloat 16", "brain float", "brain float 16", "mixed bf16", "bf16 mixed", "bf16 autocast",
            "bfloat16 autocast", "mixed bfloat16", "bfloat16 mixed",
        ),
    },
    remove_value="float32",
    remove_means="float32 throughout",
    add_values=("bfloat16",),
    add_means="bfloat16 autocast",
)  # fmt: skip
