"""Lists of what is tried: below an action, counted twice, in sets; and running text that only looks like one."""

from pathlib import Path
from typing import Any

import pytest

from dit_core.errors import UserError
from search_spaces.axes import AXES
from search_spaces.plan_import import ImportedPlan, import_plan
from search_spaces.plan_import.clauses import is_clause
from search_spaces.plan_import.evidence import evidence
from search_spaces.plan_import.markdown import read_markdown
from search_spaces.plan_import.nothing import nothing_and_why
from search_spaces.plan_import.roles import orders
from search_spaces.plan_import.stays import says_these_stay
from search_spaces.plan_import.telling import is_aside
from search_spaces.plan_import.values import read_values
from search_spaces.profiles import PROFILES

PAPER = PROFILES.get("paper")


def _plan(folder: Path, text: str) -> ImportedPlan:
    path = folder / "plan.md"
    path.write_text(text)
    return import_plan(path, profile="paper")


def _read(folder: Path, text: str) -> list[tuple[str, str, tuple[Any, ...]]]:
    return [(one.axis, one.action, one.values) for one in _plan(folder, text).require_complete().ablations]


BELOW = {
    "SWAP the linear schedule for one of the following:\n     - Cosine schedule\n     - Sigmoid schedule": (
        "linear noise schedule",
        [],
        ["Cosine schedule", "Sigmoid schedule"],
    ),
    "Set the number of heads to:\n     * 4\n     * 8": ("attention heads", [], ["4", "8"]),
    "Replace AdamW by\n     - Muon": ("AdamW", [], ["Muon"]),
    "ADD:\n     - QK-Norm in all blocks": ("attention", [], ["QK-Norm in all blocks"]),
    "REPLACE it with:\n     - A. 0.99\n     - B. 0.999\n     - D. 0.9": ("EMA", [], ["0.99", "0.999", "D. 0.9"]),
    "Replace the uniform weighting with\n     min-SNR weighting": ("loss weighting", [], ["min-SNR weighting"]),
    "REPLACE\n     - We keep the number of blocks fixed": ("width", ["We keep the number of blocks fixed"], []),
    "ADD the following warm-up:\n     - 10,000 steps": ("warm-up", [], ["10,000 steps"]),
}


@pytest.mark.parametrize("action", BELOW)
def test_what_stands_below_an_action_that_leads_on_is_tried(action: str) -> None:
    part, beside, tried = BELOW[action]
    text = f"1. **One**\n   - **Component**: {part}\n   - **Operation**: {action}\n   - **Metrics**: FID\n"
    (entry,) = read_markdown(text).entries
    assert (entry.context, entry.replacements, entry.metrics) == (beside, tried, ["FID"])
    assert len(entry.actions) == 1
    assert not entry.actions[0].endswith((":", "with", "to", "by", "following"))


def test_every_item_below_an_action_is_tried_or_stops_the_plan(tmp_path: Path) -> None:
    head = (
        "1. **One**\n   - **Component**: Constant learning rate\n   - **Operation**: REPLACE the constant rate with:\n"
    )
    rest = "   - **Metrics**: FID\n\n   A decaying rate is common.\n"
    listed = "     - Cosine annealing\n     - Linear decay to zero\n"
    assert _read(tmp_path, head + listed + rest) == [("learning_rate_schedule", "REPLACE", ("cosine", "linear"))]
    plan = _plan(tmp_path, f"{head}{listed}     - also double the batch size\n{rest}")
    assert [item.text for item in plan.not_understood] == ["also double the batch size"]


DRAWN = """Here are the studies.

━━━━━━━━━━━━━━━━━━━━
1) Positions
  ● Ablated Part: Position embeddings
  ● Action: REPLACE [all else unchanged]
  ● Replacement:
    — nothing at all (the transformer then sees the patches as an unordered set of tokens)
    — rotary embeddings applied to the queries and keys of every attention layer
  ● Metrics: FID-50K
━━━━━━━━━━━━━━━━━━━━
2) Flips
  ● Ablated Part: Random horizontal flips of the training images
  ● Action: REMOVE
  ● Replacement: None (unflipped images are used throughout)
  ● Metrics: FID-50K
"""


