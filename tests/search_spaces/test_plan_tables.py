"""Tables of runs and of counted values, ladders of counted steps, and letters that count their topics."""

from pathlib import Path
from typing import Any

import pytest

from dit_core.errors import UserError
from search_spaces.plan_import import ImportedPlan, import_plan
from search_spaces.plan_import.ordinals import one_by_one, ordinal
from search_spaces.plan_import.rungs import adds_up, apart, step_in


def _plan(folder: Path, text: str) -> ImportedPlan:
    path = folder / "plan.md"
    path.write_text(text)
    return import_plan(path, profile="paper")


def _arms(plan: ImportedPlan) -> dict[str, tuple[Any, ...]]:
    return {one.name: one.values or one.grid or one.zip or one.action for one in plan.study.ablations}  # type: ignore[misc]


def _open(folder: Path, text: str) -> str:
    """What of a plan stays open, as one text."""
    try:
        return " ".join(str(item) for item in _plan(folder, text).not_understood)
    except UserError as error:
        return str(error)


TABLES = {
    "| Factor | Full | Alt 1 | Alt 2 |\n|---|---|---|---|\n| Patch size | 2 | 4 | n/a |\n| MLP ratio | 4 | 2 | 8 |": {
        "Patch size": (4,),
        "MLP ratio": (2.0, 8.0),
    },
    "| Run | Norm | Depth |\n|---|---|---|\n| base | LayerNorm | 28 |\n| a | RMSNorm | 28 |\n| b | RMSNorm | 14 |": {
        "a": ("rmsnorm",),
        "b": {"norm": ("rmsnorm",), "depth": (14,)},
    },
    "| Setting | Default | Run 1 | Run 2 |\n|---|---|---|---|\n| Depth | 28 | 14 | 28 |\n| Patch size | 2 | 2 | 8 |": {
        "Run 1": (14,),
        "Run 2": (8,),
    },
    "| Config | EMA | Flips |\n|---|:-:|:-:|\n| full | ✓ | ✓ |\n| no average | ✗ | ✓ |\n| no mirror | ✓ | ✗ |": {
        "no average": "REMOVE",
        "no mirror": "REMOVE",
    },
    "| | RMSNorm | SwiGLU |\n|---|---|---|\n| DiT | | |\n| one | x | |\n| two | x | x |": {
        "one": ("rmsnorm",),
        "two": {"norm": ("rmsnorm",), "mlp": ("swiglu",)},
    },
}


@pytest.mark.parametrize("table", TABLES)
def test_a_table_of_runs_or_of_counted_values_is_read_row_by_row(table: str, tmp_path: Path) -> None:
    plan = _plan(tmp_path, f"# Plan\n\n{table}\n")
    assert plan.not_understood == ()
    assert _arms(plan) == TABLES[table]


def test_what_runs_have_in_common_has_to_be_so_in_the_baseline(tmp_path: Path) -> None:
    table = "| Run | MLP ratio | Long skips | Norm |\n|---|---|---|---|\n| base | 3 | yes | LayerNorm |\n"
    said = _open(tmp_path, table + "| a | 3 | yes | RMSNorm |\n")
    assert "MLP ratio 3" in said
    assert "Long skips on" in said


def test_a_second_change_in_a_remark_of_a_run_stops_it(tmp_path: Path) -> None:
    table = "| Run | Norm | Comment |\n|---|---|---|\n| base | LayerNorm | |\n"
    table += "| a | RMSNorm | also double the batch size |\n"
    assert "also double the batch size" in _open(tmp_path, table)


LADDER = (
    "## {title}\nAblated part: the recipe. Action: REPLACE.{more}\n- Rung 1: {one}\n- Rung 2: {two}\nMetrics: FID\n\n"
)


