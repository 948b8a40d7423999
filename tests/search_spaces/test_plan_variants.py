"""Objects and labels of which each is one arm, and what is said about where and with what a value stands."""

import json
from pathlib import Path
from typing import Any

import pytest

from search_spaces.plan_import import ImportedPlan, import_plan

GOOD = "### Good\n- Component: weight decay\n- Action: ADD\n- Replacement: 0.1\n\n"


def read(tmp_path: Path, said: Any) -> ImportedPlan:
    path = tmp_path / ("plan.md" if isinstance(said, str) else "plan.json")
    path.write_text(said if isinstance(said, str) else json.dumps(said))
    return import_plan(path)


def arms(plan: ImportedPlan) -> list[Any]:
    return [(item.axis, item.values or item.zip or item.grid) for item in plan.study.ablations]


def entry(part: str, variants: Any, action: str = "REPLACE") -> dict[str, Any]:
    return {"component": part, "action": action, "variants": variants, "metrics": ["FID"]}


@pytest.mark.parametrize(
    ("part", "variants", "axis", "wanted"),
    [
        ("weight decay", {"mild": {"wd": 0.01}, "harsh": {"wd": 0.1}}, "weight_decay", (0.01, 0.1)),
        ("number of blocks", {"shallow": {"depth": 3}, "deep": {"depth": 12, "note": "slow"}}, "depth", (3, 12)),
        ("noise schedule", {"a": {"betas": "cosine of Nichol and Dhariwal"}, "b": {"betas": "sigmoid"}},
         "noise_schedule", ("cosine", "sigmoid")),
        ("token masking", [{"name": "light", "p": 0.25}, {"name": "strong", "p": 0.5}], "mask_ratio", (0.25, 0.5)),
        ("width and heads", [{"hidden_size": 36, "num_heads": 2}, {"hidden_size": 144, "num_heads": 6}],
         "hidden_size, num_heads", {"hidden_size": (36, 144), "num_heads": (2, 6)}),
        ("guidance", {"low": {"scale": 1.5, "interval": [0.2, 0.8]}, "high": {"scale": 4.0, "interval": [0.0, 0.7]}},
         "guidance_scale, guidance_interval",
         {"guidance_scale": (1.5, 4.0), "guidance_interval": ("0.2-0.8", "0-0.7")}),
    ],
)  # fmt: skip
def test_a_name_of_an_arm_is_no_value(tmp_path: Path, part: str, variants: Any, axis: str, wanted: Any) -> None:
    plan = read(tmp_path, [entry(part, variants)])
    assert plan.not_understood == ()
    assert arms(plan) == [(axis, wanted)]


@pytest.mark.parametrize(
    "variants",
    [
        {"no_dropout": {"lr": 0.002}, "big_batch": {"lr": 0.004}},
        {"one": {"lr": 0.002, "batch": "scaled to match"}},
    ],
)
def test_an_arm_that_says_more_is_not_tried(tmp_path: Path, variants: Any) -> None:
    plan = read(tmp_path, [entry("learning rate", variants), entry("patch size", [2, 8])])
    assert arms(plan) == [("patch_size", (2, 8))] and plan.not_understood


@pytest.mark.parametrize(
    ("title", "there", "gone", "wanted"),
    [
        ("Register tokens", "8 registers", "image tokens only (paper)", ("registers", (8,))),
        ("Positional embedding", "sin-cos (baseline)", "no positions", ("position", ("none",))),
        ("EMA of the weights", "a long average (as in the paper)", "the raw weights", ("ema_decay", (0.0,))),
        ("Classifier-free guidance", "w = 4", "no guidance", ("guidance_scale", (4.0, 1.0))),
    ],
)
def test_a_pair_with_and_without_tries_what_is_not_there(
    tmp_path: Path, title: str, there: str, gone: str, wanted: Any
) -> None:
    plan = read(tmp_path, f"### Pair 1: {title}\n- **With:** {there}\n- **Without:** {gone}\n- **Metrics:** FID\n")
    assert plan.not_understood == () and arms(plan) == [wanted]


