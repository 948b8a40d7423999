"""Training: ``from dit_core.training.loop import run``."""
