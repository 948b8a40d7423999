"""Values in other words than their names, clauses behind them, words for several axes, and prose that announces."""

import json
from pathlib import Path
from typing import Any

import pytest

from dit_core.errors import UserError
from search_spaces.axes import AXES
from search_spaces.plan_import import ImportedPlan, import_plan
from search_spaces.plan_import.families import family_of
from search_spaces.plan_import.values import read_values
from search_spaces.profiles import PROFILES

DIGITS = PROFILES.get("digits")

DESCRIBED = {
    ("decoder", "A lightweight convolutional head (3x3 conv after rearranging the tokens)"): ("conv",),
    ("decoder", "2-layer MLP decoder"): ("mlp",),
    ("decoder", "A two-layer MLP with GELU activation applied to each token"): ("mlp",),
    ("decoder", "convolutional head with upsampling (upsample + 3x3 conv)"): ("conv-upsample",),
    ("decoder", "more complex decoder (e.g., MLP or convolutional layers)"): ("mlp", "conv"),
    ("block", "adaLN-single: one global MLP shared by all blocks plus a learned offset"): ("adaln-single",),
    ("block", "One modulation network for all of them (adaLN-single, as in PixArt)"): ("adaln-single",),
    ("block", "adaLN (shift/scale only, no gating)"): ("adaln",),
    ("block", "with cross-attention and with plain adaLN"): ("cross-attention", "adaln"),
    ("block", "The other block designs considered in the paper"): ("in-context", "cross-attention", "adaln"),
    ("variance", "Fixed variance σ²_t = β_t"): ("fixed",),
    ("gate_init", "Ordinary random initialization of the layer that regresses α (blocks no longer begin as it)"): (
        "random",
    ),
    ("guidance_scale", "Sampling without guidance"): (1.0,),
    ("guidance_scale", "1.0 to 2.0 in steps of 0.25"): (1.0, 1.25, 1.5, 1.75, 2.0),
    ("guidance_scale", "anything from none to strong (e.g., 1.0, 1.5, 4.0)"): (1.0, 1.5, 4.0),
    ("sampling_steps", "{25, 50, 100} steps"): (25, 50, 100),
    ("ema_decay", "Raw model weights at the end of training"): (0.0,),
    ("mlp_ratio", "4× expansion (baseline)"): (4.0,),
    ("mlp_ratio", "2x the baseline"): (8.0,),
    ("hidden_size", "2x (wider)"): (144,),
    ("mlp", "SwiGLU (hidden dimension scaled by 2/3 to keep the parameters equal)"): ("swiglu",),
    ("variance", "σ²_t fixed to β_t"): ("fixed",),
    ("variance", "Fixed variance σ²ₜ = βₜ, trained with L_simple only"): ("fixed",),
    ("block", "Cross-attention block (over a sequence of length two, roughly 15% Gflops overhead)"): (
        "cross-attention",
    ),
    ("mlp", "nn.SiLU"): ("silu",),
    ("learning_rate_schedule", "linear decay to 0"): ("linear",),
    ("variance", "Fixed variance βₜ"): ("fixed",),
    ("patch_size", "p=2 → p=4 → p=8 (T = 256 / 64 / 16)"): (2, 4, 8),
    ("patch_size", "train models with p = 4 and p = 8"): (4, 8),
    ("depth", "We retrain two networks with 12 and 20 blocks"): (12, 20),
    ("noise_schedule", "Cosine schedule (instead of linear, 1e-4 → 2e-2)"): ("cosine",),
    ("position", "Instead of the sin-cos table, rotary embeddings"): ("rotary",),
    ("class_conditioning", "Fully unconditional model that only receives the timestep embedding"): (False,),
    ("class_conditioning", "An unconditional model, conditioned only on the noise level"): (False,),
    ("patch_size", "Every position becomes a token of its own (patch size 1)"): (1,),
}


@pytest.mark.parametrize(("axis", "text"), DESCRIBED)
def test_words_that_tell_values_apart_name_one(axis: str, text: str) -> None:
    assert read_values(text, AXES.get(axis), DIGITS.config, DIGITS)[0] == DESCRIBED[axis, text]


