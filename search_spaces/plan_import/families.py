"""Words that stand for several axes at once: ``regularization`` is dropout, weight decay and more.

An entry that says no more than such a word has to be asked which of the axes it means.
"""

from __future__ import annotations

import re

from search_spaces.axes import AXES
from search_spaces.plan_import.evidence import spelled
from search_spaces.plan_import.stems import STOP_STEMS, stems

_FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("regularization regularisation regularizer regulariser regularize overfitting", ("weight_decay", "dropout")),
    (
        "hyperparameter hyperparameters optimization optimisation optimizer training recipe tuning",
        ("learning_rate", "weight_decay", "batch_size", "optimizer", "warmup_images", "beta2"),
    ),
    ("capacity expressiveness complexity network model size smaller larger compact", ("size", "depth", "hidden_size")),
    ("loss objective training function formulation criterion", ("objective", "loss_weighting", "variance")),
    (
        "sampling sampler sample procedure process inference generation denoising reverse strategy algorithm",
        ("sampler", "sampling_steps", "guidance_scale"),
    ),
    ("embedding embeddings input representation", ("position", "patch_size", "class_conditioning")),
    ("stability stabilization stabilisation training", ("gradient_clip", "qk_norm", "warmup_images", "learning_rate")),
    ("conditioning information signal injection", ("block", "class_conditioning")),
)
"""Words, and the axes that they may mean, likeliest first."""

_HEADS = (
    frozenset(stems("regularization regularisation regularizer overfitting")),
    frozenset(stems("hyperparameter hyperparameters optimization optimisation recipe")),
    frozenset(stems("capacity expressiveness complexity network")),
    frozenset(stems("loss")),
    frozenset(stems("sampling sampler inference generation denoising")),
    frozenset(stems("embedding embeddings representation")),
    frozenset(stems("stability stabilization stabilisation")),
    frozenset(stems("conditioning")),
)
"""The words of which a text must hold one to speak of a family."""

_AROUND = frozenset(
    stems(
        "absence lack technique techniques method methods different setting settings various explicit standard "
        "general overall transformer dit diffusion model network reduced reduce increased increase make lower higher "
        "fewer smaller larger simpler simple faster slower better moderate strength strong stronger weaker weak "
        "configuration choice alternative alternatives other parameter parameters level amount degree and of the "
        "effect impact role importance study component ablation removal down shift up adding extra additional "
        "kind process procedure scheme"
    )
)


def family_of(text: str) -> tuple[str, ...]:
    """Returns the axes that a text may mean when it says no more than a word for several; else none.

    Args:
        text: a part, a title or what is tried.
    """
    said = {word for word in stems(spelled(re.sub(r"[(\[].*?[)\]]", " ", text))) if word not in STOP_STEMS}
    for heads, (words, axes) in zip(_HEADS, _FAMILIES, strict=True):
        if said & heads and said <= frozenset(stems(words)) | _AROUND:
            return tuple(name for name in axes if name in AXES)
    return ()
