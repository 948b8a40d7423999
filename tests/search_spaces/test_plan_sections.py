"""Lists below a title that are one entry together: arms, factors, rungs, and a single step."""

from pathlib import Path
from typing import Any

import pytest

from dit_core.errors import UserError
from search_spaces.plan_import import ImportedPlan, import_plan

GOOD = "## Weight decay\n- Component: weight decay\n- Action: ADD\n- Replacement: 0.1\n\n"


def read(tmp_path: Path, said: str) -> ImportedPlan:
    path = tmp_path / "plan.md"
    path.write_text(said)
    return import_plan(path)


def arms(plan: ImportedPlan) -> list[Any]:
    return [(item.axis, item.values or item.zip or item.grid or ()) for item in plan.study.ablations]


@pytest.mark.parametrize(
    ("title", "items", "wanted"),
    [
        ("## Register tokens", ("with 2 registers", "with 8 registers", "without (reference)"), ("registers", (2, 8))),
        ("**Gradient clipping**", ("without (our default)", "with, maximum norm 0.5"), ("gradient_clip", (0.5,))),
        ("## QK-Norm", ("without (paper)", "with"), ("qk_norm", (True,))),
        ("**Label dropout**", ("with (baseline)", "without"), ("class_dropout", ())),
        ("### QK-Norm", ("w/o", "w/: queries and keys are normalised"), ("qk_norm", (True, False))),
    ],
)
def test_arms_below_a_title_are_one_entry(tmp_path: Path, title: str, items: tuple[str, ...], wanted: Any) -> None:
    plan = read(tmp_path, "\n".join((title, *(f"- {item}" for item in items))))
    assert plan.not_understood == () and arms(plan) == [wanted]
    assert len(plan.entries) == 1


@pytest.mark.parametrize(
    "items", [("without (baseline)", "with a wavelet gate"), ("with (paper)", "without, and a wavelet gate")]
)
def test_an_arm_that_is_not_read_is_named_under_its_title(tmp_path: Path, items: tuple[str, ...]) -> None:
    listed = "\n".join(f"- {item}" for item in items)
    plan = read(tmp_path, f"{GOOD}## Register tokens\n{listed}\n")
    assert {item.ablation for item in plan.not_understood} == {"Register tokens"}
    assert plan.entries == ("Weight decay", "Register tokens")


@pytest.mark.parametrize(
    ("title", "factors", "wanted"),
    [
        ("Heads × depth", ("Factor 1: heads ∈ {2, 3}", "Factor 2: depth ∈ {3, 12}"),
         ("num_heads, depth", {"num_heads": (2, 3), "depth": (3, 12)})),
        ("Solver × steps", ("- **Factor A:** sampler = {DDPM, DDIM}", "- **Factor B:** steps = {5, 10}"),
         ("sampler, sampling_steps", {"sampler": ("ddpm", "ddim"), "sampling_steps": (5, 10)})),
    ],
)  # fmt: skip
def test_factors_below_a_title_are_a_grid(tmp_path: Path, title: str, factors: tuple[str, ...], wanted: Any) -> None:
    text = "\n".join(factors)
    plan = read(tmp_path, f"## {title}\n{text}\n")
    assert plan.not_understood == () and arms(plan) == [wanted]
    part = read(tmp_path, f"{GOOD}## {title}\n{text}\n\nOnly the diagonal is trained.\n")
    assert arms(part) == [("weight_decay", (0.1,))] and part.not_understood


def test_an_empty_table_of_two_axes_is_a_grid(tmp_path: Path) -> None:
    text = "## Depth × heads\n\n| | 2 heads | 3 heads |\n|---|---|---|\n| 3 blocks | | |\n| 12 blocks | | |\n"
    assert arms(read(tmp_path, text)) == [("depth, num_heads", {"depth": (3, 12), "num_heads": (2, 3)})]
    with pytest.raises(UserError):
        read(tmp_path, "## Results\n\n| | FID | sFID |\n|---|---|---|\n| DiT-S | | |\n| DiT-B | | |\n")


def test_rungs_that_add_or_take_away_are_steps(tmp_path: Path) -> None:
    up = read(tmp_path, "## Modern\n0. DiT-S/2 baseline\n1. + QK-Norm\n2. + RMSNorm in place of LayerNorm\n")
    assert [step.set for step in up.study.ladder] == [{"qk_norm": True}, {"norm": "rmsnorm"}]
    bare = read(tmp_path, "## Modern\n- + QK-Norm\n- + SwiGLU\n")
    assert len(bare.study.ladder) == 2 and bare.not_understood == () == up.not_understood
    each = read(tmp_path, "## Modern\n- + QK-Norm\n- + SwiGLU\n\nEach addition is tried alone.\n")
    assert not each.study.ladder and each.not_understood
    down = read(tmp_path, "## Stripping (cumulative)\n0. baseline\n1. − label dropout\n2. − EMA\n")
    assert [step.set for step in down.study.ladder] == [{"class_dropout": 0.0}, {"ema_decay": 0.0}]
    with pytest.raises(UserError):
        read(tmp_path, "## Stripping (cumulative)\n0. baseline\n1. − label dropout\n2. − the flux valve\n")
    alone = read(tmp_path, "## Stripping, each alone\n0. baseline\n1. − label dropout\n2. − EMA\n")
    assert not alone.study.ladder and alone.not_understood


def test_stages_that_are_told_as_sentences_are_steps(tmp_path: Path) -> None:
    told = "- Stage 1 adds QK-Norm.\n- Stage 2 swaps LayerNorm for RMSNorm.\n\nMetrics: FID\n"
    plan = read(tmp_path, f"Every stage keeps what the stages before it brought.\n\n## Track A: Norms\n{told}")
    assert [step.set for step in plan.study.ladder] == [{"qk_norm": True}, {"norm": "rmsnorm"}]
    only = read(tmp_path, "## Track B: Label dropout\nJust one single step: remove it.\n\nMetrics: FID\n")
    assert arms(only) == [("class_dropout", ())] and only.not_understood == ()


def test_arms_with_something_else_than_their_title_are_no_arms_of_it(tmp_path: Path) -> None:
    items = "- without EMA\n- without label dropout\n- with registers\n"
    plan = read(tmp_path, f"## Taken away\n{items}")
    assert {axis for axis, _ in arms(plan)} >= {"ema_decay", "class_dropout"}


def test_items_of_two_lists_are_no_grid_of_their_first_ones(tmp_path: Path) -> None:
    text = "## Depth and heads\nFactor A: depth: 3, 12\nFactor B: heads: 2, 3\nOnly half of the runs are done.\n"
    with pytest.raises(UserError, match="not certain"):
        read(tmp_path, text)