UNREAD = (
    ("decoder", "a Perceiver head"),
    ("decoder", "an MLP-Mixer of 3 stages"),
    ("decoder", "an MLP or a Perceiver"),
    ("decoder", "a convolutional head, with a mixture of experts"),
    ("block", "adaLN (without the final norm)"),
    ("block", "cross-attention in every second block"),
    ("block", "adaLN (learning rate 1e-4)"),
    ("position", "None (use rotary embeddings)"),
    ("variance", "Fixed variance (w = 4)"),
    ("long_skips", "no more than 3 skips"),
    ("guidance_scale", "1.0 to 2.0 in steps of 0.3"),
    ("mlp", "SwiGLU (hidden dimension scaled by 4)"),
    ("mlp", "MLP of every block"),
    ("block", "a cross-attention block that only uses 4 heads"),
    ("variance", "Fixed variance at the posterior lower bound"),
    ("variance", "fixed_small"),
    ("guidance_scale", "1 to 4"),
    ("guidance_scale", "between 1 and 4"),
    ("guidance_scale", "1.0 … 4.0"),
    ("depth", "increase by 2 blocks"),
    ("depth", "train models without 12 blocks"),
    ("guidance_scale", "1 to 1000 in steps of 1"),
)


@pytest.mark.parametrize(("axis", "text"), UNREAD)
def test_what_could_change_a_value_stops_the_reading(axis: str, text: str) -> None:
    with pytest.raises(UserError):
        read_values(text, AXES.get(axis), DIGITS.config, DIGITS)


def _plan(folder: Path, text: str, name: str = "plan.md") -> ImportedPlan:
    path = folder / name
    path.write_text(text)
    return import_plan(path)


def _entry(part: str, action: str, replacement: str) -> str:
    return f"### One\n- **Ablated Part**: {part}\n- **Action**: {action}\n- **Replacement**: {replacement}\n"


PATCHES = "### Two\n- **Ablated Part**: patch size\n- **Action**: REPLACE\n- **Replacement**: 4\n"

CLAUSES = {
    ("learned covariance", "Fixed variance; the network predicts noise only"): True,
    ("learned covariance", "Fixed variance, so that the network outputs noise only"): True,
    ("learned covariance", "Fixed variance; the patch size becomes 4"): False,
    ("learned covariance", "Fixed variance; the network predicts x0 instead"): False,
    ("learned covariance", "Fixed variance, dropout in every block"): False,
    ("MLP activation", "ReLU, Snake"): False,
    ("number of blocks", "3, keeping the hidden size and the number of heads"): True,
}


@pytest.mark.parametrize(("part", "text"), CLAUSES)
def test_a_clause_behind_a_value_is_a_remark_where_it_changes_nothing(tmp_path: Path, part: str, text: str) -> None:
    plan = _plan(tmp_path, f"{_entry(part, 'REPLACE', text)}\n{PATCHES}")
    assert (not plan.not_understood) is CLAUSES[part, text]


TOLD = {
    ("adaLN-Zero block", "(a) in-context tokens, +2 tokens; (b) cross-attention, ≈ +15% Gflops; (c) adaLN, no gates"): (
        "block",
        ("in-context", "cross-attention", "adaln"),
    ),
    ("adaLN-Zero block", "Standard ViT block, with both embeddings appended as two more tokens (in-context)"): (
        "block",
        ("in-context",),
    ),
    ("patch size", "Instead of p = 2, use p = 4 and p = 8. This leads to fewer tokens, so that training is cheap"): (
        "patch_size",
        (4, 8),
    ),
    ("number of layers (12 by default)", "8 layers and 10 layers, keeping the number of heads (16) the same"): (
        "depth",
        (8, 10),
    ),
    ("adaLN-Zero block used to condition on the timestep t and the class label c", "in-context conditioning, adaLN"): (
        "block",
        ("in-context", "adaln"),
    ),
}


