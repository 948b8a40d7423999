"""How the gates of the residual branches start."""

from __future__ import annotations

from dit_core.parts import GATE_INITS
from search_spaces.axes.choice import ChoiceAxis

AXIS = ChoiceAxis(
    name="gate_init",
    title="Gate initialisation",
    description="how the gates of adaLN-Zero's residual branches start; shifts and scales start at zero either way",
    citation="Peebles & Xie, arXiv 2212.09748, section 3.2 (adaLN-Zero); Goyal et al., arXiv 1706.02677, section 5.1",
    fields=("model.gate_init",),
    aliases=("gate initialization", "gate init", "gating initialization", "gating initialisation", "gates",
             "residual gates", "residual gating", "initialization of the gates", "initialisation of the gates"),
    legal=GATE_INITS.names,
    value_aliases={
        "zero": ("zeros", "0", "zero initialized", "zero initialised", "closed"),
        "random": ("xavier", "xavier uniform", "glorot", "randomly initialized", "randomly initialised"),
        "ones": ("1", "open", "initialized to one", "initialised to one"),
    },
    around=("init", "initialization", "initialisation", "initialized", "initialised", "gate"),
    remove_value="random",
    remove_means="gates start as any other linear does: adaLN-Zero without its zero",
)  # fmt: skip
