"""Weights of other code bases, in and out. To add a layout: a file with a ``Layout``, a line in ``dit_core.parts``."""