@pytest.mark.parametrize(("part", "text"), TOLD)
def test_what_is_told_of_a_value_changes_nothing(tmp_path: Path, part: str, text: str) -> None:
    plan = _plan(tmp_path, _entry(part, "REPLACE", text))
    (ablation,) = plan.study.ablations
    axis, values = TOLD[part, text]
    assert {AXES.get(ablation.axis).fields, ablation.values} == {AXES.get(axis).fields, values}
    assert not plan.not_understood


def test_what_a_size_consists_of_is_no_value_of_its_own(tmp_path: Path) -> None:
    text = "DiT-S (12 layers, width 384, 6 heads), DiT-B"
    entry = _entry("Transformer configuration (number of layers, hidden size and heads)", "REPLACE", text)
    plan = _plan(tmp_path, entry.replace("One", "Model Scale"))
    assert [(ablation.axis, ablation.values) for ablation in plan.study.ablations] == [("size", ("S", "B"))]
    assert not plan.not_understood


RANGES = (
    "Vary the guidance scale from 1.0 to 4.0.",
    "Try guidance scales between 1.0 and 4.0.",
    "1. **Guidance scale** - sweep from 1 to 4.",
    "### Guidance scale\n- **Action**: REPLACE\n- **Replacement**: 1 to 4",
)


@pytest.mark.parametrize("text", RANGES)
def test_a_range_is_asked_about_wherever_it_begins(tmp_path: Path, text: str) -> None:
    plan = _plan(tmp_path, f"{text}\n")
    assert plan.unsettled and not plan.guesses  # nothing is taken for settled that nobody accepted
    assert [question for question in plan.questions if "a range says where it ends" in question.text]


@pytest.mark.parametrize("text", ["Change the patch size from 2 to 4.", "Reduce the depth from 7 to 4."])
def test_a_way_from_the_present_value_is_a_change(tmp_path: Path, text: str) -> None:
    assert [one.values for one in _plan(tmp_path, f"{text}\n").study.ablations] == [
        (2, 4) if "patch" in text else (7, 4)
    ]


def test_what_is_added_to_what_lacks_it(tmp_path: Path) -> None:
    plan = _plan(tmp_path, _entry("Transformer blocks without dropout", "ADD", "Dropout layers"))
    assert [(one.axis, one.action, one.values) for one in plan.study.ablations] == [("dropout", "ADD", (0.1, 0.2))]
    assert not plan.not_understood


def test_two_places_are_no_second_axis(tmp_path: Path) -> None:
    plan = _plan(tmp_path, _entry("Regularization: dropout", "ADD", "Dropout 0.1 in attention and MLP of every block"))
    assert [(one.axis, one.values) for one in plan.study.ablations] == [("dropout", (0.1,))]


def test_a_counted_entry_and_named_values_with_numbers_in_json(tmp_path: Path) -> None:
    text = """[{"study_id": "TRAIN-01", "target_component": "Sampling procedure", "operation": "REPLACE",
    "variants": [{"label": "DDIM", "steps": 25, "purpose": "fast"}, {"label": "DDPM", "steps": 50}]},
    {"study_id": "TRAIN-02", "target_component": "Learning rate of AdamW", "operation": "REPLACE",
    "variants": [{"label": "1e-3", "purpose": "Default"}, {"label": "2e-3", "purpose": "Aggressive"}]}]"""
    plan = _plan(tmp_path, text, "plan.json")
    one, other = plan.study.ablations
    assert dict(one.zip or one.grid) == {"sampler": ("ddim", "ddpm"), "sampling_steps": (25, 50)}
    assert (other.axis, other.values) == ("learning_rate", (0.001, 0.002))


