"""Tiny tensors gain nothing from threads, and the tests share their cores."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
