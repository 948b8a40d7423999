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
    vocabulary=(
        "unpatchify head", "detokeniser", "detokenizer", "linear head", "head that maps tokens to pixels",
        "reconstruction head", "conv head",
        "reads out", "maps tokens", "decoding head", "regression head", "noise head", "denoising head",
        "finer head", "tokens back to pixels", "map from tokens to pixels", "final tokens", "output mapping",
        "last linear", "last linear map", "output stage", "output module", "projection to pixels",
        "head of the network", "final head", "reads out the tokens", "final projection", "last projection",
        "output projection", "final linear", "decodes tokens", "decode tokens", "noise and covariance",
        "noise and variance", "tokens into noise", "unpatchify", "unpatchifying", "predicts noise", "last layer",
        "readout", "read out", "head", "linear projection", "output", "turns tokens into", "final linear layer",
        "after the last block", "tokens to pixels", "back to pixels",
    ),
    unlike=(
        "vae decoder", "autoencoder decoder", "image decoder", "latent decoder", "decoder of the vae",
        "decoder of the autoencoder", "attention head", "multi head", "per head", "every head", "each head",
        "output of every block", "mlp hidden layer", "modulation mlp", "conditioning mlp", "shared mlp",
        "embedding mlp", "attention and mlp", "mlp of every block", "mlp in every block", "network output",
        "token mixing",
    ),
    aliases=(
        "output projection", "final projection", "linear decoder", "decoding layer", "decoder layer",
        "final decoder", "denoising head", "readout head", "readout layer", "last layer", "output module",
        "final linear layer", "final linear decoder", "decoder architecture", "decoder design",
        "transformer decoder", "output head", "decoder head", "output decoder", "final layer", "output layer",
        "prediction head",
    ),
    legal=DECODERS.names,
    tried=("linear", "mlp", "conv", "conv-upsample"),
    around=("head",),
    value_aliases={
        "linear": ("standard", "linear layer", "linear head", "linear projection", "single linear layer"),
        "mlp": (
        "deeper head",

            "small mlp", "shallow mlp", "mlp decoder", "two layer perceptron head", "multi layer perceptron",
            "mlp head", "two layer mlp", "perceptron", "two layer perceptron", "two layer network",
            "nonlinear mlp", "hidden layer",
        ),
        "conv": (
        "conv head", "small conv",

            "conv decoder", "convolution head", "small cnn", "small convnet", "convolutional decoder",
            "convolutional head", "convolution", "convolutional", "cnn", "convolutional layer", "3x3 convolution",
            "conv layer", "convolution layer", "u vit", "uvit",
        ),
        "conv-upsample": (
            "pixelshuffle head", "upsampling conv decoder", "sub pixel convolution", "convolutional upsampling",
            "conv upsampling", "upsampling convolutional", "upsampling conv", "upsampling convolution",
            "upsampling", "upsample", "transposed convolution", "transposed conv", "deconvolution",
            "convolutional upsample", "pixel shuffle", "pixelshuffle",
        ),
        "ddt": ("decoupled", "decoupled diffusion transformer", "small transformer", "shallow transformer",
                "conditioned transformer"),
    },
    remove_value="linear",
    remove_means="the paper's single linear layer",
    add_values=("mlp", "conv", "conv-upsample"),
    add_means="layers on top of the linear decoder",
)  # fmt: skip