def test_metrics_under_labels_with_plain_adjectives(tmp_path: Path) -> None:
    labels = "- Component ablated: patch size\n- Action: REPLACE\n- Replacement Details: 4\n- Primary metric: FID-50K\n"
    more = "- Secondary metrics: throughput, CLIP score\n"
    plan = _plan(tmp_path, f"1) Patches\n{labels}{more}\n2) Larger patches\n{labels}")
    metrics = [phrase.text for phrase in plan.understood if phrase.field == "Metrics"]
    assert metrics == ["FID-50K", "throughput", "FID-50K"]
    assert [item.text for item in plan.not_understood] == ["CLIP score"]
    assert [ablation.name for ablation in plan.study.ablations] == ["Patches", "Larger patches"]


def test_a_list_below_a_label_for_an_action_is_what_is_tried(tmp_path: Path) -> None:
    text = "* **Target:** The noise parameterization\n* **Operation:** REPLACE\n* **Modification:**\n"
    plan = _plan(tmp_path, f"## Prediction target\n{text}    * $x_0$-prediction\n    * $v$-prediction\n")
    assert [(one.axis, one.values) for one in plan.study.ablations] == [("objective", ("x0", "v"))]


def test_a_multiple_in_a_list_below_an_action_is_not_lost(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "- **Ablated Part:** MLP ratio\n- **Modification:**\n  - Double it\n  - 2\n")
    assert [sorted(one.values) for one in plan.study.ablations] == [[2.0, 8.0]]


def test_a_product_of_sets_is_a_grid(tmp_path: Path) -> None:
    text = "Train all four combinations of {DiT-S, DiT-B} × {p=2, p=4}."
    plan = _plan(tmp_path, _entry("Model size together with patch size", "REPLACE", text))
    assert dict(plan.study.ablations[0].grid) == {"size": ("S", "B"), "patch_size": (2, 4)}


def test_nothing_with_a_reason_that_says_used_without(tmp_path: Path) -> None:
    text = "N/A (tokens are used without any positional embedding)"
    plan = _plan(tmp_path, _entry("Positional embeddings", "REMOVE", text))
    assert [(one.axis, one.action) for one in plan.study.ablations] == [("position", "REMOVE")]


def test_two_axes_of_general_names_are_a_grid(tmp_path: Path) -> None:
    text = "Every combination of model configuration (S, B) and patch size (2, 4), giving 4 models"
    plan = _plan(tmp_path, _entry("Model configuration and patch size", "REPLACE", text))
    assert dict(plan.study.ablations[0].grid) == {"size": ("S", "B"), "patch_size": (2, 4)}


@pytest.mark.parametrize("part", ["Conditioning information", "The conditioning signal", "Conditioning"])
def test_what_may_be_taken_away_in_several_ways_is_asked(tmp_path: Path, part: str) -> None:
    plan = _plan(tmp_path, PATCHES + _entry(part, "REMOVE", "None"))
    assert [ablation.axis for ablation in plan.study.ablations] == ["patch_size"]
    assert {"block", "class_conditioning"} <= set(plan.questions[0].candidates)


SAID_BESIDE = (
    ("MLP", "SwiGLU (depth reduced to 2 blocks for equal parameters)"),
    ("MLP", "SwiGLU with hidden width reduced by a factor of 4 to match parameters"),
    ("MLP", "ReLU (hidden width reduced to 2/3)"),
    ("sampler", "DDIM (T = 20), DDPM (T = 100)"),
    ("transformer block", "cross-attention (N = 14)"),
    ("depth", "half the heads, with 4 layers"),
    ("depth", "wider blocks, with 4 layers"),
    ("sampler", "fewer steps, with DDIM"),
    ("model size", "DiT-S (99 layers)"),
    ("patch size", "4, keeping the depth (6)"),
    ("patch size", "4, holding the depth (14) and the hidden size (768)"),
    ("transformer block", "in-context (instead of adaLN-Zero; learning rate 3e-4)"),
    ("transformer block", "in-context (replacing adaLN-Zero and the learned variance)"),
    ("position embedding", "RoPE, 50% fewer tokens"),
)


@pytest.mark.parametrize(("part", "text"), SAID_BESIDE)
def test_what_changes_more_than_its_value_stays_open(tmp_path: Path, part: str, text: str) -> None:
    assert _plan(tmp_path, f"{_entry(part, 'REPLACE', text)}\n{PATCHES}").not_understood


