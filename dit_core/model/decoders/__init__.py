"""Decoders. To add one: a new file with a ``Decoder`` and one line in ``dit_core.parts.DECODERS``."""
