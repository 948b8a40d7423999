"""What a network costs: multiply-adds of one forward pass, counted while the real network runs, by part.

The paper's "Gflops" (Peebles & Xie, arXiv 2212.09748, table 4) count one multiply-add as one, for one image, without
the VAE; so does everything here. The network is built and run on PyTorch's meta device, so nothing is allocated, and
every matrix product, convolution and attention is seen by PyTorch's own operator counter wherever it happens: a new
block or decoder needs no line here. It only says, by ``cost_part`` on its modules, where its work is booked; a module
with ``cost_whole`` has all work inside it booked there, that of modules which say otherwise included.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from dit_core.errors import UserError
from dit_core.kept_counts import COUNTS, Counted, asked, name_of, told
from dit_core.model.config import ModelConfig
from dit_core.parts import NAMED_BY
from dit_core.training.masking import kept_tokens


@dataclass(frozen=True)
class Cost:
    """The size and the cost of a network.

    Attributes:
        params: all parameters, the frozen position table included.
        trainable_params: parameters that receive gradients.
        parts: part -> billions of multiply-adds of one image's forward pass.
        gmacs: their sum, the paper's "Gflops".
        trained_gmacs: as ``gmacs``, for a forward pass in training, which leaves masked tokens out and projects others.
    """

    params: int
    trainable_params: int
    parts: dict[str, float]
    gmacs: float
    trained_gmacs: float


def count(config: ModelConfig, mask_ratio: float = 0.0) -> Cost:
    """Counts a network's parameters and multiply-adds; a config is counted once, see ``kept_counts``.

    Parts from a plugin that has not been run here are counted as the paper's own in their place.

    Args:
        config: the network.
        mask_ratio: share of the tokens that training leaves out.
    """
    every, in_training = _passes(config, mask_ratio)
    config, outside = _runnable(config)
    try:
        _count(config, outside, *every)
    except Exception as error:
        if not outside or isinstance(error, UserError):
            raise
        told = " and ".join(label for label, _ in outside)
        first = (str(error).splitlines() or [""])[0]
        raise UserError(
            f"plugins: a network with {told} cannot be built and run ({type(error).__name__}: {first:.200})"
        ) from error
    found, trained = _count(config, outside, *every), _count(config, outside, *in_training)
    parts = {part: amount / 1e9 for part, amount in found.macs.items()}
    return Cost(
        found.params,
        found.trainable_params,
        parts,
        sum(found.macs.values()) / 1e9,
        sum(trained.macs.values()) / 1e9,
    )


def counts_of(config: ModelConfig, mask_ratio: float = 0.0) -> dict[str, Counted]:
    """Returns what ``count`` says of a network, by ``name_of``, for machines that have not counted it.

    It is empty for a network with parts from outside, which is built wherever it is asked for.

    Args:
        config: the network.
        mask_ratio: share of the tokens that training leaves out.
    """
    runnable, outside = _runnable(config)
    if outside or runnable != config:
        return {}
    passes = dict.fromkeys(_passes(config, mask_ratio))
    return {name_of(asked(config, *one)): _count(config, (), *one) for one in passes}


def training_gmacs(cost: Cost, images: int) -> float:
    """Billions of multiply-adds to train on ``images``: a backward pass costs two forward passes (section 4)."""
    return cost.trained_gmacs * images * 3


def _passes(config: ModelConfig, mask_ratio: float) -> tuple[tuple[int | None, bool], tuple[int | None, bool]]:
    """Returns the forward pass of evaluation and that of training, as ``asked`` has them."""
    kept = kept_tokens(config.num_tokens, mask_ratio)
    if kept == config.num_tokens and not config.alignment_layer:
        return (None, False), (None, False)
    return (None, False), (kept if kept < config.num_tokens else None, True)


def _runnable(config: ModelConfig) -> tuple[ModelConfig, tuple[tuple[str, str], ...]]:
    """Returns a network that can be built, and its parts from outside, for people and by their source."""
    instead: dict[str, str] = {}
    outside = []
    for field, parts in NAMED_BY.items():
        section, _, leaf = field.partition(".")
        name = getattr(config, leaf) if section == "model" else ""
        if name and not parts.runs(name):
            instead[leaf] = ModelConfig.model_fields[leaf].default
        elif name in parts.origins:
            origin = parts.origins[name]
            outside.append((f"the {parts.kind} {name!r} of {origin.label}", origin.source))
    return config.model_copy(update=instead), tuple(outside)


@cache
def _count(config: ModelConfig, outside: tuple[tuple[str, str], ...], kept: int | None, training: bool) -> Counted:
    # a network with parts from outside is built here in any case, since they are what has to be shown to work
    question = asked(config, kept, training)
    known = None if outside else COUNTS.read(question) or told(question)
    if known is None:
        from dit_core.counting import counted  # PyTorch takes seconds, which a count that is kept need not wait for

        known = counted(config, kept, training)
        if not outside:
            COUNTS.keep(question, known)
    return known
