"""The page on parts of one's own, through Ray: the workers have its block and its metric, the driver its policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from page import write_files
from tiny_study import BATCH, TINY, dit_ablate

from dit_ablate import Client
from dit_core.plugins.active import deactivate

if TYPE_CHECKING:
    from conftest import RayCluster


def test_the_study_of_the_page_runs_through_ray(ray_cluster: RayCluster, tmp_path: Path) -> None:
    write_files("extending.md", tmp_path)
    (tmp_path / "test_mine.py").unlink()
    path, store = tmp_path / "mine.yaml", tmp_path / "store"
    study = yaml.safe_load(path.read_text())
    study["baseline"]["overrides"] = {**TINY, **study["baseline"]["overrides"]}
    study |= {"seeds": [0], "budget_images": 4 * BATCH, "rungs": [2 * BATCH], "resources": {"lanes": 1}}
    path.write_text(yaml.safe_dump(study))
    try:
        done = dit_ablate("run", path, "--address", ray_cluster.address, "--store", store, "--trust")
        assert done.exit_code == 0, done.output
        assert "block=sigmoid-gated" in done.stdout
        result = Client(store=store).status("mine")
        assert result.done and set(result.trials["arm"]) == {"baseline", "block=sigmoid-gated"}
        assert result.trials["brightness"].notna().all(), "every trial was scored by the page's metric"

        (tmp_path / "my_blocks.py").write_text((tmp_path / "my_blocks.py").read_text() + "# changed\n")
        preview = Client(store=store).plan(path)
        assert any("my_blocks.py has changed since this study was last run" in note for note in preview.notes)
        assert {arm.name: arm.held for arm in preview.arms} == {"baseline": 2, "block=sigmoid-gated": 0}
    finally:
        deactivate()