@pytest.mark.parametrize(
    "variants",
    [
        '[{"name": "wide", "hidden_size": 144}, {"name": "p4", "patch_size": 4}]',
        '[{"name": "half learning rate", "patch_size": 4}]',
        '[{"label": "deeper model", "patch_size": 4}]',
        '[{"label": "p=4", "description": "learning rate halved"}]',
        '[{"label": "p=4", "description": "replaces sin-cos by RoPE"}]',
        '[{"label": "p=4", "description": "train for 200k steps"}]',
        '{"min": 2, "max": 8}',
    ],
)
def test_named_values_that_change_more_stay_open(tmp_path: Path, variants: str) -> None:
    entry = '{{"ablated_part": "{}", "action": "REPLACE", "replacement": {}}}'
    text = f"[{entry.format('patch size', variants)}, {entry.format('depth', 4)}]"
    assert _plan(tmp_path, text, "plan.json").not_understood


@pytest.mark.parametrize("metric", ["FID at 20 inference steps", "FID over 10K samples", "FID at 50 steps"])
def test_a_metric_of_other_numbers_is_another(tmp_path: Path, metric: str) -> None:
    assert _plan(tmp_path, f"{PATCHES}- **Metrics**: {metric}\n").not_understood


FAMILIES = {
    "regularization": ("weight_decay", "dropout"),
    "Training regularization": ("weight_decay", "dropout"),
    "a faster sampling procedure": ("sampler", "sampling_steps", "guidance_scale"),
    "model capacity": ("size", "depth", "hidden_size"),
    "make the network smaller": ("size", "depth", "hidden_size"),
    "loss function": ("objective", "loss_weighting", "variance"),
    "dropout regularization": (),
    "sampling steps": (),
    "patch size": (),
}


@pytest.mark.parametrize("text", FAMILIES)
def test_a_word_for_several_axes(text: str) -> None:
    assert family_of(text) == FAMILIES[text]


def test_a_word_for_several_axes_is_asked_about(tmp_path: Path) -> None:
    plan = _plan(tmp_path, f"{_entry('Regularization', 'ADD', 'Standard regularization techniques')}\n{PATCHES}")
    (question,) = plan.questions
    assert question.candidates == ("weight_decay", "dropout")
    assert [ablation.axis for ablation in plan.study.ablations] == ["patch_size"]


PROSE: dict[str, tuple[str, str, tuple[Any, ...]]] = {
    "The fifth ablation varies the EMA decay. The paper uses 0.9999; we replace it with 0.99 and 0.9995.": (
        "ema_decay",
        "REPLACE",
        (0.99, 0.9995),
    ),
    "The second ablation concerns the depth of the network. We replace the 7 transformer blocks with 3 and 14 blocks, "
    "keeping the hidden size. The metrics are FID-50K and Gflops.": ("depth", "REPLACE", (3, 14)),
    "Finally, we ablate the positional embeddings. These are replaced with learned embeddings, and FID is measured.": (
        "position",
        "REPLACE",
        ("learned",),
    ),
    "Next comes the positional embedding. Replace the fixed table with a learned one and with rotary embeddings.": (
        "position",
        "REPLACE",
        ("learned", "rotary"),
    ),
    "In the third ablation we remove the label dropout, so that every image keeps its label.": (
        "class_dropout",
        "REMOVE",
        (),
    ),
}


@pytest.mark.parametrize("text", PROSE)
def test_a_sentence_that_announces_and_one_that_orders_are_one_entry(tmp_path: Path, text: str) -> None:
    first = "The first ablation concerns the patch size. We replace the patch size of 2 with 4 and report FID."
    plan = _plan(tmp_path, f"{first}\n\n{text}\n", "plan.txt")
    patches, other = plan.study.ablations
    assert (patches.axis, patches.values) == ("patch_size", (4,))
    assert (other.axis, other.action, other.values) == PROSE[text]