def test_drawn_rules_and_dashes_open_what_follows_them(tmp_path: Path) -> None:
    for text in (DRAWN, DRAWN.replace("━", "—").replace("    —", "    –").replace("●", "▪")):
        assert _read(tmp_path, text) == [("position", "REPLACE", ("none", "rotary")), ("random_flip", "REMOVE", ())]
        assert [one.name for one in _plan(tmp_path, text).study.ablations] == ["Positions", "Flips"]


SETS = {
    ("noise_schedule", "{linear, cosine} schedule"): ("linear", "cosine"),
    ("objective", "{x0, v} prediction"): ("x0", "v"),
    ("block", "[in-context, cross-attention] conditioning"): ("in-context", "cross-attention"),
    ("position", "rotary / learned / nothing at all"): ("rotary", "learned", "none"),
    ("guidance_scale", "1.5 / 4 / nothing"): (1.5, 4.0, 1.0),
    ("loss_weighting", "{min-SNR, P2} weighting"): None,
    ("position", "{learned, frozen random} embeddings"): None,
    ("learning_rate", "5e-5 / nothing"): None,
}


@pytest.mark.parametrize(("axis", "text"), SETS)
def test_a_set_is_read_whole_or_not_at_all(axis: str, text: str) -> None:
    wanted = SETS[axis, text]
    if wanted is not None:
        assert read_values(text, AXES.get(axis), PAPER.config, PAPER)[0] == wanted
        return
    with pytest.raises(UserError):
        read_values(text, AXES.get(axis), PAPER.config, PAPER)


def test_two_sets_side_by_side_are_every_combination(tmp_path: Path) -> None:
    entry = "### One\n- **Ablated Part**: {0}\n- **Action**: REPLACE (2×2 factorial)\n- **Replacement**: {1}\n"
    for part, values, grid in (
        ("Noise schedule × prediction target", "{linear, cosine} schedule × {ε, v} prediction",
         {"noise_schedule": ("linear", "cosine"), "objective": ("noise", "v")}),
        ("Model size × patch size", "{S, B} × p ∈ {2, 4}, all 4 combos",
         {"size": ("S", "B"), "patch_size": (2, 4)}),
    ):  # fmt: skip
        (one,) = _plan(tmp_path, entry.format(part, values)).require_complete().ablations
        assert one.grid == grid


NOTHING = {
    ("variance", "None (a fixed variance is used during sampling and only L_simple is optimized)"): True,
    ("ema_decay", "None – the raw weights are used for sampling"): True,
    ("random_flip", "Nothing (unflipped images are used)"): True,
    ("variance", "None (the fixed variance is used, and the batch size is doubled)"): False,
    ("variance", "None (a learned table is used)"): False,
    ("position", "None (rotary embeddings are used throughout)"): False,
    ("variance", "None: the network predicts only the noise, and sampling uses a fixed variance"): True,
    ("variance", "None - the reverse process uses a constant variance and the decoder predicts noise only"): True,
    ("variance", "None: sampling uses a fixed variance and the optimizer is SGD"): False,
    ("variance", "None: the reverse process uses a fixed variance and the network uses RMSNorm"): False,
    ("position", "None: no positions, and the blocks use rotary embeddings"): False,
    ("gate_init", "None: the gates start at random, and the rate is halved"): False,
}


@pytest.mark.parametrize(("axis", "text"), NOTHING)
def test_what_is_used_once_a_part_is_gone_is_no_replacement(axis: str, text: str) -> None:
    assert (nothing_and_why(text, AXES.get(axis), PAPER.config, PAPER) is not None) == NOTHING[axis, text]


