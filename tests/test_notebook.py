"""The notebook of the examples runs from its first cell to its last, as it is, without Jupyter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dit_ablate import StudyResult

NOTEBOOK = Path(__file__).parents[1] / "examples" / "first-study.ipynb"


@pytest.mark.slow
def test_every_cell_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    names: dict[str, object] = {}
    for index, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"{NOTEBOOK.name}, cell {index}", "exec"), names)
    result, more = names["result"], names["more"]
    assert isinstance(result, StudyResult) and isinstance(more, StudyResult)
    assert result.done and more.done
    assert len(result.trials) == 9 and len(more.trials) == 12
    assert list(result.contrasts["arm"]) == ["patch_size=4", "learning_rate=0.0005"]
    assert more.report_html is not None and Path(more.report_html).is_file()
    kept = result.trials.set_index(["arm", "seed"])["metric"]
    assert more.trials.set_index(["arm", "seed"])["metric"][kept.index].equals(kept)  # nothing was trained again