@pytest.mark.parametrize(
    "said", ["RoPE in attention, on top of the sin-cos table", "the sin-cos table kept, and RoPE added to attention",
             "rotary positions in addition to the sin-cos table"],
)  # fmt: skip
def test_two_values_at_once_are_one_arm(tmp_path: Path, said: str) -> None:
    plan = read(tmp_path, f"### A\n- Component: positional encoding\n- Action: REPLACE\n- Replacement: {said}\n")
    assert arms(plan) == [("position", ("sincos-plus-rotary",))]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("positional encoding", "rotary, on top of the learned table"),
        ("LayerNorm", "RMSNorm applied after the residual addition"),
        ("LayerNorm", "RMSNorm, placed directly behind the MLP"),
        ("LayerNorm", "RMSNorm (sandwich norm)"),
    ],
)
def test_where_and_with_what_a_value_stands_is_a_change(tmp_path: Path, part: str, said: str) -> None:
    plan = read(tmp_path, f"{GOOD}### Bad\n- Component: {part}\n- Action: REPLACE\n- Replacement: {said}\n")
    assert [axis for axis, _ in arms(plan)] == ["weight_decay"]
    assert {item.ablation for item in plan.not_understood} == {"Bad"}


@pytest.mark.parametrize(
    "item", ["Tune the regularization (metrics: FID)", "Play with the token mixing", "Improve the sampler somehow"]
)
def test_a_vague_item_of_a_list_is_named(tmp_path: Path, item: str) -> None:
    plan = read(
        tmp_path, f"# To do\n- [ ] Remove label dropout (metrics: FID)\n- [ ] {item}\n- [x] ~~Baseline~~ done\n"
    )
    assert [axis for axis, _ in arms(plan)] == ["class_dropout"]
    assert any(missed.text in item for missed in plan.not_understood)


def test_other_seeds_of_the_evaluation_are_an_ablation(tmp_path: Path) -> None:
    text = "- Remove label dropout (metric: FID)\n- Redo the evaluation with sampling seeds 3 and 4 (metric: FID)\n"
    plan = read(tmp_path, text)
    assert plan.not_understood == () and arms(plan)[1] == ("evaluation_seed", (3, 4))


def test_calls_of_dict_inside_a_fence_are_data(tmp_path: Path) -> None:
    text = 'Loop over it:\n\n```python\nPLAN = [\n    dict(\n        part="patch size",\n        action="REPLACE",\n'
    text += '        values=[2, 8],\n        metrics=["FID"],\n    ),\n]\n```\n'
    plan = read(tmp_path, text)
    assert plan.not_understood == () and arms(plan) == [("patch_size", (2, 8))]


PASSED = {
    "heading": "## Register tokens at 4 and 16\n\n| tokens | cost |\n|--|--|\n| 4 | low |\n| 16 | high |\n",
    "item": "Further:\n\n- EMA off\n",
    "columns": "Further runs:\n\n| Depth | Rate |\n|--|--|\n| 3 | 1e-3 |\n| 12 | 2e-3 |\n",
}


@pytest.mark.parametrize("place", PASSED)
def test_what_names_an_axis_and_is_in_no_entry_is_named(tmp_path: Path, place: str) -> None:
    table = "| Component | Action | Replacement |\n|--|--|--|\n| weight decay | ADD | 0.1 |\n\n"
    plan = read(tmp_path, f"{table}{PASSED[place]}")
    assert [axis for axis, _ in arms(plan)] == ["weight_decay"]
    assert plan.not_understood


def test_a_sweep_in_data_outside_of_every_entry_is_named(tmp_path: Path) -> None:
    plan = read(tmp_path, {"ablations": [entry("patch size", [2, 8])], "guidance_scale": [1.25, 1.5], "seed": 0})
    assert {item.ablation for item in plan.not_understood} == {"guidance_scale"}
