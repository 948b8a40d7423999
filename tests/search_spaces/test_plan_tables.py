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


CHANGED = """| Model | Difference to the reference | Purpose |
|---|---|---|
| ref | — | |
| A | RMSNorm in place of LayerNorm | cheaper |
| B | DiT-B/2 instead of DiT-XL/2 | scale |
| C | Remove the horizontal flips | augmentation |
| D | SwiGLU, no EMA (both of the usual suspects) | |
| E | {odd} | |
"""


def test_a_column_that_says_in_words_what_a_run_changes_is_read_row_by_row(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "**Reference:** DiT-XL/2, 400K steps.\n\n" + CHANGED.format(odd="Sophia for AdamW"))
    arms = _arms(plan)
    both = {"mlp": ("swiglu",), "ema_decay": (0.0,)}
    assert arms == {"A": ("rmsnorm",), "B": ("B",), "C": "REMOVE", "D": both}
    assert {item.ablation for item in plan.not_understood} == {"E"}


def test_an_empty_table_of_results_lists_what_its_paragraph_tries(tmp_path: Path) -> None:
    text = "**(a) Patches.** The side of a patch.\n\n| p | FID |\n|---|---|\n| 2 (default) | |\n| 8 | – |\n\n"
    text += "**(b) Normalisation.** What keeps activations in range.\n\n"
    text += "| kind | Gflops | FID |\n|---|---|---|\n| RMSNorm | | |\n| ScaleNorm | | |\n"
    plan = _plan(tmp_path, text)
    assert _arms(plan) == {"(a) Patches": (2, 8), "(b) Normalisation": ("rmsnorm",)}
    assert [item.text for item in plan.not_understood] == ["ScaleNorm"]


def test_a_table_with_results_lists_nothing(tmp_path: Path) -> None:
    text = "**Patches.** Replace p = 2 by 4.\n\n**Flips.** Remove the random flips.\n\n"
    plan = _plan(tmp_path, text + "| p | FID |\n|---|---|\n| 2 | 9.6 |\n| 8 | 40 |\n")
    assert _arms(plan) == {"Patches": (4,), "Flips": "REMOVE"}


@pytest.mark.parametrize(
    ("more", "arms"),
    [
        ("Drop the sin-cos table completely, and in a second run use a learned one.", ("none", "learned")),
        ("Replace the sin-cos table with RoPE, and in another model take it out altogether.", ("rotary", "none")),
        ("Take the sin-cos table out, and in another run halve the depth.", None),
        ("Drop the sin-cos table, and in one more run also the EMA.", None),
    ],
)
def test_an_arm_with_a_run_of_its_own_is_not_passed_over(
    more: str, arms: tuple[str, ...] | None, tmp_path: Path
) -> None:
    text = f"**Positions.** {more}\n\n**Patch size.** So far, we have only used 2. Could you try 4 and 8 too?\n"
    plan = _plan(tmp_path, text)
    assert _arms(plan)["Patch size"] == (4, 8)
    assert plan.not_understood or arms is not None
    assert arms is None or _arms(plan)["Positions"] == arms


TOPICS = """Hello,

The next thing that we want to question is the adaLN-Zero block. I would replace it with plain adaLN, {kept}, on FID.

The EMA of the weights merits a look: I would replace the decay of 0.9999 with 0.99. It costs nothing.

As for the label dropout which guidance needs, we would replace the usual 10% by 20% and measure FID.

Also, I would try some better way of training, measured by FID.
"""


def test_a_topic_that_is_said_first_is_an_entry_and_a_vague_wish_is_not_passed_over(tmp_path: Path) -> None:
    plan = _plan(tmp_path, TOPICS.format(kept="keep everything else as it is"))
    assert _arms(plan) == {
        "adaLN-Zero block": ("adaln",),
        "EMA of the weights": (0.99,),
        "label dropout": (0.2,),
    }
    assert any("some better way" in item.text for item in plan.not_understood)


@pytest.mark.parametrize("kept", ["leave the learning rate at 3e-4 unchanged", "keep DiT-B/2 as it is"])
def test_what_a_letter_keeps_as_it_is_has_to_be_so(kept: str, tmp_path: Path) -> None:
    plan = _plan(tmp_path, TOPICS.format(kept=kept))
    assert any(kept.split()[-3] in item.text for item in plan.not_understood if item.ablation == "adaLN-Zero block")


def test_entries_that_an_object_keeps_by_their_names_are_found_beside_other_labels(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(
        '{"name": "A plan", "setting": "DiT-XL/2", "experiments": {"norms": {"component": "normalisation", "action":'
        ' "REPLACE", "replacement": "RMSNorm"}, "flips": {"component": "random flips", "action": "REMOVE"}}}'
    )
    plan = import_plan(path, profile="paper")
    assert _arms(plan) == {"norms": ("rmsnorm",), "flips": "REMOVE"}


def test_a_greek_letter_with_a_number_behind_it_is_counted(tmp_path: Path) -> None:
    table = "| Run | Norm | Adam β2 |\n|---|---|---|\n| base | LayerNorm | 0.999 |\n| a | – | 0.95 |\n"
    assert _arms(_plan(tmp_path, table)) == {"a": (0.95,)}
