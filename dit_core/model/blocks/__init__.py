"""Conditioning blocks. To add one: a new file with a ``Block`` and one line in ``dit_core.parts.BLOCKS``."""
