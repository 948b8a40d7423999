"""How long sampling takes."""

from __future__ import annotations

from search_spaces.axes.number import NumberAxis

AXIS = NumberAxis(
    name="sampling_steps",
    title="Sampling steps",
    description="network evaluations per image, whatever the sampler (heun takes two per step)",
    citation="Peebles & Xie, arXiv 2212.09748, section 5 (250 DDPM steps; scaling sampling compute); "
    "Nichol & Dhariwal, arXiv 2102.09672, section 4",
    fields=("evaluation.sampling_steps",),
    aliases=("number of sampling steps", "denoising steps", "inference steps", "sampler steps", "nfe",
             "number of function evaluations", "number of denoising steps", "number of inference steps",
             "network evaluations"),
    units=("step", "nfe", "evaluation"),
    suggested=(25, 50, 100, 250),
    kind=int,
    remove_means="sampling takes at least one step; use REPLACE",
)  # fmt: skip
