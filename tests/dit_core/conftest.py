"""Tiny tensors gain nothing from threads, and the tests share their cores."""

import torch

torch.set_num_threads(1)
