"""What changes an experiment and is not carried out is asked about; remarks, facts and reasons are not."""

from pathlib import Path

import pytest

from search_spaces.plan_import import ImportedPlan, NothingUnderstood, import_plan

ENTRY = """### Ablation 1: {title}
- **Ablated Part**: {part}
- **Action**: {action}
{rest}- **Metrics**: FID-50K
"""

DEPTH = "## Depth\n- **Ablated Part**: depth\n- **Action**: REPLACE\n- **Replacement**: 14\n- **Metrics**: FID\n"


def entry(part: str, value: str = "", action: str = "REPLACE", extra: str = "") -> str:
    """An entry with one value."""
    listed = f"- **Replacement**:\n  - {value}\n" if value else ""
    return ENTRY.format(title=part.capitalize(), part=part, action=action, rest=f"{listed}{extra}")


def read(tmp_path: Path, text: str) -> ImportedPlan:
    """Reads a text as a plan on the paper's model."""
    path = tmp_path / "plan.md"
    path.write_text(text)
    return import_plan(path, profile="paper")


def is_open(tmp_path: Path, text: str) -> bool:
    """Whether something of a plan has to be settled before it runs."""
    try:
        return bool(read(tmp_path, text).not_understood)
    except NothingUnderstood:
        return True


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("patch size", "8 (L = 20)"),
        ("patch size", "8 (T = 64 tokens)"),
        ("patch size", "4 (batch of 1024 at a lower learning rate)"),
        ("patch size", "4 (gradient clipping turned on)"),
        ("number of heads", "24 (hidden size 1536)"),
        ("number of heads", "24 (head dimension 64)"),
        ("number of heads", "24 (head dimension 72)"),
        ("number of heads", "32 (multi-query)"),
        ("patch size", "8 with patches that overlap"),
        ("MLP activation", "ReLU, SiLU, both in double precision"),
        ("conditioning block", "adaLN (timestep and class concatenated instead of added)"),
        ("position", "rotary, on the values as well"),
        ("timestep sampling", "logit-normal (mean 1, std 2)"),
        ("learning rate schedule", "cosine with warm restarts"),
        ("position", "rotary (theta = 500)"),
        ("MLP activation", "SiLU (weight decay increased to compensate)"),
        ("MLP activation", "ReLU in the last 6 blocks"),
        ("MLP activation", "ReLU, every third block only"),
        ("norm", "RMSNorm (in the attention branch only)"),
        ("conditioning block", "in-context (label only)"),
        ("conditioning block", "adaLN, seeing only the timestep"),
        ("conditioning block", "cross-attention which is trained only on the first 500 timesteps"),
        ("conditioning block", "cross-attention, with the patch embedding frozen"),
        ("depth", "56 (instead of 28), but halving the batch size"),
        ("depth", "14, while doubling the MLP ratio"),
        ("noise schedule", "cosine (trained three times as long)"),
        ("noise schedule", "cosine, fine-tuned from the linear one"),
        ("noise schedule", "cosine with another random seed"),
        ("noise schedule", "cosine (only during sampling)"),
        ("weight decay", "0.05 (no decay for the biases)"),
        ("noise schedule", "cosine (evaluated on CIFAR-100)"),
        ("prediction target", "v (with a sigmoid noise schedule)"),
        ("learning rate", "2e-4 (cosine decay)"),
        ("sampling steps", "100 with DDIM"),
    ],
)
def test_a_change_beside_a_value_is_asked_about(tmp_path: Path, part: str, value: str) -> None:
    """In brackets, behind a comma, and in a clause."""
    assert is_open(tmp_path, entry(part, value))


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("patch size", "8 (T = 16 tokens)"),
        ("timestep sampling", "logit-normal (mean 0, std 1)"),
        ("conditioning block", "in-context (timestep and class tokens concatenated to the sequence)"),
        ("conditioning block", "cross-attention (timestep and class concatenated into a sequence of two)"),
        ("patch size", "4 (256 becomes 64 tokens; a quarter of the cost)"),
        ("patch size", "8 (coarse; a lower cost at the same depth)"),
        ("number of heads", "24 (head dimension 48)"),
        ("number of heads", "8 (each head is wider)"),
        ("position", "rotary (Su et al., 2021)"),
        ("MLP activation", "SwiGLU (as in PaLM)"),
        ("MLP activation", "SwiGLU (hidden width reduced to match the parameter count)"),
        ("norm", "RMSNorm (Zhang & Sennrich, 2019)"),
        ("model size", "DiT-B (12 layers, 12 heads)"),
        ("conditioning block", "cross-attention (adds a layer to every block)"),
        ("conditioning block", "adaLN (without the zero-initialized gates)"),
        ("depth", "14 (half of the layers)"),
        ("depth", "14 (keeping hidden size 1152)"),
        ("loss weighting", "Min-SNR weighting (γ = 5)"),
        ("noise schedule", "cosine (expected to matter less on latents)"),
        ("batch size", "512 (twice the default)"),
        ("learning rate", "1e-3 (may need warm-up to be stable)"),
        ("classifier-free guidance scale", "4.0 (trades diversity for fidelity)"),
        ("classifier-free guidance scale", "1.5 (only at sampling time)"),
        ("EMA decay", "0.99 (averages about 100 steps)"),
        ("warm-up", "10K steps (linear over the first 10K steps)"),
    ],
)
def test_a_remark_beside_a_value_is_not(tmp_path: Path, part: str, value: str) -> None:
    """Facts that follow from the value, costs, sources, reasons and expectations."""
    assert not is_open(tmp_path, entry(part, value))


