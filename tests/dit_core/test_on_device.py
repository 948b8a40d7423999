"""``benchmarks/gpu.sh``: what it checks holds on a GPU, where there is one, and its dry run runs everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from on_device import CHECKS  # noqa: E402


@pytest.mark.gpu
@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_it_holds_on_the_gpu(name: str, tmp_path: Path) -> None:
    CHECKS[name](torch.device("cuda"), tmp_path)


@pytest.mark.slow
def test_the_dry_run_measures_everything_with_the_light_packages_alone(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(ROOT / "benchmarks" / "gpu.sh"), str(tmp_path / "out"), "--dry"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"},
    )
    log = (tmp_path / "out" / "log.txt").read_text()
    assert done.returncode == 0, (done.stdout, log)
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [row["name"] for row in found["tests"]] == list(CHECKS)
    assert all(row["holds"] for row in found["tests"])
    for stage in ("train", "sampling"):
        (row,) = found[stage]
        assert row["ours"]["images_per_second"] > 0 and row["ours"]["peak_bytes"] > 2**20
        assert row["against plain"][0] > 0 and row["against switched"][0] > 0
    assert [row["kind"] for row in found["profile"]] == ["train", "sampling"]
    assert all(len(row["kernels"]) == 10 for row in found["profile"])
    assert found["heavy"] == []
    table = (tmp_path / "out" / "table.md").read_text()
    assert table in done.stdout
    assert "| yes | two_ranks |" in table and "DiT-digits/2" in table
