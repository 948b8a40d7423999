"""Decoders by name. To add one: a new file with a ``Decoder`` and one line here."""

from __future__ import annotations

from dit_core.model.decoders.base import Decoder, Noised
from dit_core.model.decoders.conv import ConvDecoder
from dit_core.model.decoders.conv_upsample import ConvUpsampleDecoder
from dit_core.model.decoders.ddt import DdtDecoder
from dit_core.model.decoders.linear import LinearDecoder
from dit_core.model.decoders.mlp import MlpDecoder
from dit_core.registry import Registry

DECODERS: Registry[type[Decoder]] = Registry(
    "decoder",
    {
        "linear": LinearDecoder,
        "mlp": MlpDecoder,
        "conv": ConvDecoder,
        "conv-upsample": ConvUpsampleDecoder,
        "ddt": DdtDecoder,
    },
)

__all__ = ["DECODERS", "Decoder", "Noised"]