def test_an_order_in_plain_words_is_not_passed_over(tmp_path: Path) -> None:
    text = "Replace the patch size of 2 by 4. Report FID.\n\nMake the model half as big. Report FID and Gflops.\n"
    assert _plan(tmp_path, text, "plan.txt").not_understood


def test_a_part_is_what_its_head_says(tmp_path: Path) -> None:
    ratio = _plan(tmp_path, _entry("The expansion ratio of the pointwise feedforward layer", "REPLACE", "2, 6"))
    assert [(one.axis, one.values) for one in ratio.study.ablations] == [("mlp_ratio", (2.0, 6.0))]
    heads = _plan(tmp_path, _entry("Number of heads in multi-head self-attention", "REPLACE", "2, 8"))
    assert [(one.axis, one.values) for one in heads.study.ablations] == [("num_heads", (2, 8))]


@pytest.mark.parametrize("text", ["x" * 20_000, "x " * 2_000, "w = " * 2_000, "a, " * 2_000])
def test_a_long_text_is_no_value_and_does_not_keep_the_reader(tmp_path: Path, text: str) -> None:
    plan = _plan(tmp_path, f"{_entry('decoder', 'REPLACE', text)}\n{PATCHES}")
    assert [ablation.axis for ablation in plan.study.ablations] == ["patch_size"]


def test_a_title_may_hold_what_patterns_mean_otherwise(tmp_path: Path) -> None:
    text = "**Depth \\j.** These are replaced with 3 blocks.\n\n**Patches.** Replace the patch size of 2 with 4.\n"
    assert "patch_size" in [ablation.axis for ablation in _plan(tmp_path, text).study.ablations]


def _object(part: str, replacement: dict[str, Any]) -> str:
    """A plan of two entries, the first with an object in the place of its replacement."""
    other = {"part": "Patch size", "action": "REPLACE", "replacement": [4], "metrics": ["FID"]}
    return json.dumps([{**other, "part": part, "replacement": replacement}, other])


TITLED: dict[str, tuple[str, dict[str, Any], tuple[Any, ...]]] = {
    "alternatives": ("MLP activation", {"method": "Alternative activations", "values": ["ReLU"]}, ("relu",)),
    "four words": ("Batch size", {"strategy": "Smaller and larger batches", "values": [16, 128]}, (16, 128)),
    "other": ("MLP activation", {"approach": "Other non-linearities", "options": ["ReLU"]}, ("relu",)),
    "a value of its own": ("MLP activation", {"method": "SwiGLU", "values": ["ReLU"]}, ("relu", "swiglu")),
    "what stays": ("MLP expansion ratio", {"values": [2, 6], "description": "The depth is kept at 28"}, (2.0, 6.0)),
    "what it is": ("Transformer block",
                   {"method": "adaLN-single",
                    "description": "One modulation MLP shared by all blocks plus an offset of each block"},
                   ("adaln-single",)),
}  # fmt: skip


@pytest.mark.parametrize("name", TITLED)
def test_a_method_beside_values_is_their_title(tmp_path: Path, name: str) -> None:
    part, replacement, values = TITLED[name]
    first = _plan(tmp_path, _object(part, replacement), "plan.json").study.ablations[0]
    assert first.values == values


UNTITLED: dict[str, tuple[str, dict[str, Any]]] = {
    "no word that is known": ("MLP activation", {"method": "Snake", "values": ["ReLU", "SiLU"]}),
    "a factor": ("Batch size", {"method": "Doubling", "values": [16, 128]}),
    "not so": ("Number of heads", {"values": [2, 8], "description": "The hidden size stays at 1024"}),
    "set anew": ("Batch size", {"values": [16], "description": "The learning rate is scaled with the batch size"}),
    "joined": (
        "Transformer block",
        {"method": "cross-attention", "description": "Cross-attention, plus QK-norm in it"},
    ),
}


@pytest.mark.parametrize("name", UNTITLED)
def test_what_may_be_a_second_change_beside_values_is_asked_about(tmp_path: Path, name: str) -> None:
    plan = _plan(tmp_path, _object(*UNTITLED[name]), "plan.json")
    assert [one.axis for one in plan.study.ablations] == ["patch_size"]
    assert plan.not_understood


