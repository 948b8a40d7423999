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
    vocabulary=(
        "ddim steps", "n steps at inference", "reverse process length", "sampler budget",
        "number of denoiser calls", "step budget", "quicker sampling", "faster image generation",
        "faster generation", "denoising iterations per image", "respaced", "timestep respacing",
        "length of the sampling chain", "cheaper sampling", "denoiser evaluations",
        "network passes", "forward passes per image", "number of calls", "calls per image", "steps per sample",
        "inference steps", "number of denoising iterations", "number of steps at test time", "steps at test time",
        "steps per image", "evaluations per image", "network calls per image", "network calls", "function calls",
        "reverse steps", "length of the reverse chain", "solver steps", "generation steps",
        "iterations at test time", "steps of the sampler", "function evaluations", "steps", "step count",
        "compute per image", "sampling compute", "test time compute", "inference budget", "sampling budget",
        "denoising iterations", "sampling iterations", "steps at inference", "steps at sampling time",
        "sampling speed", "fewer steps", "respacing",
    ),
    unlike=("training steps", "optimizer steps", "optimiser steps", "warm up steps", "step size",
            "sampling step count in training"),
    aliases=(
        "ddpm sampling steps", "number of ddpm sampling steps", "ddpm steps", "number of ddpm steps",
        "ddpm steps", "number of ddpm steps", "number of ddim steps",
        "steps at sampling", "sampling timesteps", "number of sampler steps", "number of reverse steps",
        "num sampling steps", "num inference steps", "sampling step count", "reverse diffusion steps",
        "sampling iterations", "number of solver steps", "sampling budget", "inference step count",
        "number of network evaluations", "denoiser calls", "solver steps", "reverse steps",
        "step count at inference", "number of sampling steps", "denoising steps", "inference steps",
        "sampler steps", "nfe", "number of function evaluations", "number of denoising steps",
        "number of inference steps", "network evaluations",
    ),
    units=("step", "nfe", "evaluation"),
    suggested=(25, 50, 100, 250),
    kind=int,
    remove_means="sampling takes at least one step; use REPLACE",
)  # fmt: skip
