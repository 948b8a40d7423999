"""Which arms an entry has: below an action, on both sides of a label, in sets, objects, grids and pairs of arms."""

import json
from pathlib import Path
from typing import Any

import pytest

from search_spaces.plan_import import ImportedPlan, NothingUnderstood, import_plan

Arms = dict[str, tuple[Any, ...]]


def _plan(folder: Path, text: str, name: str = "plan.md") -> ImportedPlan | None:
    path = folder / name
    path.write_text(text)
    try:
        return import_plan(path, profile="paper")
    except NothingUnderstood:
        return None


def _arms(plan: ImportedPlan | None) -> list[Arms] | None:
    """Axis -> values of every ablation that is ready to run; None where something is left open."""
    if plan is None or plan.not_understood:
        return None
    return [dict(one.grid or one.zip or {one.axis: tuple(one.values)}) for one in plan.study.ablations]


def _entry(part: str, tried: str, action: str = "REPLACE") -> str:
    return f"## Study\n- **Part**: {part}\n- **Action**: {action}\n{tried}- **Metrics**: FID\n"


BELOW = {
    "  - p = 4\n  - p = 8\n": ("patch size", {"patch_size": (4, 8)}),
    "  - none\n  - decay of 0.999\n": ("average of the weights (EMA)", {"ema_decay": (0.0, 0.999)}),
    "  - none\n  - something else\n": ("average of the weights (EMA)", None),
    "  - retrain from scratch\n- **Replacement**: 4, 8\n": ("patch size", {"patch_size": (4, 8)}),
    "  - Note: the usual ones\n  - 8\n": ("number of heads", {"num_heads": (8,)}),
}


@pytest.mark.parametrize("tried", BELOW)
def test_bullets_below_a_bare_action_are_what_is_tried(tmp_path: Path, tried: str) -> None:
    part, arms = BELOW[tried]
    assert _arms(_plan(tmp_path, _entry(part, tried))) == (None if arms is None else [arms])


SIDES = {
    "Default → Candidates": ("linear (1e-4 to 2e-2) → cosine; sigmoid", ("cosine", "sigmoid")),
    "From / To": ("linear → cosine", ("cosine",)),
    "Old -> New": ("linear -> cosine", ("cosine",)),
    "Baseline vs. variants": ("linear → cosine with 500 steps", None),
}


@pytest.mark.parametrize("label", SIDES)
def test_a_label_may_name_both_sides_of_a_change(tmp_path: Path, label: str) -> None:
    text, values = SIDES[label]
    table = f"| Part | Action | {label} | Metrics |\n|---|---|---|---|\n| Noise schedule | REPLACE | {text} | FID |\n"
    assert _arms(_plan(tmp_path, table)) == (None if values is None else [{"noise_schedule": values}])
    if "." not in label and "/" not in label:
        listed = _entry("noise schedule", f"- **{label}:** {text}\n")
        assert _arms(_plan(tmp_path, listed)) == [{"noise_schedule": values}]


OBJECTS: list[tuple[str, list[Any], Arms | None]] = [
    ("sampling", [{"sampler": "DDIM", "steps": 50}, {"sampler": "DDPM", "steps": 250}],
     {"sampler": ("ddim", "ddpm"), "sampling_steps": (50, 250)}),
    ("optimisation", [{"learning_rate": 2e-4, "batch_size": 512}, {"learning_rate": 5e-5, "batch_size": 128}],
     {"learning_rate": (2e-4, 5e-5), "batch_size": (512, 128)}),
    ("sampling", [{"sampler": "DDIM", "steps": 50, "eta": 0.5}, {"sampler": "DDPM", "steps": 250}], None),
    ("sampling", [{"sampler": "PLMS", "steps": 50}, {"sampler": "DDIM", "steps": 25}], None),
]  # fmt: skip


@pytest.mark.parametrize(("part", "tried", "arms"), OBJECTS)
def test_objects_that_set_several_axes_are_points_and_no_grid(
    tmp_path: Path, part: str, tried: list[Any], arms: Arms | None
) -> None:
    entry = {"component": part, "action": "REPLACE", "replacement": tried, "metrics": ["FID"]}
    plan = _plan(tmp_path, json.dumps([entry]), "plan.json")
    assert _arms(plan) == (None if arms is None else [arms])
    assert arms is None or (plan is not None and plan.study.ablations[0].zip)


@pytest.mark.parametrize("tried", ["{Muon, Lion}", "[Muon, Lion]", "(Muon, Lion)", "optimizer ∈ {Muon, Lion}"])
def test_every_item_of_a_set_is_a_value_or_is_named(tmp_path: Path, tried: str) -> None:
    assert _arms(_plan(tmp_path, _entry("optimizer", f"- **Replacement**: {tried}\n"))) is None
    assert _arms(_plan(tmp_path, _entry("optimizer", "", f"replace it with {tried}"))) is None


@pytest.mark.parametrize("action", ["swap it for DDIM, PLMS", "try DDIM; PLMS", "replace with {DDIM, PLMS}"])
def test_no_item_of_a_list_is_taken_for_a_remark(tmp_path: Path, action: str) -> None:
    assert _arms(_plan(tmp_path, _entry("sampler", "", action))) is None


GRIDS = {
    ("sampler × sampling steps", "solver {DDPM, DDIM} × steps {25, 50}"): {
        "sampler": ("ddpm", "ddim"), "sampling_steps": (25, 50)},
    ("guidance scale × label dropout", "w ∈ {1.25, 1.5} x p_drop ∈ {0.1, 0.2}"): {
        "guidance_scale": (1.25, 1.5), "class_dropout": (0.1, 0.2)},
    ("number of heads × depth", "layers {14, 28} × heads {8, 16}"): {"num_heads": (8, 16), "depth": (14, 28)},
    ("patch size and depth", "p {2, 4}; N {12, 28}"): {"patch_size": (2, 4), "depth": (12, 28)},
    ("sampling steps × guidance scale", "seeds {25, 50} × scale {1.5, 4}"): None,
    ("optimizer × learning rate", "{AdamW, Lion} × lr {1e-4, 2e-4}"): None,
    ("guidance scale × label dropout", "scale {1.25, 4} × rate {0.1, 0.2} with half the batch"): None,
}  # fmt: skip


