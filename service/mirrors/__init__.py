"""Optional copies of a study's records in other programs' formats: one file a program, one line here.

A mirror is written from the store alone, also while the study runs, and again and again: each time only what it lacks
is added. Nothing is ever read back from it.
"""

from dit_core.registry import Registry
from service.mirrors.base import Mirror
from service.mirrors.tensorboard import TensorBoard
from service.mirrors.wandb import WeightsAndBiases

MIRRORS: Registry[type[Mirror]] = Registry("mirror", {"tensorboard": TensorBoard, "wandb": WeightsAndBiases})
