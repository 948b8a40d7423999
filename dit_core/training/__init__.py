"""Training: ``from dit_core.training.loop import run``. (Not re-exported here: configs import this package.)"""