@pytest.mark.parametrize(("part", "tried"), GRIDS)
def test_the_sets_of_a_grid_belong_to_the_axes_that_they_call(tmp_path: Path, part: str, tried: str) -> None:
    arms = GRIDS[part, tried]
    assert _arms(_plan(tmp_path, _entry(part, f"- **Levels**: {tried}\n"))) == (None if arms is None else [arms])


PAIRS: dict[tuple[str, str, str, str], Arms | None] = {
    ("Sine-cosine positions", "REMOVE", "a sine-cosine table is added", "no position at all"): {"position": ()},
    ("Positions", "REMOVE", "learned positions are added", "no position"): None,
    ("Positions", "REMOVE", "a sine-cosine table", "rotary positions in attention"): None,
    ("Weight average", "REMOVE", "EMA of 0.9999", "final weights are sampled from"): {"ema_decay": ()},
    ("EMA", "REMOVE", "EMA of 0.99", "raw weights"): None,
    ("Register tokens", "ADD", "8 registers", "image tokens only"): {"registers": (8,)},
    ("Dropout in the blocks", "ADD", "dropout 0.1 in all of them", "no dropout, and weight decay 0.1"): None,
    ("Horizontal flips", "REMOVE", "images are flipped", "no flips but random crops"): None,
    ("QK normalization", "", "queries and keys are normalised", "plain attention"): {"qk_norm": (False, True)},
    ("Gradient clipping", "", "norm limited to 2.0", "no clipping"): {"gradient_clip": (2.0, 0.0)},
    ("Gradient clipping", "", "norm limited to 2.0", "no clipping and no warmup"): None,
    ("QK normalization", "", "queries and keys are normalised", "plain attention with 0.1 dropout"): None,
}


@pytest.mark.parametrize(("title", "action", "there", "gone"), PAIRS)
def test_with_and_without_are_the_two_arms(tmp_path: Path, title: str, action: str, there: str, gone: str) -> None:
    acted = f"- Action: {action}\n" if action else ""
    text = f"## {title}\n- With: {there}\n- Without: {gone}\n{acted}- Metrics: FID\n"
    arms = PAIRS[title, action, there, gone]
    assert _arms(_plan(tmp_path, text)) == (None if arms is None else [arms])


BESIDE = {
    ("EMA decay", "0.99 (and the raw weights for sampling)"): None,
    ("EMA decay", "0.99 (closer to the raw weights)"): {"ema_decay": (0.99,)},
    ("EMA decay", "0.99 and no averaging"): {"ema_decay": (0.99, 0.0)},
    ("EMA decay", "none / 0.99 / 0.999"): {"ema_decay": (0.0, 0.99, 0.999)},
    ("sampling steps", "50 (and 25 for the preview)"): None,
    ("guidance scale", "4 (and unguided for validation)"): None,
    ("guidance scale", "(a) 1.0, i.e. no guidance; (b) 4.0"): {"guidance_scale": (1.0, 4.0)},
    ("guidance scale", "4.0, i.e. no guidance"): None,
    ("class conditioning", "unconditional, with the timestep as the only input"): {"class_conditioning": (False,)},
    ("class conditioning", "unconditional, with the class token as the only input"): None,
    ("hidden size d of the transformer", "768"): {"hidden_size": (768,)},
    ("hidden size d of the first block", "768"): None,
    ("loss weighting", "Min-SNR weighting with gamma = 5"): {"loss_weighting": ("min-snr",)},
    ("loss weighting", "Min-SNR weighting with gamma = 1"): None,
    ("activation in {ReLU, Snake}", ""): None,
}


@pytest.mark.parametrize(("part", "value"), BESIDE)
def test_what_stands_beside_a_value_is_looked_at(tmp_path: Path, part: str, value: str) -> None:
    arms = BESIDE[part, value]
    tried = f"- **Replacement**: {value}\n" if value else ""
    assert _arms(_plan(tmp_path, _entry(part, tried))) == (None if arms is None else [arms])


def test_a_number_that_is_to_be_replaced_is_what_is_there(tmp_path: Path) -> None:
    rest = "- Patch size: REPLACE 4\n"
    assert _arms(_plan(tmp_path, f"- EMA decay: REPLACE 0.99 (and the raw weights for sampling)\n{rest}")) is None
    arms = _arms(_plan(tmp_path, f"- EMA decay: REPLACE 0.99 and the raw weights\n{rest}"))
    assert arms == [{"ema_decay": (0.99, 0.0)}, {"patch_size": (4,)}]


ARROWS = {
    "REPLACE → plain adaLN, i.e. without the gates": ("adaLN-Zero block", {"block": ("adaln",)}),
    "REPLACE → adaLN, i.e. with dropout 0.1": ("adaLN-Zero block", None),
    "ADD → 4 or 8 registers, discarded before the last layer": ("register tokens", {"registers": (4, 8)}),
    "REPLACE (retrain from scratch) by 8": ("number of heads", None),
}


@pytest.mark.parametrize("action", ARROWS)
def test_what_an_action_leads_to_is_tried(tmp_path: Path, action: str) -> None:
    part, arms = ARROWS[action]
    assert _arms(_plan(tmp_path, _entry(part, "", action))) == (None if arms is None else [arms])
