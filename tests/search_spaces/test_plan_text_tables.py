"""Tables that are no Markdown, and tables in which rows and columns are values and cells are runs."""

from pathlib import Path
from typing import Any

import pytest

from search_spaces.plan_import import ImportedPlan, import_plan
from search_spaces.plan_import.text_tables import tabled


def read(tmp_path: Path, text: str, name: str = "plan.md") -> ImportedPlan:
    path = tmp_path / name
    path.write_text(text)
    return import_plan(path)


def arms(plan: ImportedPlan) -> dict[str, Any]:
    return {item.axis: item.values or item.grid or item.zip or item.action for item in plan.study.ablations}


TABLES = {
    "aligned": (
        "Component             Action    Replacement   Metrics\n"
        "Patch size            REPLACE   2, 8          FID\n"
        "EMA of the weights    REMOVE    -             FID,\n"
        "                                              sFID\n"
    ),
    "ruled": (
        "TABLE 1. THE PLAN\n"
        "Component           Action   Replacement  Metrics\n"
        "------------------  -------  -----------  -------\n"
        "Patch size          REPLACE  2, 8         FID\n"
        "EMA of the weights  REMOVE                FID\n"
        "All of it against the baseline.\n"
    ),
    "tabs": "Component\tAction\tReplacement\nPatch size\tREPLACE\t2, 8\nEMA of the weights\tREMOVE\t\n",
    "commas": 'component,action,options,metrics\npatch size,REPLACE,"2, 8",FID\nEMA of the weights,REMOVE,,FID\n',
    "boxed": (
        "+--------------------+---------+-------------+\n"
        "| Component          | Action  | Replacement |\n"
        "+====================+=========+=============+\n"
        "| Patch size         | REPLACE | 2, 8        |\n"
        "+--------------------+---------+-------------+\n"
        "| EMA of the weights | REMOVE  |             |\n"
        "+--------------------+---------+-------------+\n"
    ),
    "pipes": "| Component | Action | Values |\n| Patch size | REPLACE | 2, 8 |\n| EMA of the weights | REMOVE | - |\n",
}


@pytest.mark.parametrize("form", TABLES)
def test_a_table_of_plain_text_is_read_as_one_of_markdown(tmp_path: Path, form: str) -> None:
    plan = read(tmp_path, TABLES[form], "plan.txt")
    assert plan.not_understood == ()
    assert arms(plan) == {"patch_size": (2, 8), "ema_decay": "REMOVE"}


def test_aligned_lines_without_labels_are_no_table() -> None:
    text = "These are fixed:\nbatch size     256\nlearning rate  1e-4\n"
    assert tabled(text) == text


GRID = {"learning_rate": (0.001, 0.002), "batch_size": (32, 64)}
CROSSED = {
    "title": (
        "**Grid 1: learning rate × batch size**\n\n"
        "| | 32 | 64 |\n|--|--|--|\n| 1e-3 | A1 | A2 |\n| 2e-3 | A3 | A4 |\n"
    ),
    "corner": "## Rates\n\n| lr \\ batch size | 32 | 64 |\n|--|--|--|\n| 1e-3 | x | x |\n| 2e-3 | x | x |\n",
    "sentence": (
        "## A small grid\n\nRows are learning rates, columns are batch sizes.\n\n"
        "| | 32 | 64 |\n|--|--|--|\n| 1e-3 | run 1 | run 2 |\n| 2e-3 | run 3 | run 4 |\n"
    ),
    "heads": "## Cross\n\n| | lr 1e-3 | lr 2e-3 |\n|--|--|--|\n| batch 32 | 1 | 2 |\n| batch 64 | 3 | 4 |\n",
    "aligned": (
        "Grid 1: batch size x learning rate\n\n"
        "     1e-3   2e-3\n"
        "32   r1     r2\n"
        "64   r3     r4\n\n"
        "Metrics: FID\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", CROSSED)
def test_a_table_of_runs_is_a_grid(tmp_path: Path, form: str) -> None:
    plan = read(tmp_path, CROSSED[form])
    assert plan.not_understood == ()
    (grid,) = plan.study.ablations
    assert grid.grid == GRID


def test_cells_that_are_no_runs_are_left_out_of_the_grid(tmp_path: Path) -> None:
    plan = read(tmp_path, "## A\n\n| depth \\ width | 36 | 144 |\n|--|--|--|\n| 3 | x | x |\n| 12 | x | – |\n")
    assert plan.study.ablations[0].zip == {"depth": (3, 3, 12), "hidden_size": (36, 144, 36)}


@pytest.mark.parametrize(
    ("title", "columns"),
    [("patch size × patch overlap", ("none", "half")), ("patch size × text encoder", ("CLIP", "T5"))],
)
def test_a_grid_with_what_is_no_axis_is_refused_whole(tmp_path: Path, title: str, columns: tuple[str, str]) -> None:
    text = (
        "**Grid A: sampler × sampling steps**\n\n| | 10 | 25 |\n|--|--|--|\n| DDPM | A1 | A2 |\n| DDIM | A3 | A4 |\n\n"
        f"**Grid B: {title}**\n\n| | {columns[0]} | {columns[1]} |\n|--|--|--|\n| 2 | B1 | B2 |\n| 4 | B3 | B4 |\n"
    )
    plan = read(tmp_path, text)
    assert [item.axis for item in plan.study.ablations] == ["sampler, sampling_steps"]
    assert {item.ablation for item in plan.not_understood} == {f"Grid B: {title}"}


def test_an_order_beside_a_grid_stops_it(tmp_path: Path) -> None:
    text = f"{CROSSED['title']}\nAlso halve the weight decay in every run.\n\n"
    plan = read(tmp_path, f"{text}## B\n- Component: patch size\n- Values: 2, 8\n")
    assert [item.axis for item in plan.study.ablations] == ["patch_size"]
    assert plan.not_understood


def test_a_table_of_results_is_no_grid(tmp_path: Path) -> None:
    text = "# Results\n\n| | FID | sFID |\n|--|--|--|\n| small | 43.2 | 10.1 |\n| large | 30.0 | 8.2 |\n\n# Plan\n\n"
    plan = read(tmp_path, f"{text}Vary the patch size over 2 and 8, and report FID.\n")
    assert [item.axis for item in plan.study.ablations] == ["patch_size"]


@pytest.mark.parametrize("form", ["{} in {{2, 4}}", "{}: 2, 4"])
def test_settings_of_which_one_is_no_axis_are_asked_about(tmp_path: Path, form: str) -> None:
    good = "## A\n- Component: weight decay\n- Action: ADD\n- Replacement: 0.1\n\n"
    plan = read(tmp_path, f"{good}## B\n\n- {form.format('patch size')}\n- {form.format('patch overlap')}\n")
    assert [item.axis for item in plan.study.ablations] == ["weight_decay"]
    assert "B" in {item.ablation for item in plan.not_understood}