COMES = {
    ("depth", "28 blocks give way to 14 and to 7"): (14, 7),
    ("noise_schedule", "the linear schedule makes way for a cosine one"): ("cosine",),
    ("num_heads", "16 heads are replaced by a single head"): (1,),
    ("num_heads", "16 heads are replaced by a single one"): None,
    ("patch_size", "p = 4 gives way to p = 8"): None,
    ("noise_schedule", "cosine becomes linear"): None,
    ("depth", "28 blocks become 14 blocks of width 512"): None,
    ("num_heads", "single-headed attention of width 72"): None,
    ("sampling_steps", "single-step sampling"): None,
}


@pytest.mark.parametrize(("axis", "text"), COMES)
def test_what_takes_the_place_of_the_baselines_own_is_told_in_a_sentence(axis: str, text: str) -> None:
    wanted = COMES[axis, text]
    if wanted is not None:
        assert read_values(text, AXES.get(axis), PAPER.config, PAPER)[0] == wanted
        return
    with pytest.raises(UserError):
        read_values(text, AXES.get(axis), PAPER.config, PAPER)


STAY = {
    "depth, width and heads stay those of DiT-XL": True,
    "the learning rate, depth, the width and the number of heads all remain unchanged": True,
    "depth and width are kept as in the paper": True,
    "depth, width and heads stay those of DiT-L": False,
    "depth and patch size stay those of DiT-XL": False,
    "depth and doubled width stay unchanged": False,
    "depth and windows stay the same": False,
    "depth and width stay those of DiT-XL/4": False,
}


@pytest.mark.parametrize("text", STAY)
def test_a_list_of_what_stays_is_no_value(tmp_path: Path, text: str) -> None:
    assert says_these_stay(text, AXES.get("patch_size"), PAPER.config, PAPER) == STAY[text]
    entry = f"### One\n- **Ablated Part**: Patch size\n- **Action**: REPLACE\n- **Replacement**: p = 4; {text}\n"
    if STAY[text]:
        assert _read(tmp_path, entry) == [("patch_size", "REPLACE", (4,))]
        return
    with pytest.raises(UserError):
        _read(tmp_path, entry)


BESIDE = {
    ("variance", "with the decoder predicting only the noise"): True,
    ("variance", "with the network predicting only the noise"): True,
    ("variance", "with the decoder predicting x0"): False,
    ("variance", "with the learning rate decaying"): False,
    ("variance", "with the blocks sharing their weights"): False,
    ("variance", "with the decoder predicting the noise twice"): False,
}


@pytest.mark.parametrize(("axis", "text"), BESIDE)
def test_what_a_part_does_beside_a_value_describes_it(axis: str, text: str) -> None:
    assert is_clause(text, AXES.get(axis), PAPER.config, PAPER, ("fixed",)) == BESIDE[axis, text]


EXPLAINS = {
    "Additional registers can absorb artifacts of attention": False,
    "Removing the gates could destabilise training": False,
    "Additional registers can be added: 4": True,
    "Adding 8 registers may help": True,
    "Adding weight decay may replace dropout": True,
    "Adding registers may help. Also double the batch size": True,
    "Add weight decay, which may help": True,
}


@pytest.mark.parametrize("text", EXPLAINS)
def test_what_something_may_do_is_no_order(text: str) -> None:
    assert orders(text) == EXPLAINS[text]


PARTS = {
    "Multi-head self-attention heads (16)": "num_heads",
    "Number of multi-head self-attention heads": "num_heads",
    "Multi-head self-attention": "attention itself",
    "The ratio of depth to width": "shape",
    "Depth/width allocation": "shape",
}


@pytest.mark.parametrize("text", PARTS)
def test_heads_are_counted_and_depth_and_width_are_in_proportion(text: str) -> None:
    assert evidence([("", text, 1.0)])[0].candidate.name == PARTS[text]


