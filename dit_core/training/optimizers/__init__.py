"""Optimisers. To add one: a new file with a ``Builder`` and one line in ``dit_core.parts.OPTIMIZERS``."""