def test_ladders_add_up_where_the_plan_says_so_and_the_second_becomes_arms(tmp_path: Path) -> None:
    text = "# Plan\n\nEach rung retains what the rungs before it changed.\n\n"
    text += LADDER.format(title="First", more="", one="LayerNorm → RMSNorm", two="SwiGLU in place of GELU")
    text += LADDER.format(title="Other", more="", one="without EMA", two="also without label dropout")
    text += LADDER.format(title="Apart", more=" The rungs are alternatives.", one="B", two="L").replace(
        "recipe", "size"
    )
    plan = _plan(tmp_path, text)
    assert plan.not_understood == ()
    assert [step.set for step in plan.study.ladder] == [{"norm": "rmsnorm"}, {"mlp": "swiglu"}]
    assert _arms(plan) == {"Other": {"ema_decay": (0.0, 0.0), "class_dropout": (0.1, 0.0)}, "Apart": ("B", "L")}


@pytest.mark.parametrize("two", ["+ a Mamba mixer", "+ SwiGLU with half the learning rate"])
def test_no_step_of_a_ladder_is_tried_without_the_others(two: str, tmp_path: Path) -> None:
    text = LADDER.format(title="First", more="", one="RMSNorm", two=two) + "## Size\nPart: size\nReplacement: B\n"
    plan = _plan(tmp_path, text)
    assert "First" not in _arms(plan)
    assert any(item.text == two for item in plan.not_understood)


PATHS = (
    "We go DiT -> + RMSNorm -> + SwiGLU and report FID.",
    "These add up, one on top of the other:\n1. RMSNorm instead of LayerNorm\n2. then also SwiGLU\nReport FID.",
    "Every stage keeps the changes of the stage before.\n\nStage 1 - Swap LayerNorm for RMSNorm.\n"
    "Stage 2 - Swap the MLP for SwiGLU.\n\nMetrics: FID",
    "Every row keeps the change of the row above it.\n\n| Step | Change |\n|---|---|\n| 1 | RMSNorm |\n| 2 | SwiGLU |",
)


@pytest.mark.parametrize("text", PATHS)
def test_steps_in_running_text_lists_and_tables_are_a_ladder(text: str, tmp_path: Path) -> None:
    plan = _plan(tmp_path, text)
    assert plan.not_understood == ()
    assert [step.set for step in plan.study.ladder] == [{"norm": "rmsnorm"}, {"mlp": "swiglu"}]
    assert plan.study.ablations == ()


def test_whether_steps_add_up() -> None:
    assert step_in("**Rung 2:** + SwiGLU") == "+ SwiGLU"
    assert step_in("Ring 2: SwiGLU") == ""
    assert adds_up("Each stage builds on the previous one")
    assert not adds_up("The stages are independent, not cumulative")
    assert apart("One model per rung")


LETTER = """Hi,

Here is what I would run. Unless I say otherwise, everything is DiT-XL/2, trained for 400K iterations.

First, the patch size. I would replace p = 2 by p = 8, staying at {steps} sampling steps. FID is enough here.

Second, flips. They are the only augmentation that you use, so turn them off and see what FID says.

Next comes the weight decay: there is none, so add a decay of 0.05.

Finally, how it trains. Something could be learnt here.
"""


def test_every_topic_that_a_letter_counts_is_an_entry(tmp_path: Path) -> None:
    plan = _plan(tmp_path, LETTER.format(steps=250))
    assert _arms(plan) == {"patch size": (8,), "flips": (False, True), "weight decay": (0.05,)}
    assert {item.ablation for item in plan.not_understood} == {"how it trains"}


def test_what_a_letter_keeps_has_to_be_there(tmp_path: Path) -> None:
    assert "staying at 100 sampling steps" in _open(tmp_path, LETTER.format(steps=100))


def test_an_order_for_several_changes_at_once_is_not_passed_over(tmp_path: Path) -> None:
    text = "Replace LayerNorm by RMSNorm. Replace the MLP by SwiGLU. In the end, I would combine both."
    assert "combine both" in _open(tmp_path, text)


def test_what_counts_a_topic() -> None:
    assert ordinal("Thirdly, the norm. Use RMSNorm.") == ("norm", "Use RMSNorm")
    assert ordinal("Next, I would drop the EMA. Report FID.") is None
    assert ordinal("Finally, the recipe looks odd. Replace it.") is None
    assert len(one_by_one(["One: depth.", "Use 14 blocks.", "Two: norm.", "Use RMSNorm."])) == 2