@pytest.mark.parametrize(
    "text",
    [
        entry("layer norm", action="Replace LayerNorm with RMSNorm, while the batch size is doubled"),
        entry("layer norm", action="Replace LayerNorm with RMSNorm in the first half of the blocks"),
        entry("EMA of the weights", action="REMOVE, and use a smaller learning rate"),
        entry("depth", "14", action="REPLACE with fewer and wider blocks at the same hidden parameter count"),
        entry("activation of the MLP in the last 10 blocks", "ReLU"),
        entry("depth", "14", extra="- **Details**: this run uses half the learning rate.\n"),
        entry("depth", "14", extra="- **Implementation**: the label embedding is frozen.\n"),
        entry("depth", "14", extra="- **Note**: replace the patch size 2 with 4.\n"),
        "1. **Depth**: Reduce the number of blocks from 28 to 14 and halve the batch size. Measure FID.\n",
    ],
)
def test_a_change_in_an_action_a_part_or_a_remark_is_asked_about(tmp_path: Path, text: str) -> None:
    """Wherever it stands in its entry."""
    assert is_open(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        entry("layer norm", action="Replace LayerNorm with RMSNorm in every block"),
        entry("layer norm", action="Replace LayerNorm with RMSNorm, keeping the rest fixed"),
        entry("depth", "14", action="REPLACE with fewer blocks at the same hidden size"),
        entry("number of heads", "8", action="REPLACE with fewer heads of the same learning rate"),
        entry("depth", "14", extra="- **Rationale**: a smaller model may want a larger learning rate.\n"),
        entry("depth", "14", extra="- **Note**: the paper trains with a batch size of 256.\n"),
        entry("depth", "14", extra="- **Details**: the hidden size is kept.\n"),
        entry("noise schedule (linear, t_max = 1000)", "cosine"),
        entry("number of attention heads (16, so a head dimension of 72)", "8"),
        entry("gate initialisation", "the Xavier initialisation that every other linear layer gets"),
        entry("horizontal flips", "none (train on the original images only)", "REMOVE"),
        entry("queries and keys", "QK-norm: normalise both per head, then compute the attention scores", "ADD"),
        entry("skip connections", "long skips: concatenate mirrored blocks, followed by a linear projection", "ADD"),
        entry("sine-cosine position embeddings that are added to all tokens", "rotary"),
        entry("learned variance", "fixed (train with L_simple only)"),
    ],
)
def test_what_only_explains_an_entry_is_not(tmp_path: Path, text: str) -> None:
    """Reasons, the published setting and what stays."""
    assert not is_open(tmp_path, text)


@pytest.mark.parametrize("title", ["Key risk", "Limitations", "Expected outcome", "Training details"])
@pytest.mark.parametrize(
    "below",
    [
        "- **Component**: patch size\n- **Operation**: swap\n- **Options**: 4\n",
        "We change the patch size from 2 to 4; FID is measured.\n",
        "Replace the patch size 2 with 4 and 8.\n",
    ],
)
def test_an_entry_below_a_heading_of_notes_is_no_note(tmp_path: Path, title: str, below: str) -> None:
    """It is an entry, or it is asked about."""
    plan = read(tmp_path, f"{DEPTH}\n## {title}\n{below}")
    assert plan.not_understood or {item.axis for item in plan.study.ablations} == {"depth", "patch_size"}


@pytest.mark.parametrize("said", ["We keep the batch size at 256.", "A smaller patch size costs more compute."])
def test_what_is_said_below_a_heading_of_notes_stays_a_note(tmp_path: Path, said: str) -> None:
    """A sentence that orders nothing."""
    assert not is_open(tmp_path, f"{DEPTH}\n## Key risk\n{said}\n")


OPTIONS = (
    '[{{"Ablated Part": "MLP ratio", "Action": "REPLACE", "Replacement": {{"options": [2, 8], "{key}": "{text}"}}, '
    '"Metrics": ["FID"]}}]'
)


