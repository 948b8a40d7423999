"""One plan in the forms in which plans come: data, tables, prose, raw answers."""

import json
from pathlib import Path

import pytest
import yaml

from dit_core.errors import UserError
from search_spaces.load import is_plan, load_study
from search_spaces.plan_import import import_plan
from search_spaces.plan_import.files import read_words

ROWS = [
    {"name": "Patches", "component": "patch size", "type": "vary", "options": [4, 8], "metrics": ["FID"]},
    {"name": "Positions", "component": "positional embedding", "type": "remove", "options": None, "metrics": ["FID"]},
]
WANTED = [("Patches", "patch_size", "REPLACE", (4, 8)), ("Positions", "position", "REMOVE", ())]

LINES = "\n".join(map(json.dumps, ROWS))
FORMS = {
    "fence.md": f"Here it is.\n\n```json\n{json.dumps(ROWS, indent=1)}\n```\n\nGood luck!\n",
    "fenced_lines.md": f"Here it is.\n\n```jsonl\n{LINES}\n```\n",
    "answer.txt": f"<discussion>Patch size first.</discussion>\n<predictions>\n{LINES}\n</predictions>\n",
    "array.jsonl": json.dumps(ROWS),
    "lines.json": LINES,
    "row.json": json.dumps({"paper": "DiT", "ablations_in_paper": json.dumps(ROWS)}),
    "nested.json": json.dumps({"baseline": "DiT-XL/2", "plan": {"model": [ROWS[0]], "input": [ROWS[1]]}}),
    "plan.yaml": yaml.safe_dump({"ablation_plan": {"model": "DiT", "studies": ROWS}}, sort_keys=False),
    "table.md": (
        "| # | Experiment | What is varied | What is done | Candidates | Measured with |\n|--|--|--|--|--|--|\n"
        "| 1 | Patches | patch size | sweep | 4 / 8 | FID |\n"
        "| 2 | Positions | positional embedding | taken out | – | FID |\n"
    ),
    "form.md": (
        "## Patches\n| Field | Text |\n|--|--|\n| Component | patch size |\n| Change | vary |\n| Options | 4, 8 |\n\n"
        "## Positions\n| Field | Text |\n|--|--|\n| Component | positional embedding |\n| Change | Remove |\n"
    ),
    "bullets.md": (
        "1. Patches\n   - What we touch: patch size\n   - Type: vary\n   - Levels: 4; 8\n   - Why: cost\n"
        "2. Positions\n   - What we touch: positional embedding\n   - Type: remove\n"
    ),
    "titled.md": (
        "**1. Patches.** Vary the patch size over 4 and 8, then report FID.\n\n"
        "**2. Positions.** Remove the positional embedding; FID again.\n"
    ),
    "pronouns.md": "1. **Patches** - vary the patch size: 4, 8\n2. **Positions** - remove them entirely; measure FID\n",
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_every_form_says_the_same(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(FORMS[name])
    assert is_plan(path)
    plan = import_plan(path)
    assert plan.not_understood == () and plan.questions == ()
    found = [
        (item.name.lstrip("12. ").rstrip("."), item.axis, item.action, item.values) for item in plan.study.ablations
    ]
    assert found == WANTED
    assert load_study(path) == plan.study


def test_prose(tmp_path: Path) -> None:
    path = tmp_path / "plan.txt"
    path.write_text(
        "I would begin with the obvious. Sweep the patch size over 2, 4 and 8, which changes the cost. To see whether "
        "order matters, remove the positional embeddings. A natural check is to replace the linear decoder with an "
        "MLP. "
        "The EMA of the weights could be disabled. Throughout, report FID and sFID.\n"
    )
    plan = import_plan(path, profile="paper")
    assert [(item.axis, item.action, item.values) for item in plan.study.ablations] == [
        ("patch_size", "REPLACE", (2, 4, 8)),
        ("position", "REMOVE", ()),
        ("decoder", "REPLACE", ("mlp",)),
        ("ema_decay", "REMOVE", ()),
    ]
    assert plan.study.baseline.overrides == {"evaluation.metrics": ["fid", "sfid"]}


@pytest.mark.parametrize(
    "sentence",
    [
        "Retrain everything with RoPE, twice.",
        "It could also pay to rethink the learning rate of 1e-4.",
        "Remove the positional embedding and use a new sampler.",
        "I would not remove the positional embedding.",
    ],
)
def test_a_sentence_that_asks_for_something_is_never_passed_over(tmp_path: Path, sentence: str) -> None:
    path = tmp_path / "plan.txt"
    path.write_text(f"Vary the patch size over 4 and 8. {sentence}\n")
    assert import_plan(path).not_understood


def test_objects_and_dictionaries_as_values(tmp_path: Path) -> None:
    rows = [
        {"component": "positions", "action": "replace", "replacement": {"from": "2D sin-cos", "to": ["RoPE"]}},
        {"component": "feed-forward", "action": "vary", "replacement": {"mlp_ratio": [2, 8]}},
        {"component": "optimizer", "action": "replace", "replacement": {"Muon": "for matrices, with 3 steps of AdamW"}},
        {"component": "block", "action": "replace", "replacement": [{"name": "adaLN", "note": "12 of 28 layers"}]},
        {"component": "weight decay", "action": "add", "replacement": [{"name": "mild", "value": 0.01}]},
    ]
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(rows))
    plan = import_plan(path)
    assert plan.not_understood == ()
    assert [(item.axis, item.values) for item in plan.study.ablations] == [
        ("position", ("rotary",)),
        ("mlp_ratio", (2.0, 8.0)),
        ("optimizer", ("muon",)),
        ("block", ("adaln",)),
        ("weight_decay", (0.01,)),
    ]
    assert any("12 of 28 layers" in note for note in plan.notes)


NESTED = {
    "title": "What matters",
    "base_config": {"model": "DiT-B/4", "batch": 256},
    "experiments": [
        {
            "id": "E1",
            "target": {"name": "Feed-forward width", "baseline_value": 4, "location": "every block"},
            "operation": {"type": "REPLACE"},
            "candidates": {"parameter": "mlp_ratio", "values": [2, 8], "unit": "times the width"},
            "metrics": {"primary": "FID-50K", "secondary": ["Inception Score"], "num_samples": 50000},
        },
        {
            "id": "E2",
            "target": {"component": "Patch size", "value": 2},
            "operation": "REPLACE",
            "candidates": {"type": "categorical", "options": [{"id": "A", "value": 4, "details": "64 tokens"}]},
            "metrics": [{"name": "FID-50K", "direction": "lower is better"}],
        },
        {
            "id": "E3",
            "target": {"component": "Conditioning block"},
            "operation": "REPLACE",
            "candidates": {
                "cross-attention": {"details": "one more layer"},
                "in-context": {"details": "2 additional tokens"},
            },
            "metrics": {"metric": "FID"},
        },
        {
            "id": "E4",
            "target": {"component": "Number of attention heads", "default": 16},
            "operation": "REPLACE",
            "candidates": [{"label": "few", "description": "8 heads"}, {"label": "many", "description": "32 heads"}],
            "metrics": ["FID"],
        },
        {
            "id": "E5",
            "target": {"component": "Feed-forward activation"},
            "operation": "REPLACE",
            "candidates": [{"label": "V1", "description": "SwiGLU"}, {"label": "V2", "description": "ReLU"}],
            "metrics": ["FID"],
        },
        {
            "id": "E6",
            "objective": "To find out how much the positions matter",
            "target": {"component": "Positional embedding"},
            "operation": {"type": "REMOVE"},
            "candidates": {"options": []},
            "metrics": ["FID"],
        },
        {
            "id": "E7",
            "target": {"component": "Depth and width"},
            "operation": "REPLACE",
            "candidates": {"grid": {"depth": [12, 24], "width": [384, 768]}},
            "metrics": ["FID"],
        },
    ],
}


@pytest.mark.parametrize("name", ["plan.json", "plan.yaml"])
def test_objects_nested_in_parts_values_and_metrics(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(json.dumps(NESTED) if name.endswith("json") else yaml.safe_dump(NESTED, sort_keys=False))
    plan = import_plan(path, "paper")
    assert plan.not_understood == () and plan.questions == ()
    assert [(item.axis, item.values) for item in plan.study.ablations] == [
        ("mlp_ratio", (2.0, 8.0)),
        ("patch_size", (4,)),
        ("block", ("cross-attention", "in-context")),
        ("num_heads", (8, 32)),
        ("mlp", ("swiglu", "relu")),
        ("position", ()),
        ("depth, hidden_size", ()),
    ]
    for said in ("current value '2'", "'64 tokens'", "'one more layer'", "label 'V1'", "num_samples '50000'"):
        assert any(said in note for note in plan.notes), said


@pytest.mark.parametrize(
    "text",
    [
        "also doubles the learning rate",
        "with 12 heads instead of 16",
        "and 12 heads",
        "a QK norm in each layer as well",
    ],
)
def test_a_description_that_changes_more_than_its_value_is_no_remark(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    rows = [
        {"part": {"name": "patch size"}, "action": "replace", "variants": [{"label": "p=4", "description": text}]},
        {"part": {"name": "depth"}, "action": "replace", "variants": [{"label": "12", "description": "a shallow one"}]},
    ]
    path.write_text(json.dumps(rows))
    plan = import_plan(path, "paper")
    assert [item.axis for item in plan.study.ablations] == ["depth"]
    assert any(text in str(item) for item in plan.not_understood)


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    for name, text in {
        "p.json": '[{"part": "patch size", "options": [2], "options": [4]}]',
        "p.jsonl": '{"part": "patch size", "options": [2], "options": [4]}\n',
    }.items():
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(UserError, match="patch size: options 'options': the key 'options' is given twice"):
            import_plan(path)
    other = {"part": "decoder", "options": ["conv"]}
    path = tmp_path / "two.json"
    path.write_text(f'[{{"part": "patch size", "options": [2], "options": [4]}}, {json.dumps(other)}]')
    assert [item.axis for item in import_plan(path).study.ablations] == ["decoder"]
    path.write_text('{"plan": [], "plan": []}')
    with pytest.raises(UserError, match="the key 'plan' is given twice"):
        import_plan(path)


def test_a_study_file_is_no_plan(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("name: s\nbaseline: digits\nablations: [{axis: patch_size, values: [2, 4]}]\n")
    assert not is_plan(path)


def test_a_second_mapping_of_labels_on_one_line() -> None:
    plan = read_words("**Part**: patch size; **Action**: vary; **Options**: 2, 4\n", "x")
    assert [(entry.parts, entry.actions, entry.replacements) for entry in plan.entries] == [
        (["patch size"], ["vary"], ["2", "4"])
    ]


UNKNOWN = {
    "labels.md": "1. **Patches**\n   - Thing: patch size\n   - Do: set to 4 and 8\n   - Readings: FID\n"
    "2. **Positions**\n   - Thing: positional embedding\n   - Do: get rid of it\n   - Readings: FID\n",
    "sections.txt": "[Patches]\nthing = patch size\nverb = vary\nvariants = 4, 8\n\n"
    "[Positions]\nthing = positional embedding\nverb = strip out\n",
    "literal.txt": "plan = [\n dict(idea='Patches', thing='patch size', verb='vary', to=(4, 8)),\n"
    " dict(idea='Positions', thing='positional embedding', verb='strip out'),\n]\n",
    "latex.txt": "\\begin{tabular}{lll}\nPart & Move & Levels \\\\ \\hline\npatch size & vary & 4, 8 \\\\\n"
    "positional embedding & strip out & -- \\\\\n\\end{tabular}\n",
    "turned.md": "| | Run 1 | Run 2 |\n|--|--|--|\n| Part | patch size | positional embedding |\n"
    "| Action | vary | remove |\n| Options | 4, 8 | |\n",
    "groups.json": json.dumps(
        {"plan": {"a": {"thing": "patch size", "swap_for": [4, 8]}, "b": {"thing": "norm", "swap_for": "RMSNorm"}}}
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_labels_and_forms_that_nobody_listed_are_read_for_what_they_hold(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(UNKNOWN[name])
    plan = import_plan(path)
    assert plan.not_understood == () and plan.questions == ()
    assert [(item.axis, item.action, item.values) for item in plan.study.ablations] == [
        ("patch_size", "REPLACE", (4, 8)),
        ("norm", "REPLACE", ("rmsnorm",)) if name == "groups.json" else ("position", "REMOVE", ()),
    ]


@pytest.mark.parametrize(
    ("done", "values"),
    [
        ("set to 4", (4,)),
        ("set to 4, and use bananas", None),
        ("exchange 2 by 2", None),
        ("", None),
        ("remove it, and leave it as it is", None),
        ("from 2 to 8 pixels", (8,)),
    ],
)
def test_every_piece_of_what_is_done_is_accounted_for(
    tmp_path: Path, done: str, values: tuple[int, ...] | None
) -> None:
    path = tmp_path / "plan.json"
    rows = [{"part": "patch size", "action": done}, {"part": "norm", "action": "replace", "to": "RMSNorm"}]
    path.write_text(json.dumps(rows))
    plan = import_plan(path)
    first = {item.axis: item for item in plan.study.ablations}.get("patch_size")
    assert "norm" in [item.axis for item in plan.study.ablations]  # whatever becomes of the entry beside it
    assert (None if first is None else first.values) == values
    assert (plan.not_understood == ()) == (values is not None)


def test_an_entry_that_cannot_run_takes_no_other_down(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    rows = [{"part": "REPA", "action": "add", "to": 0.5}, {"part": "norm", "action": "replace", "to": "RMSNorm"}]
    path.write_text(json.dumps(rows))
    plan = import_plan(path)
    assert [item.axis for item in plan.study.ablations] == ["norm"]
    assert any("data.features" in item.reason for item in plan.not_understood)


ASKING = {
    "labels that a full stop ends": """
### How coarse may a patch be?
**Ablated part.** patch size
**Action.** REPLACE
**Replacement.** 4, next to the default p = 2
**Metrics.** FID-50K $\\downarrow$

### Depth: too much of it?
*Component.* depth
*Operation.* REPLACE
*Options.* 14
*Metrics.* FID
""",
    "numbered titles in the item of their labels": """
1) How coarse may a patch be?
   Ablated part: patch size
   Action: REPLACE (2 → 4)
   Metrics: FID

2) Depth: too much of it?
   Ablated part: depth
   Action: REPLACE (28 → 14)
   Metrics: FID
""",
    "numbered titles on the line of their labels": """
1. **How coarse may a patch be?** **Component.** patch size **Action.** REPLACE **Replacement.** 4 **Metrics.** FID
2. **Is there too much depth?** **Component.** depth **Action.** REPLACE **Replacement.** 14 **Metrics.** FID
""",
    "a column of two names": """
| Study | Part / Component | Action | Replacement / Intervention | Metrics |
|---|---|---|---|---|
| How coarse may a patch be? | patch size | REPLACE | p = 4<br>vs. the default p = 2 | FID ↓ |
| Is there too much depth? | depth | REPLACE | 14 blocks | FID |
""",
}


@pytest.mark.parametrize("layout", ASKING)
def test_titles_that_ask_and_labels_in_other_signs(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "plan.md"
    path.write_text(ASKING[layout])
    plan = import_plan(path, "paper")
    assert plan.not_understood == ()
    first, second = plan.study.ablations
    assert first.name == "How coarse may a patch be?" and second.name.endswith("?")
    assert (first.axis, {*first.values} - {2}, second.axis, {*second.values} - {28}) == (
        "patch_size",
        {4},
        "depth",
        {14},
    )
