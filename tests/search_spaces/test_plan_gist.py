"""Entries of open wording: what carries a quantity, a value or a negation is understood, or the entry is left open."""

from pathlib import Path

import pytest

from search_spaces.plan_import import ImportedPlan, import_plan


def _plan(tmp_path: Path, text: str, name: str = "plan.md") -> ImportedPlan:
    (tmp_path / name).write_text(text)
    return import_plan(tmp_path / name)


READ = {
    "What happens once the variance is fixed instead of learned?": None,
    "Third, I'd get rid of the learned sigma.": ("variance", "REMOVE", ()),
    "**Weight averaging hides noise.** Lower the EMA decay from 0.9999 to 0.999.": ("ema_decay", "REPLACE", (0.999,)),
    "**Activations.** Use ReLU in every pointwise network of this backbone.": ("mlp", "REPLACE", ("relu",)),
    "**Activations.** Replace GELU with ReLU or with Snake.": None,
    "**Positions.** We would not remove the positional embedding.": None,
    "**Schedule.** Make it cosine.": None,
    "**Compute.** We compare DiT-L with 100 sampling steps to DiT-B with 20 sampling steps.": (
        "size, sampling_steps",
        "REPLACE",
        (),
    ),
}


@pytest.mark.parametrize("sentence", READ)
def test_what_could_change_the_meaning_is_read_or_the_entry_is_left_open(tmp_path: Path, sentence: str) -> None:
    wanted = READ[sentence]
    text = f"**Patches.** Vary the patch size over 4 and 8.\n\n{sentence}\n"
    found = {item.axis: (item.axis, item.action, item.values) for item in _plan(tmp_path, text).study.ablations}
    assert found.pop("patch_size") == ("patch_size", "REPLACE", (4, 8))
    assert list(found.values()) == ([wanted] if wanted else [])


NOTATIONS = {
    "latex.txt": (
        "\\section{Ablations}\n\\begin{itemize}\n  \\item \\textbf{Patches.} Vary the patch size over 4 and 8.\n"
        "  \\item \\textbf{Positions.} Remove the positional\n        embedding.\n\\end{itemize}\n"
    ),
    "boxes.md": "## To do\n\n- [ ] Patches: vary the patch size over 4 and 8\n- [ ] Positions: remove them\n",
    "arrows.txt": "our plan\n\nPatch size: 2 -> 4, 8\nPosition table: sin-cos -> none\nEMA decay: 0.9999 -> 0.999\n",
}


@pytest.mark.parametrize("name", NOTATIONS)
def test_lists_in_other_notations(tmp_path: Path, name: str) -> None:
    plan = _plan(tmp_path, NOTATIONS[name], name)
    axes = {item.axis for item in plan.study.ablations}
    assert {"patch_size", "position"} <= axes


def test_lists_below_headings_are_a_grid_where_the_text_says_so(tmp_path: Path) -> None:
    text = (
        "# Interactions\n\n### Size and patch size\n\nFull factorial design:\n- model size: S, B\n- patch size: 2, 4\n"
        "\n### Modern blocks\n\nAdd the changes one after the other:\n1. RMSNorm instead of LayerNorm\n"
        "2. QK normalisation\n"
    )
    study = _plan(tmp_path, text).study
    assert [item.grid for item in study.ablations] == [{"size": ("S", "B"), "patch_size": (2, 4)}]
    assert [step.set for step in study.ladder] == [{"norm": "rmsnorm"}, {"qk_norm": True}]


def test_a_value_in_the_title_is_tried_and_not_every_known_one(tmp_path: Path) -> None:
    rows = (
        '[{"name": "Trainable positions", "ablated_part": "positional embeddings", "action": "REPLACE",'
        ' "description": "Use a learned table instead."}]'
    )
    (ablation,) = _plan(tmp_path, rows, "rows.json").study.ablations
    assert (ablation.axis, ablation.values) == ("position", ("learned",))


