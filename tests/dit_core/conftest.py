"""Tiny tensors gain nothing from threads, the tests share their cores, and what they cache is theirs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.getbasetemp() / "dit-ablate-cache"
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(folder))
    return folder
