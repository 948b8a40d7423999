"""A configuration in sentences: what the network is, how it trains, how it is sampled."""

from __future__ import annotations

from dit_core.config import TrialConfig
from dit_core.diffusion.samplers import sampler_name
from dit_core.training.averaging import averaging_horizon
from search_spaces.axes.base import number
from service.analysis.numbers import percent, whole

_SWITCHES = {"qk_norm": "query-key norm", "long_skips": "long skips", "mask_token": "a mask token"}


def model(config: TrialConfig) -> str:
    """Says what the network is; parts that are the paper's go without saying."""
    own, plain = config.model, type(config.model)()
    said = [f"{own.decoder} decoder"]
    for field, what in (("position", "{} positions"), ("norm", "{}"), ("mlp", "{} MLP"), ("gate_init", "{} gates")):
        if (value := getattr(own, field)) != getattr(plain, field):
            said.append(what.format(value))
    said += [what for field, what in _SWITCHES.items() if getattr(own, field)]
    said += [] if own.class_conditional else ["no class labels"]
    sets = 1 + own.block_of_layer[-1]
    said += [f"{sets} {'set' if sets == 1 else 'sets'} of block weights"] if sets < own.depth else []
    said += [f"{own.registers} register tokens"] if own.registers else []
    return (
        f"{own.depth} {own.block} blocks of width {own.hidden_size} with {own.num_heads} heads, patches of "
        f"{own.patch_size} x {own.patch_size} ({own.num_tokens} tokens), {', '.join(said)}."
    )


def training(config: TrialConfig) -> str:
    """Says how the weights come about."""
    own = config.training
    warmup = f" after a linear warm-up over {own.warmup_images:,} images" if own.warmup_images else ""
    if own.learning_rate_schedule != "constant":
        warmup += f", falling to zero at {own.decay_images:,} images ({own.learning_rate_schedule})"
    masking = f", {percent(own.mask_ratio)} of the tokens left out" if own.mask_ratio else ""
    if own.alignment_weight:
        masking += (
            f", block {config.model.alignment_layer} aligned with features (weight {number(own.alignment_weight)})"
        )
    masking += f", gradients clipped to a norm of {number(own.gradient_clip)}" if own.gradient_clip else ""
    for what, share in (("attention", own.attention_dropout), ("MLP", own.mlp_dropout)):
        masking += f", {what} dropout {number(share)}" if share else ""
    start = "" if own.initial_weights is None else f"Starts from the weights in {own.initial_weights}. "
    return (
        f"{start}Optimizer {own.optimizer}, learning rate {number(own.learning_rate)}{warmup}, "
        f"betas ({number(own.beta1)}, {number(own.beta2)}), weight decay {number(own.weight_decay)}, "
        f"batch {own.batch_size}, label dropout {number(own.class_dropout)}{masking}, {own.precision}; "
        f"{_objective(config)}."
    )


def _objective(config: TrialConfig) -> str:
    own = config.diffusion
    if own.objective == "flow":
        said = ["flow matching along straight paths"]
    else:
        ends = "" if own.noise_schedule == "cosine" else f" from {number(own.beta_start)} to {number(own.beta_end)}"
        betas = f"{own.noise_schedule} betas{ends}"
        said = [f"{whole(own.num_timesteps)} diffusion steps with {betas}, {own.objective} prediction"]
    said += [f"{own.timestep_sampling} timesteps"] if own.timestep_sampling != "uniform" else []
    said += [f"{own.loss_weighting} loss weighting"] if own.loss_weighting != "none" else []
    said += ["learned variance"] if config.model.learn_sigma else []
    return ", ".join(said)


def sampling(config: TrialConfig, images: int) -> str:
    """Says how images are sampled for the metrics, after ``images`` training images."""
    own = config.evaluation
    guided = "without guidance"
    if own.guidance_scale != 1:
        guided = f"with classifier-free guidance {number(own.guidance_scale)}"
        if own.guidance_channels is not None:
            guided += f" of {own.guidance_channels} channels"
        if own.guidance_interval is not None:
            low, high = own.guidance_interval
            guided += f" at noise levels {number(low)} to {number(high)}"
    labels = "" if own.labels == "uniform" else f", {own.labels} labels"
    sampler = sampler_name(config.diffusion.objective, own.sampler)
    return (
        f"{own.num_samples:,} images per evaluation from the {weights(config, images)}, {sampler}, "
        f"{own.sampling_steps} network evaluations per image, {guided}{labels}."
    )


def weights(config: TrialConfig, images: int) -> str:
    """Says which weights are evaluated, and over how many of ``images`` training images they are averaged."""
    if config.evaluation.ema_length is not None:
        how = f"power function, relative length {number(config.evaluation.ema_length)}"
    elif config.evaluated_decay == 0:
        return "raw weights (no average)"
    else:
        warmup = " with warm-up" if config.training.ema_warmup else ""
        how = f"EMA, decay {number(config.evaluated_decay)} per step{warmup}"
    age = whole(round(averaging_horizon(config, images)))
    return f"averaged weights ({how}: {age} training images old in the mean)"