def options(tmp_path: Path, key: str, text: str) -> ImportedPlan | None:
    """Reads a plan of data with a key beside its options; None where nothing of it was understood."""
    path = tmp_path / "plan.json"
    path.write_text(OPTIONS.format(key=key, text=text))
    try:
        return import_plan(path, profile="paper")
    except NothingUnderstood:
        return None


@pytest.mark.parametrize(
    "key", ["held_constant", "unchanged", "controls", "fixed", "keptFixed", "Controlled variables"]
)
@pytest.mark.parametrize(
    "text",
    ["depth and number of heads", "all the rest", "28 blocks, hidden size 1152; no dropout",
     "zero initialisation of the final layer"],
)  # fmt: skip
def test_what_is_said_to_stay_is_a_remark_where_it_does(tmp_path: Path, key: str, text: str) -> None:
    """It is no value, and is told as a remark."""
    plan = options(tmp_path, key, text)
    assert plan is not None and not plan.not_understood and any(text in note for note in plan.notes)
    assert [item.values for item in plan.study.ablations] == [(2.0, 8.0)]
    assert not is_open(tmp_path, entry("depth", "14", extra="  - Held constant: number of heads\n"))
    assert not is_open(tmp_path, entry("long skips", "on", "ADD", extra="- Control arm: no skips between blocks\n"))


@pytest.mark.parametrize(
    "text",
    ["depth 24", "batch of 512", "SGD", "cosine noise schedule", "learning rate (halved)", "no EMA", "MLP ratio",
     "the number of parameters", "everything, with dropout 0.1", "seed 3", "random start of the final layer"],
)  # fmt: skip
def test_what_is_said_to_stay_and_is_not_there_is_asked_about(tmp_path: Path, text: str) -> None:
    """It may be a second change."""
    plan = options(tmp_path, "kept_fixed", text)
    assert plan is None or plan.not_understood
    assert is_open(tmp_path, entry("MLP ratio", "2", extra=f"- Controls: {text}\n"))


DECISIONS = [
    "Decision rule",
    "Success criterion",
    "Stop if",
    "Interpretation",
    "What would change our mind",
    "Pass/fail",
]


@pytest.mark.parametrize("label", DECISIONS)
def test_how_a_result_is_read_sets_nothing_and_an_order_among_it_is_asked_about(tmp_path: Path, label: str) -> None:
    """It may hold numbers, metrics and values all the same."""
    for text in ("the gap is below 0.4 FID at 100K steps", "keep 28 unless recall falls by more than 3 %"):
        plan = read(tmp_path, entry("depth", "14", extra=f"- {label}: {text}\n"))
        assert not plan.not_understood and [item.values for item in plan.study.ablations] == [(14,)]
    for text in ("also train an arm with dropout 0.2", "keep 28; then double the batch size"):
        assert is_open(tmp_path, entry("depth", "14", extra=f"- {label}: {text}\n"))


@pytest.mark.parametrize(
    ("value", "known"),
    [("`sigmoid` (still 1000 steps)", True), ("`sigmoid schedule` (again 1,000 timesteps)", True),
     ("`sigmoid` (still 500 steps)", False)],
)  # fmt: skip
def test_code_in_a_line_and_what_still_is_so_behind_it(tmp_path: Path, value: str, known: bool) -> None:
    """A number that is there is a fact, and any other may change it."""
    text = entry("noise schedule", extra=f"- **Replacement**: {value}\n")
    assert is_open(tmp_path, text) is not known
    if known:
        assert [item.values for item in read(tmp_path, text).study.ablations] == [("sigmoid",)]


@pytest.mark.parametrize(
    ("part", "action", "values", "extra"),
    [
        ("sampler", "REPLACE with the embedding frozen", "DDIM, Foo", ""),
        ("patch size", "REPLACE; train for twice as long", "4, eight-ish", ""),
        ("MLP activation", "REPLACE", "ReLU, Snake", "- **Notes**: train with half the learning rate\n"),
        ("learning rate (dropout = 0.1)", "REPLACE", "5e-5, 2e-4", ""),
        ("model size and patch size (dropout = 0.1)", "every combination", "S, B; 4, 8", ""),
        ("MLP activation", "REPLACE", "ReLU, SiLU (both with dropout 0.1)", ""),
        ("MLP activation", "REPLACE", "ReLU, SiLU, using Foo", ""),
        ("MLP activation", "REPLACE", "\n  - ReLU\n  - SiLU\n  - all with dropout 0.1", ""),
        ("MLP activation", "REPLACE", "\n  - ReLU\n  - SiLU\n  - trained with half the learning rate", ""),
        ("MLP activation", "REPLACE", "\n  - ReLU\n  - SiLU\n  - in every run with dropout 0.1", ""),
        ("patch size", "REPLACE", "4, 8, 400k steps each", ""),
        ("adaLN-Zero", "REMOVE", "RMSNorm; the condition enters through cross-attention", ""),
    ],
)
def test_what_belongs_to_all_values_leaves_none_of_them(
    tmp_path: Path, part: str, action: str, values: str, extra: str
) -> None:
    """Not even those that were understood; the other entry of the plan is not affected."""
    text = ENTRY.format(title="It", part=part, action=action, rest=f"- **Replacement**: {values}\n{extra}")
    plan = read(tmp_path, f"{DEPTH}\n{text}")
    assert [item.axis for item in plan.study.ablations] == ["depth"] and not plan.study.ladder
    assert any(not missed.follows for missed in plan.not_understood)