ASIDES = {
    ("The block mixes two effects", "gating and the identity that every block is at the start of its training."): True,
    ("Both interact here", "a cosine schedule ends at almost no signal. Varying one at a time would miss it."): True,
    ("There is a catch", "additionally halve the learning rate in every run, as effects are confounded else."): False,
    ("The decay has a schedule", "train every model here with a cosine one, so that all weights can settle."): False,
    ("We look further", "the same model without any averaging of the weights, and the one with less of it."): False,
    ("These are the places", "attention, MLP and both."): False,
    ("The steps interact", "the warm-up of the paper has no steps and this one has as many as 10,000 of them."): False,
    ("Learning rate", "it is kept as it is in the paper, since everybody knows it to be good enough here."): False,
}


@pytest.mark.parametrize(("opening", "rest"), ASIDES)
def test_running_text_with_a_colon_is_no_label(opening: str, rest: str) -> None:
    assert is_aside(opening, rest) == ASIDES[opening, rest]
    labels = "> **Ablated part:** gates\n> **Action:** REPLACE\n> **Replacement:** ones\n> **Metrics:** FID\n"
    (entry,) = read_markdown(f"## One\n\n{labels}\n{opening}: {rest}\n").entries
    assert (not entry.unknown and len(entry.context) == 1) == ASIDES[opening, rest]


@pytest.mark.parametrize(
    ("axis", "text", "values"),
    [
        ("size", "compared with the full DiT-XL", ("XL",)),
        ("size", "relative to DiT-XL/2", ("XL",)),
        ("size", "contrasted with the unmodified model", ("XL",)),
        ("depth", "versus the existing 28", (28,)),
        ("sampling_steps", "against the full 250", (250,)),
        ("noise_schedule", "in comparison to the stock linear schedule", ("linear",)),
        ("sampling_steps", "against the full 400", None),
        ("size", "relative to DiT-L", None),
        ("guidance_scale", "standard conditional sampling (equivalent to guidance scale s = 1)", (1,)),
        ("guidance_scale", "mild guidance (i.e. w = 1.25)", (1.25,)),
        ("guidance_scale", "sampling from the conditional prediction alone", (1,)),
        ("guidance_scale", "unguided sampling (equivalent to w = 1.5)", None),
        ("ema_decay", "the plain weights (the same as an EMA decay of 0)", (0,)),
        ("class_dropout", "always feed the real label", (0,)),
        ("class_dropout", "every label is kept", (0,)),
        ("shape", "28 × 1152 → {thinner and deeper, shallower and wider}", ("deeper-narrower", "shallower-wider")),
        ("shape", "12 × 384 → {deeper, wider}", None),
    ],
)
def test_what_is_there_and_what_is_the_same(axis: str, text: str, values: tuple[Any, ...] | None) -> None:
    if values is None:
        with pytest.raises(UserError):
            read_values(text, AXES.get(axis), PAPER.config, PAPER)
    else:
        assert read_values(text, AXES.get(axis), PAPER.config, PAPER)[0] == values


def test_an_optimiser_that_is_not_there_is_refused_under_its_own_axis(tmp_path: Path) -> None:
    text = "### 3. Ablated Part: AdamW Optimizer\n- Action: REPLACE\n- Replacement: SGD with momentum, Lion\n"
    with pytest.raises(UserError, match="optimizer: unknown value 'Lion'; allowed: adamw, muon") as refused:
        _plan(tmp_path, text)
    assert "position" not in str(refused.value)


def test_what_explains_a_part_in_brackets_adds_no_other_axis(tmp_path: Path) -> None:
    text = (
        "### One\n- Ablated Part: label dropout (class swapped for the null embedding in training)\n- Action: REMOVE\n"
        "- Replacement: none; the true label always\n"
    )
    (found,) = _read(tmp_path, text)
    assert found[0] == "class_dropout" and found[2] in ((), (0,))
