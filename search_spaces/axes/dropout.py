"""Dropout in the blocks: of attention weights, of the pointwise network's output, or both alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from search_spaces.axes.base import Axis
from search_spaces.axes.number import NumberAxis
from search_spaces.profiles import Profile

_CITATION = "Srivastava et al., JMLR 15 (2014); in transformers: Vaswani et al., arXiv 1706.03762, section 5.4; "
_UNLIKE = (
    "label dropout", "class dropout", "conditioning dropout", "condition dropout", "cfg dropout", "token dropping",
    "drop path", "stochastic depth", "drop the class", "dropout of labels",
)  # fmt: skip
_USUAL = (0.0, 0.1, 0.2)


@dataclass(frozen=True, kw_only=True)
class DropoutAxis(NumberAxis):
    """Sets both probabilities alike."""

    def settings(self, value: Any, profile: Profile, baseline: TrialConfig) -> dict[str, Any]:
        """Returns one probability for both places."""
        return dict.fromkeys(self.fields, value)

    def current(self, config: TrialConfig, profile: Profile) -> Any:
        """Returns the probability, or None where the two differ."""
        both = {config.training.attention_dropout, config.training.mlp_dropout}
        return both.pop() if len(both) == 1 else None


AXES_OF_DROPOUT: tuple[Axis, ...] = (
    DropoutAxis(
        name="dropout",
        title="Dropout",
        description="probability of dropping attention weights and MLP outputs in training, in every block",
        citation=_CITATION + "0.1 and 0.2: Dosovitskiy et al., arXiv 2010.11929, appendix B.1",
        fields=("training.attention_dropout", "training.mlp_dropout"),
        aliases=(
            "dropout in transformer blocks", "dropout inside the blocks", "network dropout", "block dropout",
            "unit dropout", "activation dropout", "dropout rate", "dropout probability", "dropout regularization",
            "dropout regularisation", "dropout in attention and mlp", "attention and mlp dropout",
            "dropout in the blocks", "transformer dropout", "dropout in attention and feedforward layers",
            "dropout in attention and feed forward", "dropout on attention weights and mlp outputs",
            "dropout of attention and mlp", "dropout in attention and mlp layers",
        ),
        vocabulary=(
        "residual dropout", "dropout inside blocks",
        "drop rate", "p drop", "general dropout", "dropout on activations",
            "dropout in the transformer", "units are dropped", "random units", "zeroing activations",
            "regularization", "regularisation", "overfitting", "drop", "dropped units",
        ),
        unlike=_UNLIKE,
        suggested=_USUAL,
        remove_value=0.0,
        remove_means="no dropout",
        add_values=(0.1, 0.2),
        add_means="some dropout of attention weights and MLP outputs",
    ),
    NumberAxis(
        name="attention_dropout",
        title="Attention dropout",
        description="probability of dropping an attention weight after the softmax in training, in every block",
        citation=_CITATION + "as in Dosovitskiy et al., arXiv 2010.11929",
        fields=("training.attention_dropout",),
        aliases=(
            "attention map dropout", "attention probabilities dropout", "dropout on attention",
            "dropout of attention weights", "attn dropout rate", "softmax dropout",
            "dropout on the attention maps", "attention weight dropout", "attn dropout", "attn drop",
            "dropout in attention", "dropout on attention weights", "attention probability dropout",
            "attention probs dropout", "dropout on the attention weights", "attention dropout rate",
        ),
        vocabulary=(
        "drop attention weights", "attention weights dropped", "dropping attention", "attention regularisation",
        "attention regularization", "regularising attention", "regularizing attention", "dropout after softmax",
        "attn drop rate", "attention probs dropout prob",
            "zeroing of attention probabilities", "random zeroing of attention", "dropout on attention maps",
            "dropout on the attention maps", "dropout of attention", "dropout in the attention layers",
            "attention maps", "dropping attention weights", "dropout after the softmax", "attention probabilities",
            "attention weights", "softmax", "attn drop", "regularization",
        ),
        unlike=_UNLIKE,
        suggested=_USUAL,
        remove_value=0.0,
        remove_means="every attention weight counts in training",
        add_values=(0.1, 0.2),
        add_means="some attention weights dropped in training",
    ),
    NumberAxis(
        name="mlp_dropout",
        title="MLP dropout",
        description="probability of dropping a value that a block's pointwise network puts out, in training",
        citation=_CITATION + "as in Dosovitskiy et al., arXiv 2010.11929, appendix B.1",
        fields=("training.mlp_dropout",),
        aliases=(
            "dropout after the mlp", "mlp output dropout", "dropout in ffn", "feed forward layer dropout",
            "feedforward dropout", "dropout behind the mlp", "mlp hidden dropout", "feed forward dropout",
            "ffn dropout", "dropout in the mlp", "dropout in mlp", "hidden dropout",
            "dropout in the feed forward network", "mlp drop", "mlp dropout rate",
        ),
        vocabulary=(
        "dropout in the ffn", "dropout on the hidden units", "hidden units of the feed forward", "proj drop",
        "dropout in feed forward layers", "mlp regularisation",
        "mlp regularization",
            "zeroing of what the mlp puts out", "random zeroing of the mlp",
            "dropout behind the feed forward layer", "dropout after the mlp", "dropout behind the mlp",
            "dropout in the feed forward layers", "dropout after the feed forward", "dropout on the mlp",
            "dropout on the hidden layer", "dropout in the pointwise network", "dropout behind the mlp",
            "hidden units", "feed forward output", "regularization",
        ),
        unlike=_UNLIKE,
        suggested=_USUAL,
        remove_value=0.0,
        remove_means="every value counts in training",
        add_values=(0.1, 0.2),
        add_means="some of the pointwise network's outputs dropped in training",
    ),
)  # fmt: skip