LABELLED = {
    # a word for nothing, and a remark on it
    ("patch embedding", "REMOVE", "None - every cell is a token of its own"): ("patch_size", "REMOVE", ()),
    ("class label", "REMOVE", "N/A (the model stays unconditional)"): ("class_conditioning", "REMOVE", ()),
    ("positional embedding", "REMOVE", "None (use rotary embeddings)"): None,
    ("positional embedding", "REMOVE", "N/A; two tokens fewer"): None,
    # one letter is a symbol of many things
    ("Dropout in the blocks", "ADD", "p = 0.1"): ("dropout", "ADD", (0.1,)),
    # words that say how values are, and name none
    ("final decoder", "REPLACE", "more expressive decoder heads"): ("decoder", "REPLACE", 3),
    ("positional embedding", "REPLACE", "less elaborate ones"): None,
    ("decoder", "REPLACE", "the other decoders that are described in the paper"): ("decoder", "REPLACE", 3),
    # what is known of a value, and what stays
    ("model size", "REPLACE", "DiT-S (12 layers, d = 384, 6 heads)"): ("size", "REPLACE", ("S",)),
    ("model size", "REPLACE", "DiT-S (13 layers, d = 384, 6 heads)"): None,
    ("patch size", "REPLACE", "4 (64 tokens)"): ("patch_size", "REPLACE", (4,)),
    ("gates", "REPLACE", "random initialization, everything else unchanged"): ("gate_init", "REPLACE", ("random",)),
    # one word of two axes
    ("Conditioning", "REMOVE", "N/A"): None,
}


@pytest.mark.parametrize(("part", "action", "replacement"), LABELLED)
def test_words_beside_values_of_labelled_entries(tmp_path: Path, part: str, action: str, replacement: str) -> None:
    wanted = LABELLED[part, action, replacement]
    entries = [("depth", "REPLACE", "2"), (part, action, replacement)]
    text = "\n".join(
        f"### {at}\n- **Ablated Part**: {one}\n- **Action**: {two}\n- **Replacement**: {three}\n- **Metrics**: FID\n"
        for at, (one, two, three) in enumerate(entries)
    )
    plan = _plan(tmp_path, text)
    found = [item for item in plan.study.ablations if item.axis != "depth"]
    if wanted is None:
        assert not found and plan.not_understood
        return
    ((axis, did, values),) = [(item.axis, item.action, item.values) for item in found]
    expected = len(values) if isinstance(wanted[2], int) else values
    assert (axis, did, expected) == wanted and not plan.not_understood


def test_every_beside_a_value_is_no_list_of_all_values(tmp_path: Path) -> None:
    head = "- **Ablated Part**: {}\n- **Action**: REPLACE\n- **Replacement**:\n  - {}\n  - {}\n- **Metrics**: FID\n"
    parts = ("guidance interval", "at all noise levels", "only noise levels 0.1-0.5"), ("patch size", "4", "8")
    text = "".join(f"### {part[0]}\n{head.format(*part)}" for part in parts)
    values = {item.axis: item.values for item in _plan(tmp_path, text).study.ablations}
    assert values == {"guidance_interval": ("everywhere", "0.1-0.5"), "patch_size": (4, 8)}
    text = f"### x\n{head.format('patch size', 'all patch sizes', '8')}### y\n{head.format('depth', '1', '2')}"
    plan = _plan(tmp_path, text)
    assert [item.axis for item in plan.study.ablations] == ["depth"]
    assert [question.candidates for question in plan.questions] == [("patch_size",)]


def test_why_something_is_measured_is_no_metric(tmp_path: Path) -> None:
    text = (
        "1. **Depth.** Reduce the number of blocks to 2. Measure FID, precision and recall, since depth may trade one "
        "for another.\n\n2. **Patches.** Vary the patch size over 4 and 8. Measure FID.\n"
    )
    plan = _plan(tmp_path, text)
    assert not plan.not_understood and len(plan.study.ablations) == 2


@pytest.mark.parametrize("other", ["fixed to the posterior variance", "fixed at β̃_t", "held at the lower bound"])
def test_a_description_that_no_value_is_does_not_vanish_beside_one(tmp_path: Path, other: str) -> None:
    path = tmp_path / "plan.md"
    path.write_text(
        "### Learned covariance\n**Ablated part.** diagonal covariance Σ_θ\n**Action.** REPLACE\n"
        f"**Replacement.** (i) fixed to β_t; (ii) {other}\n**Metrics.** FID\n"
    )
    plan = import_plan(path, "paper")
    assert any(other in item.text for item in plan.not_understood)
