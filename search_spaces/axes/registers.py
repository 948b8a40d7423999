"""Learned tokens beside the image's."""

from __future__ import annotations

from search_spaces.axes.number import NumberAxis

_SO = (
    r"(?:(?:(?:and|then|later|which|that|are|is|all|they)\s+)*(?:discarded|dropped|removed|stripped|deleted|ignored"
    r"|cut off|thrown away|taken off|not decoded)\s+(?:again\s+)?(?:before|ahead of|prior to|at|by|in front of)"
    r"\s+(?:the\s+)?(?:(?:final|last|linear|output)\s+)*(?:decod(?:er|ing)|head|output|layer|unpatchif\w*|de-?patchif\w*)"
    r"|(?:which\s+are\s+|that\s+are\s+)?(?:appended|prepended|concatenated|added|joined)\s+(?:to|with)\s+(?:the\s+)?"
    r"(?:(?:patch|image|input|latent)\s+)?(?:tokens?|sequence|patches)(?:\s+sequence)?)"
)
"""What is true of all registers here: where they enter the sequence, and where they leave it."""

AXIS = NumberAxis(
    name="registers",
    title="Register tokens",
    description="learned tokens that are appended to the image's and dropped before the decoder; they cost attention",
    citation="Darcet et al., arXiv 2309.16588",
    fields=("model.registers",),
    vocabulary=(
        "global tokens",
        "n registers",
        "num registers",
        "learnable extra tokens",
        "placeholder tokens",
        "summary tokens",
        "sink tokens",
        "blank tokens",
        "register slots",
        "tokens without content",
        "content free tokens",
        "auxiliary tokens",
        "extra learnable tokens",
        "learnable tokens",
        "learned tokens",
        "extra tokens",
        "additional tokens",
        "no image content",
        "memory tokens",
        "scratch tokens",
        "attention sinks",
        "spare tokens",
        "dummy tokens",
        "carry no image content",
        "high norm tokens",
    ),
    aliases=(
        "extra learnable tokens",
        "learnable register tokens",
        "memory tokens",
        "sink tokens",
        "scratch tokens",
        "additional learnable tokens",
        "register",
        "number of registers",
        "number of register tokens",
        "learned register tokens",
    ),
    units=("register", "register token", "token"),
    anyway=("", rf"{_SO}(?:\s*(?:,|;|\band\b|\s)+\s*{_SO})*"),
    kind=int,
    suggested=(0, 4, 16),
    remove_value=0,
    remove_means="no registers",
    add_values=(4, 16),
    add_means="some registers",
)
