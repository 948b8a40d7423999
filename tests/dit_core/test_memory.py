"""The peak of memory belongs to what was measured, not to what came before."""

import sys
from pathlib import Path

import pytest
import torch

from dit_core.runtime import memory
from dit_core.runtime.memory import forget_peak, peak_memory

MB = 2**20
pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or torch.cuda.is_available(), reason="reads Linux's /proc"
)


def test_a_peak_is_seen_and_forgotten() -> None:
    if not forget_peak():
        pytest.skip("this system does not let a process forget its peak of memory")
    before = peak_memory()
    held = torch.ones(64 * MB // 4)
    during = peak_memory()
    del held
    assert forget_peak()
    after = peak_memory()
    assert before is not None and during is not None and after is not None
    assert during - before > 48 * MB
    assert during - after > 48 * MB


def test_a_system_that_does_not_forget_is_found_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    del [torch.ones(64 * MB // 4)][:]
    monkeypatch.setattr(memory, "_FORGET", tmp_path / "taken and ignored")
    assert not forget_peak()
    monkeypatch.setattr(memory, "_FORGET", tmp_path / "no" / "such folder")
    assert not forget_peak()
