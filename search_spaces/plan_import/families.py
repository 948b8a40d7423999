"""Words that stand for several axes at once: ``regularization`` is dropout, weight decay and more.

An entry that says no more than such a word has to be asked which of the axes it means.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from search_spaces.axes import AXES
from search_spaces.plan_import.absence import is_nothing
from search_spaces.plan_import.evidence import GENERAL, Score, candidates, evidence, spelled
from search_spaces.plan_import.loose import WEAK
from search_spaces.plan_import.stems import STOP_STEMS, stems
from search_spaces.plan_import.values import is_generic


@dataclass(frozen=True)
class _Family:
    """Axes of one kind.

    Attributes:
        heads: words of which a text must hold one to speak of it.
        words: further words that may stand beside them.
        axes: what may be meant, likeliest first.
    """

    heads: frozenset[str]
    words: frozenset[str]
    axes: tuple[str, ...]


def _family(heads: str, beside: str, *axes: str) -> _Family:
    return _Family(frozenset(stems(heads)), frozenset(stems(beside)), axes)


_FAMILIES = (
    _family("regularization regularisation regularizer overfitting", "regularize", "weight_decay", "dropout"),
    _family(
        "sampling sampler inference generation denoising",
        "sample procedure process reverse strategy algorithm",
        "sampler", "sampling_steps", "guidance_scale",
    ),
    _family(
        "process noising formulation", "noise forward schedule hyperparameter",
        "noise_schedule", "objective", "variance", "sampling_steps",
    ),
    _family(
        "hyperparameter hyperparameters optimization optimisation recipe", "optimizer training tuning",
        "learning_rate", "weight_decay", "batch_size", "optimizer", "warmup_images", "beta2",
    ),
    _family(
        "capacity expressiveness complexity network", "model size compact forward pass computational compute",
        "size", "depth", "hidden_size",
    ),
    _family("timestep timesteps", "noise level", "timestep_sampling", "noise_schedule"),
    _family("loss", "objective training function formulation criterion", "objective", "loss_weighting", "variance"),
    _family("embedding embeddings representation", "input", "position", "patch_size", "class_conditioning"),
    _family(
        "stability stabilization stabilisation", "training", "gradient_clip", "qk_norm", "warmup_images",
        "learning_rate",
    ),
    _family(
        "component part module element", "individual key architectural architecture",
        "block", "position", "norm", "mlp",
    ),
    _family("conditioning", "information signal injection", "block", "class_conditioning"),
)  # fmt: skip

_AROUND = frozenset(
    stems(
        "absence lack technique techniques method methods different setting settings various explicit standard "
        "general overall transformer dit diffusion model network reduced reduce increased increase make lower higher "
        "fewer smaller larger simpler simple fast faster slow slower better moderate strength strong stronger "
        "weaker weak configuration choice alternative alternatives other parameter parameters level amount degree and "
        "of the"
        "effect impact role importance study component ablation removal down shift up adding extra additional "
        "light heavy mild weaker cheap cheaper expensive classical common simpler kind process procedure scheme "
        "training train during whole efficient strategy strategies technique"
    )
)


def family_of(text: str) -> tuple[str, ...]:
    """Returns the axes that a text may mean when it says no more than a word for several; else none.

    Args:
        text: a part, a title or what is tried.
    """
    bare = re.split(
        r"[,;:]|\b(?:taken|inherited|retained|borrowed|from|which|that)\b",
        re.sub(r"[(\[].*?[)\]]", " ", text),
        maxsplit=1,
    )[0]
    for family in _FAMILIES:
        said = {word for word in stems(spelled(bare)) if word in family.heads or word not in STOP_STEMS}
        if said & family.heads and said <= family.heads | family.words | _AROUND:
            return tuple(name for name in family.axes if name in AXES)
    return ()


SPOKEN = 1.5
"""Evidence in the part and the title below which a word for several axes names none of them."""

_ENOUGH = 2.2
"""Evidence in what is tried from which it tells the axes apart."""


def says_only_a_family(replacements: Sequence[str], part: str) -> bool:
    """Whether an entry says no more than a word for several axes, and values that any of them may have."""
    words = {word for word in stems(part) if word not in STOP_STEMS}
    return bool(family_of(part)) and all(
        {w for w in stems(text) if w not in STOP_STEMS} <= words | WEAK | GENERAL for text in replacements
    )


def several_meant(replacements: Sequence[str], part: str, title: str) -> list[Score]:
    """Returns the axes that a part may mean that only says a word for several; none where values tell them apart.

    Args:
        replacements: what is tried.
        part: what is ablated.
        title: the entry's, without its numbering.
    """
    names = family_of(part) or (family_of(title) if not set(stems(part)) - STOP_STEMS else ())
    items = [text for text in replacements if not (is_nothing(text) or is_generic(text) or family_of(text))]
    if not names or any(score.text >= _ENOUGH for text in items for score in evidence([("", text, 1.0)])[:1]):
        return []
    return [Score(candidate) for name in names for candidate in candidates() if candidate.name == name]
