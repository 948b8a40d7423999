"""Whether a trial's settings name things that exist and fit each other; section configs check only themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dit_core.diffusion.checks import check_guidance, check_process
from dit_core.errors import UserError
from dit_core.parts import BLOCKS, METRICS, NAMED_BY, NORMS, POSITIONS, chosen
from dit_core.training.alignment import check_alignment
from dit_core.training.masking import check_masking
from dit_core.training.schedule import check_learning_rate

if TYPE_CHECKING:
    from dit_core.config import TrialConfig
    from dit_core.model.config import ModelConfig


def check(config: TrialConfig) -> None:
    """Makes sure that a trial can be, as far as its configuration tells.

    Raises:
        UserError: in one sentence, every unknown name; or the first two settings that make no sense together.
    """
    check_names(config)
    check_gates(config.model)
    check_positions(config.model)
    check_norm(config.model)
    check_process(config)
    check_guidance(config)
    check_masking(config)
    check_learning_rate(config.training)
    check_alignment(config)
    check_average(config)


def check_names(config: TrialConfig) -> None:
    """Makes sure that every name is registered.

    Raises:
        UserError: with all those that are not.
    """
    problems = []
    for field, parts in NAMED_BY.items():
        for name in chosen(config, field):
            try:
                parts.check(name, field)
            except UserError as error:
                problems.append(str(error))
    if not config.evaluation.metrics:
        problems.append(f"evaluation.metrics: empty; allowed: {', '.join(METRICS)}")
    if problems:
        raise UserError("; ".join(problems))


def check_gates(model: ModelConfig) -> None:
    """Makes sure that only gates that exist are told how to start.

    Raises:
        UserError: the block has none.
    """
    if model.gate_init != "zero" and not BLOCKS.about(model.block).gated:
        gated = [name for name in BLOCKS if BLOCKS.about(name).gated]
        raise UserError(
            f"model.gate_init: {model.gate_init!r} means nothing to the block {model.block!r}, which has no gates; "
            f"leave it at 'zero', or take a block with gates: {', '.join(gated)}"
        )


def check_positions(model: ModelConfig) -> None:
    """Makes sure that the token width and the heads' leave room for the positions.

    Raises:
        UserError: they do not.
    """
    position = POSITIONS.about(model.position)
    if model.hidden_size % position.width_multiple:
        raise UserError(
            f"model.hidden_size: {model.hidden_size} is not a multiple of {position.width_multiple}, as the positions "
            f"{model.position!r} need"
        )
    width = model.hidden_size // model.num_heads
    if width < position.head_width:
        raise UserError(
            f"model.position: {model.position!r} turns pairs of values in every head, and with hidden size "
            f"{model.hidden_size} and {model.num_heads} heads a head has {width}; allowed: heads of at least "
            f"{position.head_width}"
        )


def check_norm(model: ModelConfig) -> None:
    """Makes sure that queries and keys are normed token by token.

    Raises:
        UserError: the norm looks at several tokens.
    """
    if model.qk_norm and not NORMS.about(model.norm).per_token:
        fitting = ", ".join(name for name in NORMS if NORMS.about(name).per_token)
        raise UserError(
            f"model.qk_norm: true given, but the norm {model.norm!r} mixes the tokens of an image, and queries and "
            f"keys are normed one by one; allowed: false, or one of the norms {fitting}"
        )


def check_average(config: TrialConfig) -> None:
    """Makes sure that training keeps the average of the weights that is evaluated.

    Raises:
        UserError: it does not.
    """
    length, lengths = config.evaluation.ema_length, config.training.ema_lengths
    if length is not None and length not in lengths:
        raise UserError(
            f"evaluation.ema_length: {length!r} is not among the lengths that training keeps; "
            f"allowed: {', '.join(map(repr, lengths)) or 'none'} (training.ema_lengths)"
        )
    if config.evaluated_decay not in (*config.training.ema_decays, 0):
        kept = ", ".join(map(repr, config.training.ema_decays))
        raise UserError(
            f"evaluation.ema_decay: {config.evaluated_decay!r} is not among the averages that training keeps; "
            f"allowed: {kept} (training.ema_decays), 0 for the raw weights"
        )