def test_values_that_only_a_description_names_are_those_that_are_tried(tmp_path: Path) -> None:
    told = {"method": "Alternative activations", "description": "ReLU and SiLU"}
    first = _plan(tmp_path, _object("MLP activation", told), "plan.json").study.ablations[0]
    assert first.axis == "patch_size" or set(first.values) == {"relu", "silu"}


PHASES: dict[tuple[str, str], dict[str, tuple[Any, ...]]] = {
    ("Constant learning rate (no warm-up)", "Linear warm-up over 200 steps, then cosine decay"): {
        "learning_rate_schedule": ("cosine",)},
    ("Learning rate schedule", "warm up for 100 steps, followed by linear decay"): {
        "learning_rate_schedule": ("linear",)},
    ("Sampler", "DDIM with 10, 20 and 50 steps"): {"sampler": ("ddim",), "sampling_steps": (10, 20, 50)},
    ("Sampler", "DPM-Solver++ using 10 or 20 sampling steps"): {
        "sampler": ("dpm-solver++",), "sampling_steps": (10, 20)},
}  # fmt: skip


@pytest.mark.parametrize(("part", "replacement"), PHASES)
def test_what_follows_in_time_is_one_arm_of_two_axes(tmp_path: Path, part: str, replacement: str) -> None:
    first, *_ = _plan(tmp_path, f"{_entry(part, 'REPLACE', replacement)}\n{PATCHES}").study.ablations
    assert len(first.grid) == 2
    assert {name: tuple(first.grid[name]) for name in PHASES[part, replacement]} == PHASES[part, replacement]


@pytest.mark.parametrize(
    ("part", "replacement"),
    [
        ("Weight averaging", "raw weights for the first half, then an EMA with decay 0.999"),
        ("Noise schedule", "linear for the first 200 steps, followed by cosine"),
        ("Learning rate schedule", "constant for 300 steps and then linear decay"),
        ("Learning rate", "Linear warmup, followed by cosine annealing"),
        ("MLP expansion ratio", "2, 6 (the number of layers is kept at 14)"),
        ("Transformer block", "adaLN-single: one MLP, along with rotary positions"),
        ("MLP activation", "ReLU, SiLU, other activations"),
    ],
)
def test_half_of_what_is_meant_is_not_tried_alone(tmp_path: Path, part: str, replacement: str) -> None:
    plan = _plan(tmp_path, f"{_entry(part, 'REPLACE', replacement)}\n{PATCHES}")
    assert [one.axis for one in plan.study.ablations] == ["patch_size"]
    assert plan.not_understood


def test_values_one_after_another_are_a_list_and_a_sort_before_them_is_none(tmp_path: Path) -> None:
    then = _plan(tmp_path, _entry("Patch size", "REPLACE", "4, then 8"))
    assert [one.values for one in then.study.ablations] == [(4, 8)]
    sort = _plan(tmp_path, _entry("MLP activation", "REPLACE (two options)", "Alternative activations; ReLU; SiLU"))
    assert [one.values for one in sort.study.ablations] == [("relu", "silu")]


def test_a_place_may_say_what_it_lacks_and_every_cell_may_be_a_token(tmp_path: Path) -> None:
    skips = "UNet-like long skip connections that join the first half with the second half"
    added = _plan(tmp_path, _entry("Plain stack of blocks (without long-range connections)", "ADD", skips))
    assert [one.axis for one in added.study.ablations] == ["long_skips"]
    other = _plan(tmp_path, f"{_entry('Plain stack of blocks (no positional embedding)', 'ADD', skips)}\n{PATCHES}")
    assert [one.axis for one in other.study.ablations] == ["patch_size"]
    cells = _plan(tmp_path, _entry("Patchify layer", "REPLACE", "Each latent cell becomes a token of its own"))
    assert [one.values for one in cells.study.ablations] == [(1,)]