@pytest.mark.parametrize(
    "values", ["ReLU, Snake", "ReLU | Snake", "Snake | ReLU", "\n  - ReLU\n  - SiLU (with dropout 0.1)"]
)
def test_what_belongs_to_one_value_leaves_the_others(tmp_path: Path, values: str) -> None:
    """The one that was not understood is named."""
    text = ENTRY.format(title="It", part="MLP activation", action="REPLACE", rest=f"- **Replacement**: {values}\n")
    plan = read(tmp_path, f"{DEPTH}\n{text}")
    assert [item.values for item in plan.study.ablations] == [(14,), ("relu",)] and plan.not_understood


@pytest.mark.parametrize("values", ["Muon / Lion", "Muon | Lion", "Lion | Muon", "Muon or Lion", "Muon/Lion"])
@pytest.mark.parametrize("metrics", ["- **Metrics**: FID-50K\n", ""])
def test_an_item_beside_another_is_not_passed_over(tmp_path: Path, values: str, metrics: str) -> None:
    """However they are parted, and whether or not the entry is whole."""
    text = f"### It\n- **Ablated Part**: optimizer\n- **Action**: REPLACE\n- **Replacement**: {values}\n{metrics}"
    assert any("Lion" in missed.text for missed in read(tmp_path, f"{DEPTH}\n{text}").not_understood)


@pytest.mark.parametrize(
    ("part", "value", "other"),
    [
        ("guidance interval (cfg = 1.5)", "0.1-0.5", "guidance_scale = 1.5"),
        ("sampler (cfg = 4)", "DDIM, DPM-Solver++", "guidance_scale = 4"),
        ("learning rate (dropout = 0.1)", "5e-5, 2e-4", "dropout = 0.1"),
    ],
)
def test_a_part_that_sets_another_axis_is_asked_about(tmp_path: Path, part: str, value: str, other: str) -> None:
    """It may be meant for every arm, and what settles it says how to write that."""
    text = ENTRY.format(title="It", part=part, action="REPLACE", rest=f"- **Replacement**: {value}\n")
    plan = read(tmp_path, f"{DEPTH}\n{text}")
    (question,) = plan.questions
    assert len(question.candidates) == 2 and other in question.settle
    assert [item.axis for item in plan.study.ablations] == ["depth"]
    line = question.settle.split('"')[1]
    settled = ENTRY.format(
        title="It", part="the two of them", action="REPLACE", rest=f"- **{line.replace(':', '**:', 1)}\n"
    )
    grid = read(tmp_path, f"{DEPTH}\n{settled}").study.ablations[1].grid
    assert {*question.candidates} == {*grid}


@pytest.mark.parametrize(
    ("values", "grid", "together"),
    [
        ("{DDIM @ 50 steps, DDIM @ 100 steps}", {"sampler": ("ddim",), "sampling_steps": (50, 100)}, {}),
        ("[DDIM @ 25 steps; DDIM @ 75 steps]", {"sampler": ("ddim",), "sampling_steps": (25, 75)}, {}),
        ("{DDIM @ 50 steps, DPM-Solver++ @ 20 steps}", {},
         {"sampler": ("ddim", "dpm-solver++"), "sampling_steps": (50, 20)}),
    ],
)  # fmt: skip
def test_points_of_two_axes_in_braces(tmp_path: Path, values: str, grid: object, together: object) -> None:
    """Of a sampler and its steps."""
    text = ENTRY.format(title="It", part="sampler", action="REPLACE", rest=f"- **Replacement**: {values}\n")
    plan = read(tmp_path, text)
    (found,) = plan.study.ablations
    assert (found.grid, found.zip) == (grid, together) and not plan.not_understood


def test_a_point_in_braces_that_is_not_understood_leaves_no_other(tmp_path: Path) -> None:
    """The set is one item."""
    text = entry("sampler", "{DDIM @ 50 steps, Foo @ 100 steps}")
    assert [item.axis for item in read(tmp_path, f"{DEPTH}\n{text}").study.ablations] == ["depth"]
