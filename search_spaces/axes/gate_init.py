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
    vocabulary=(
        "zero initialised residual", "alpha gates", "layerscale init", "adaln zero gates", "identity at init",
        "identity block", "init of the modulation output", "zero out the modulation", "how gates are initialised",
        "how gates are initialized",
        "zero init of the gates", "zero initialized modulation", "identity initialization", "identity init",
        "residual gates", "adaln gates", "initialization of the modulation layers",
        "zero initialisation of the gates", "gate start", "starting value of the gates", "start of the gates",
        "how the gates start", "residual gates start", "zeroed gates", "zero gates", "gates at zero",
        "zero start of the residual branches", "zero initialised gates", "initial gates",
        "initial value of the gates", "gates initialised", "identity start", "zero initialisation",
        "zero initialization", "zero init", "zero start", "zero initialised", "zero initialized",
        "identity at initialisation", "identity at initialization", "starts as the identity", "identity function",
        "initialised as identity", "alpha", "residual branch", "residual branches", "residual scaling", "gates",
        "gating", "starting value", "starts at zero", "start", "initialisation", "initialization", "all ones",
    ),
    aliases=(
        "zero initialisation of gates", "zero initialization of gates", "gate zero init", "initial gate value",
        "adaln zero initialisation", "adaln zero initialization", "zero init of residual gates",
        "initial value of the gates", "residual gate initialisation", "residual gate initialization",
        "residual gate init", "modulation initialisation", "modulation initialization",
        "zero initialisation of the modulation", "adaln zero init", "gating init", "zero initialised gates",
        "zero initialized gates", "zero initialised residual gates", "zero initialized residual gates",
        "gate values at initialisation", "zero init of the adaln gates", "adaln gate initialization",
        "gate initialization", "gate init", "gating initialization", "gating initialisation", "gates",
        "residual gates", "residual gating", "initialization of the gates", "initialisation of the gates",
    ),
    legal=GATE_INITS.names,
    value_aliases={
        "zero": ("zeros", "0", "zero initialized", "zero initialised", "closed"),
        "random": (
        "at random", "drawn at random", "ordinary random", "ordinary linear layer", "linear layer initialization",
        "usual initialization", "standard initialization", "like any linear layer",
        "random init", "randomly", "small random values", "default linear init",
        "like ordinary linear layers", "pytorch default",

            "default init", "default initialisation", "default initialization", "normal init", "xavier init",
            "small random", "non zero", "nonzero", "like any other layer", "random values",
            "random initialisation", "random initialization", "xavier", "xavier uniform", "glorot",
            "randomly initialized", "randomly initialised",
        ),
        "ones": (
        "initialised at one", "initialized at one", "initialized to 1", "initialised to 1", "alpha is one",
        "alpha 1", "alpha equals one", "alpha one", "set to 1", "starts at 1", "start at 1",
        "identity gates open", "init to one",

            "all ones", "start at one", "starting at one", "set to one", "starts at one", "start open", "1",
            "open", "initialized to one", "initialised to one", "one", "unit gates", "fully open",
        ),
    },
    around=(
        "init", "start", "starting", "at the start", "from the start", "initially", "initialization",
        "initialisation", "initialized", "initialised", "gate",
    ),
    remove_value="random",
    remove_means="gates start as any other linear does: adaLN-Zero without its zero",
)  # fmt: skip
