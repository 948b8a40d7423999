"""How residual gates start, by name. To add one: a function on weight and bias, and one line in ``dit_core.parts``.

A gate scales a residual branch; it is regressed from the conditioning by a linear layer. Shifts and scales come from
the same layer and always start at zero: only the gates differ.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

GateInit = Callable[[Tensor, Tensor], None]
"""Sets, in place, the rows of weight (D, D) and bias (D,) that regress one gate; they hold the common initial values
(xavier-uniform, zero)."""


def zero(weight_DD: Tensor, bias_D: Tensor) -> None:
    """Closes the gate: the block starts as the identity (adaLN-Zero, Peebles & Xie, arXiv 2212.09748, section 3.2)."""
    nn.init.zeros_(weight_DD)
    nn.init.zeros_(bias_D)


def random(weight_DD: Tensor, bias_D: Tensor) -> None:
    """Leaves the gate as any other linear starts: its values scatter around zero with the conditioning."""
    nn.init.zeros_(bias_D)


def ones(weight_DD: Tensor, bias_D: Tensor) -> None:
    """Opens the gate: the block starts as a plain residual block, as ``adaln`` does without modulation."""
    nn.init.zeros_(weight_DD)
    nn.init.ones_(bias_D)
