"""How the last tokens become an image."""

from __future__ import annotations

from dit_core.parts import DECODERS
from search_spaces.axes.choice import ChoiceAxis

AXIS = ChoiceAxis(
    name="decoder",
    title="Decoder",
    description="the head that turns the last tokens into predicted noise and variance",
    citation="linear: Peebles & Xie, arXiv 2212.09748, section 3.2; conv: Bao et al., U-ViT, arXiv 2209.12152; "
    "ddt: Wang et al., arXiv 2504.05741",
    fields=("model.decoder",),
    aliases=("decoder architecture", "decoder design", "transformer decoder", "output head", "decoder head",
             "output decoder", "final layer", "output layer", "prediction head"),
    legal=DECODERS.names,
    tried=("linear", "mlp", "conv", "conv-upsample"),
    around=("head",),
    value_aliases={
        "linear": ("standard", "linear layer", "linear head", "linear projection", "single linear layer"),
        "mlp": ("multi layer perceptron", "mlp head", "two layer mlp", "nonlinear mlp", "hidden layer"),
        "conv": ("convolution", "convolutional", "cnn", "convolutional layer", "3x3 convolution", "conv layer",
                 "convolution layer", "u vit", "uvit"),
        "conv-upsample": ("convolutional upsampling", "conv upsampling", "upsampling convolutional",
                          "upsampling conv", "upsampling convolution", "upsampling", "upsample",
                          "convolutional upsample", "pixel shuffle", "pixelshuffle"),
        "ddt": ("decoupled", "decoupled diffusion transformer", "small transformer", "shallow transformer",
                "conditioned transformer"),
    },
    remove_value="linear",
    remove_means="the paper's single linear layer",
    add_values=("mlp", "conv", "conv-upsample"),
    add_means="layers on top of the linear decoder",
)  # fmt: skip
