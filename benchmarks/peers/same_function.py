"""Makes sure that the plain model and ours compute the same, so that timing one against the other is fair."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dit_core.config import TrialConfig
from dit_core.diffusion.build import build_process
from dit_core.diffusion.sampling import sample
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT
from peers.plain_diffusion import PlainDiffusion, linear_betas
from peers.plain_dit import PlainDiT, guided

TOLERANCE = 1e-4
IMAGES = 2
SAMPLING_STEPS = 4
GUIDANCE = 1.5

OUTSIDE = {
    "patches": "x_embedder.proj",
    "time": "t_embedder.mlp",
    "labels": "y_embedder.embedding_table",
    "last_modulation.1": "final_norm.adaLN_modulation.linear",
    "last": "decoder.linear",
}
INSIDE = {
    "attention.qkv": "attn.qkv",
    "attention.out": "attn.proj",
    "mlp.0": "mlp.fc1",
    "mlp.2": "mlp.fc2",
    "modulation.1": "adaLN_modulation.linear",
}


def plain_model(model: ModelConfig, class_dropout: float, *, fused_attention: bool) -> PlainDiT:
    """Returns the plain network of the same shape."""
    return PlainDiT(
        input_size=model.input_size,
        channels=model.in_channels,
        patch_size=model.patch_size,
        width=model.hidden_size,
        depth=model.depth,
        heads=model.num_heads,
        mlp_width=model.mlp_width,
        num_classes=model.num_classes,
        class_dropout=class_dropout,
        fused_attention=fused_attention,
    )


def plain_diffusion(config: TrialConfig) -> PlainDiffusion:
    """Returns the plain noise process with the same betas."""
    settings = config.diffusion
    return PlainDiffusion(linear_betas(settings.num_timesteps, settings.beta_start, settings.beta_end))


def our_name(plain: str) -> str:
    """Returns what we call a parameter of the plain model."""
    if plain == "positions":
        return "pos_embed"
    prefix, names = "", OUTSIDE
    if plain.startswith("blocks."):
        _, number, plain = plain.split(".", 2)
        prefix, names = f"blocks.{number}.", INSIDE
    found = next(name for name in sorted(names, key=len, reverse=True) if plain.startswith(f"{name}."))
    return f"{prefix}{names[found]}{plain[len(found) :]}"


def randomise(model: nn.Module) -> None:
    """Draws every trained weight anew: where a gate starts at zero, any two models would agree."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.1)


def check(config: TrialConfig, *, fused_attention: bool) -> str:
    """Compares loss and samples of both in float32 on the CPU, with the same random weights.

    Returns:
        A sentence that says how close they are.

    Raises:
        AssertionError: they differ by more than ``TOLERANCE``.
    """
    torch.manual_seed(0)
    ours = DiT(config.model).eval()
    randomise(ours)
    theirs = plain_model(config.model, 0.0, fused_attention=fused_attention).eval()
    weights = ours.state_dict()
    names = {name: our_name(name) for name in theirs.state_dict()}
    assert sorted(names.values()) == sorted(weights), f"parameters differ: {set(names.values()) ^ set(weights)}"
    theirs.load_state_dict({name: weights[mine] for name, mine in names.items()})

    with torch.no_grad():
        loss = _loss_difference(config, ours, theirs)
        image = _sample_difference(config, ours, theirs)
    assert loss <= TOLERANCE, f"the losses of the plain model and of ours differ by {loss:.2g}"
    assert image <= TOLERANCE, f"the samples of the plain model and of ours differ by {image:.2g}"
    return (
        f"same function: with equal random weights the losses differ by {loss:.1g}, samples by {image:.1g} (relative)"
    )


def _loss_difference(config: TrialConfig, ours: DiT, theirs: PlainDiT) -> float:
    model, mine, plain = config.model, build_process(config.diffusion), plain_diffusion(config)
    shape = (IMAGES, model.in_channels, model.input_size, model.input_size)
    x0, noise = torch.randn(shape), torch.randn(shape)
    y = torch.arange(IMAGES) % (model.num_classes + 1)
    worst = 0.0
    for steps in ([0, config.diffusion.num_timesteps - 1], [1, config.diffusion.num_timesteps // 2]):
        t = torch.tensor(steps)
        xt = mine.q_sample(x0, t, noise)
        mse, vb = mine.losses(ours(xt, mine.network_time(t), y), x0, xt, t, noise)
        plain_xt = plain.noised(x0, t, noise)
        loss = plain.loss(theirs(plain_xt, t, y), x0, plain_xt, t, noise)
        worst = max(worst, _relative(loss, mse + vb))
    return worst


def _sample_difference(config: TrialConfig, ours: DiT, theirs: PlainDiT) -> float:
    model = config.model
    shape = (IMAGES, model.in_channels, model.input_size, model.input_size)
    start, labels = torch.randn(shape), torch.arange(IMAGES) % model.num_classes
    noises = torch.randn(SAMPLING_STEPS, *shape)
    mine = sample(
        ours,
        build_process(config.diffusion),
        noise=start,
        labels=labels,
        steps=SAMPLING_STEPS,
        guidance_scale=GUIDANCE,
        null_label=model.num_classes,
        step_noise=lambda index: noises[index],
    )
    left = iter(reversed(range(SAMPLING_STEPS)))
    plain = (
        plain_diffusion(config)
        .respaced(SAMPLING_STEPS)
        .sample(
            lambda x, t: guided(theirs, GUIDANCE, model.num_classes, x, t, labels),
            start,
            lambda _: noises[next(left)],
        )
    )
    return _relative(plain, mine)


def _relative(left: Tensor, right: Tensor) -> float:
    """Returns the largest difference of two elements over the larger of 1 and their magnitude."""
    return ((left - right).abs() / right.abs().clamp(min=1)).max().item()
