"""What stands beside the entries of a plan, or in another form than labels, is carried out, asked about or said."""

import contextlib
import json
from pathlib import Path

import pytest

from dit_core.errors import UserError
from search_spaces.load import load_study
from search_spaces.plan_import import ImportedPlan, import_plan
from search_spaces.plan_import.outside import OUTSIDE
from search_spaces.plan_suffixes import PLAN_SUFFIXES, YAML
from search_spaces.text_files import read_yaml


def entry(title: str, part: str, values: str, *more: str) -> str:
    lines = [f"**Component**: {part}", "**Operation**: swap", f"**Options**: {values}", *more]
    return "\n".join([f"### {title}", *(f"- {line}" for line in lines), ""])


GOOD = entry("Blocks", "depth", "6")


def read(tmp_path: Path, text: str, name: str = "plan.md", guesses: bool = False) -> ImportedPlan:
    path = tmp_path / name
    path.write_text(text)
    return import_plan(path, accept_guesses=guesses)


def axes(plan: ImportedPlan) -> list[str]:
    return [item.axis for item in plan.study.ablations]


def missed(plan: ImportedPlan) -> list[tuple[str, str, str]]:
    return [(item.ablation, item.field, item.text) for item in plan.not_understood if not item.follows]


# -- tables and separated values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ["| depth | swap | 6 | FID | and RoPE |", "depth | swap | 6 | FID | | and RoPE"])
def test_a_cell_behind_the_last_column_stops_its_row(tmp_path: Path, row: str) -> None:
    head = "| Component | Operation | Options | Metric |\n|---|---|---|---|\n"
    plan = read(tmp_path, f"{head}| decoder | swap | conv | FID | |\n{row}\n")
    assert axes(plan) == ["decoder"] and missed(plan) == [("depth", "Cell", "and RoPE")]


ROWS = [
    ["Module", "What we do", "Try", "Measured by"],
    ["patch size", "swap", "4, 8", "FID"],
    ["decoder", "swap", "conv", "FID"],
]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["plan.csv", "plan.tsv", "plan.md", "plan.txt", "fenced.md"])
def test_separated_values_are_a_table_under_any_name(tmp_path: Path, separator: str, name: str) -> None:
    text = "\n".join(separator.join(f'"{cell}"' if separator in cell else cell for cell in row) for row in ROWS)
    if name == "fenced.md":
        text = f"# Plan\n\nThis is what I would try.\n\n```\n{text}\n```\n\nThat is all.\n"
    plan = read(tmp_path, text, name)
    assert [(item.axis, item.values) for item in plan.study.ablations] == [
        ("patch_size", (4, 8)),
        ("decoder", ("conv",)),
    ]
    assert not plan.not_understood and load_study(tmp_path / name) == plan.study


def test_a_separator_without_quotes_is_asked_about(tmp_path: Path) -> None:
    plan = read(tmp_path, "Module,Operation,Options\npatch size,swap,4,8\ndecoder,swap,conv\n", "plan.csv")
    assert axes(plan) == ["decoder"] and missed(plan) == [("patch size", "Cell", "8")]


@pytest.mark.parametrize(
    "text",
    ["Component, action, values.\nThe decoder, say.\n\n", 'Module,"Action\ndecoder,swap\n\n', "Notes, ideas\na, b\n\n"],
)
def test_a_sentence_with_commas_is_no_table(tmp_path: Path, text: str) -> None:
    assert axes(read(tmp_path, text + GOOD)) == ["depth"]


@pytest.mark.parametrize("name", ["plan.html", "plan.rst", "plan.toml", "plan"])
def test_what_a_plan_may_be_is_said_once(tmp_path: Path, name: str) -> None:
    listed = ", ".join((*PLAN_SUFFIXES, *YAML))
    for call in (import_plan, load_study):
        (tmp_path / name).write_text(GOOD)
        with pytest.raises(UserError, match="unknown kind of") as caught:
            call(tmp_path / name)
        assert str(caught.value).endswith(listed)
    assert f"`{listed}`" in (Path(__file__).parents[2] / "docs/plans.md").read_text().replace("`, `", ", ")


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE html>\n<p>Patch size 4</p>",
        "My plan\n\n<table class='x'>\n<tr><th>Component</th></tr></table>",
        "<?xml version='1.0'?><plan/>",
        "<ablations><ablation><part>patch size</part></ablation></ablations>",
    ],
)
def test_html_and_xml_are_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match="is not read; a plan ends in"):
        read(tmp_path, text)


OBJECTS = [
    {"module": "patch size", "operation": "swap", "options": [4]},
    {"module": "decoder", "operation": "swap", "options": ["mlp"]},
]


@pytest.mark.parametrize(
    ("before", "after", "left"),
    [
        ("", "Then also double the learning rate, and add RoPE.", True),
        ("Here it is, as asked.\n", "Thanks for reading.", False),
        ("Please also remove the class labels.\n\n", "", True),
    ],
)
@pytest.mark.parametrize("lines", [False, True])
def test_json_beside_a_sentence_is_json(tmp_path: Path, before: str, after: str, left: bool, lines: bool) -> None:
    data = "\n".join(map(json.dumps, OBJECTS)) if lines else json.dumps(OBJECTS, indent=2)
    plan = read(tmp_path, f"{before}{data}\n\n{after}\n")
    assert axes(plan) == ["patch_size", "decoder"]
    assert [name for name, _, _ in missed(plan)] == [OUTSIDE] * left


def test_json_that_breaks_off_is_not_read_in_pieces(tmp_path: Path) -> None:
    text = json.dumps(OBJECTS, indent=0)[:-30]
    with contextlib.suppress(UserError):
        assert read(tmp_path, text).not_understood


# -- front matter, orders on all runs, another baseline ----------------------------------------------------------------


@pytest.mark.parametrize("line", ["seeds: [7, 8]", "gpu: 4", "budget: 100", "priority: 1"])
def test_a_label_with_numbers_alone_is_said(tmp_path: Path, line: str) -> None:
    plan = read(tmp_path, f"---\ntitle: mine\n{line}\n---\n{GOOD}")
    label, _, said = line.partition(": ")
    assert [note for note in plan.notes if note.startswith(label) and said in note]


ORDERS = (
    "Repeat every arm with three seeds.",
    "Please train all variants with seeds 1, 2 and 3.",
    "We will run everything with a budget of 2M images.",
    "Use the DiT-B/4 baseline for all runs.",
    "Every run should be repeated with 4 random seeds.",
    "Do not run the first entry.",
    "Skip the second ablation.",
)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("form", ["{order}\n\n{good}", "{good}\n---\n\n{order}\n", "{good}\n## Setup\n\n{order}\n"])
def test_an_order_on_all_runs_is_open_wherever_it_stands(tmp_path: Path, order: str, form: str) -> None:
    plan = read(tmp_path, form.format(order=order, good=GOOD))
    assert axes(plan) == ["depth"] and [name for name, _, _ in missed(plan)] == [OUTSIDE]


@pytest.mark.parametrize(
    "said",
    [
        "Report three seeds where the budget permits.",
        "All runs share one seed.",
        "Every model was trained for 400K steps with the same random seed.",
        "Skip connections are kept.",
    ],
)
def test_what_is_only_told_of_all_runs_is_a_remark(tmp_path: Path, said: str) -> None:
    plan = read(tmp_path, f"{GOOD}\n## Setup\n\n{said}\n")
    assert axes(plan) == ["depth"] and not plan.not_understood
    assert [note for note in plan.notes if said.rstrip(".") in note]


@pytest.mark.parametrize("said", ["DiT-B/4", "DiT-L", "our DiT-S/8 at 100k steps", "DiT-XL/4"])
def test_another_baseline_is_open(tmp_path: Path, said: str) -> None:
    plan = read(tmp_path, f"{GOOD}\n{entry('Head', 'decoder', 'conv', f'**Baseline**: {said}')}")
    assert axes(plan) == ["depth"] and missed(plan) == [("Head", "Baseline", said)]
    plan = read(tmp_path, f"---\nbase model: {said}\n---\n{GOOD}")
    assert [name for name, _, _ in missed(plan)] == [OUTSIDE]


def test_another_value_of_the_baseline_is_open(tmp_path: Path) -> None:
    rest = entry("Tokens", "patch size", "4", "**Baseline value**: {}")
    assert missed(read(tmp_path, GOOD + rest.format("p = 8"))) == [("Tokens", "Baseline value", "p = 8")]
    assert not missed(read(tmp_path, GOOD + rest.format("p = 2")))
    assert not missed(read(tmp_path, GOOD + rest.format("DiT-XL/2")))


# -- entries that are not to be run ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ["**Status**: cancelled", "**Enabled**: false", "**Note**: do not run this one", "**Skip**: yes"]
)
def test_an_entry_that_is_told_off_does_not_run(tmp_path: Path, line: str) -> None:
    plan = read(tmp_path, GOOD + entry("Head", "decoder", "conv", line))
    assert axes(plan) == ["depth"] and {name for name, _, _ in missed(plan)} == {"Head"}


def test_a_title_may_tell_its_entry_off(tmp_path: Path) -> None:
    assert axes(read(tmp_path, GOOD + entry("Head (withdrawn)", "decoder", "conv"))) == ["depth"]


@pytest.mark.parametrize(
    "line", ["**Status**: planned", "**Enabled**: yes", "**Note**: run this first", "**Skip**: no"]
)
def test_an_entry_that_is_not_told_off_runs(tmp_path: Path, line: str) -> None:
    assert axes(read(tmp_path, GOOD + entry("Head", "decoder", "conv", line))) == ["depth", "decoder"]


@pytest.mark.parametrize("key", ["except", "skip", "excluded_ablations", "only run", "ignore"])
@pytest.mark.parametrize("form", ["yaml", "md"])
def test_a_key_that_chooses_entries_is_open(tmp_path: Path, key: str, form: str) -> None:
    data = f"plan:\n{''.join(f'  - {json.dumps(one)}{chr(10)}' for one in OBJECTS)}"
    text = f"{key}: decoder\n{data}" if form == "yaml" else f"---\n{key}: decoder\n---\n{GOOD}"
    plan = read(tmp_path, text, f"plan.{form}")
    assert [name for name, _, _ in missed(plan)] == [OUTSIDE]


# -- footnotes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "note"),
    [
        ("4[^n]", "[^n]: with the learning rate halved"),
        ("4 [1]", "[1] trained for twice as long"),
        ("4*", "\\* label dropout off"),
        ("4\\*", "*seed 3 only"),
        ("4†", "† in the last three layers only"),
        ("4<sup>2</sup>", "<sup>2</sup> with the embedding frozen"),
        ("4²", "²: only for the first half of training"),
    ],
)
@pytest.mark.parametrize("table", [False, True])
def test_a_footnote_belongs_to_what_bears_its_mark(tmp_path: Path, value: str, note: str, table: bool) -> None:
    first = entry("Patches", "patch size", f"8, {value}")
    if table:
        first = f"| Component | Operation | Options |\n|---|---|---|\n| patch size | swap | 8, {value} |\n"
    plan = read(tmp_path, f"{first}\n{GOOD}\n{note}\n")
    assert axes(plan) == ["depth"]
    said = " ".join(note.split()[-2:])
    assert [text for _, field, text in missed(plan) if field == "Replacement" and said in text]


@pytest.mark.parametrize("value", ["*4*", "4", "**4**"])
@pytest.mark.parametrize("below", ["[^1]: unused", "[1]: https://example.org", "* one more line", "*a remark*"])
def test_what_is_no_footnote_changes_nothing(tmp_path: Path, value: str, below: str) -> None:
    assert axes(read(tmp_path, f"{entry('Patches', 'patch size', value)}\n{GOOD}\n{below}\n")) == [
        "patch_size",
        "depth",
    ]


@pytest.mark.parametrize(
    "note", ["Rombach et al., Latent Diffusion Models, 2022", "J. Ho and T. Salimans, arXiv 2207.12598"]
)
def test_a_paper_that_is_cited_changes_nothing(tmp_path: Path, note: str) -> None:
    text = f"{entry('Block', 'block', 'adaLN [1], cross-attention[1]')}\n## References\n[1] {note}\n"
    plan = read(tmp_path, text)
    assert [item.values for item in plan.study.ablations] == [("adaln", "cross-attention")] and not plan.not_understood


def test_a_number_in_brackets_may_count_an_entry(tmp_path: Path) -> None:
    text = "[1] Vary the patch size over 4 and 8.\n\n[2] Replace the linear decoder with an MLP, as in [1].\n"
    assert axes(read(tmp_path, text)) == ["patch_size", "decoder"]


# -- what is said of a whole plan --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "### 1\n- **Pièce**: patchs\n- **Geste**: changer\n\n### 2\n- **Pièce**: tête\n- **Geste**: ôter\n",
            "(Pièce, Geste)",
        ),
        ("### 甲\n- **部分**: 头\n- **操作**: 换\n\n### 乙\n- **部分**: 块\n- **操作**: 换\n", "(部分, 操作)"),
    ],
)
def test_a_plan_with_labels_in_another_language_is_refused_in_one_sentence(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value) and "labels are read in English" in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


def test_metrics_that_are_one_here_are_said_once(tmp_path: Path) -> None:
    text = entry("A", "patch size", "4", "**Metrics**: FID-50K, sFID") + entry(
        "B", "decoder", "conv", "**Metrics**: FID, IS"
    )
    said = [note for note in read(tmp_path, text).notes if "one metric here" in note]
    assert len(said) == 1 and "FID-50K" in said[0] and "IS" in said[0] and " FID " not in said[0]


def test_only_an_accepted_guess_is_called_one(tmp_path: Path) -> None:
    text = GOOD + entry("Rate", "learning rate", "1e-4 to 1e-3")
    asked, taken = read(tmp_path, text), read(tmp_path, text, guesses=True)
    assert asked.questions and not asked.guesses
    assert taken.guesses and not taken.questions


@pytest.mark.parametrize("tag", ["set", "omap", "pairs", "binary"])
def test_tags_of_what_is_no_plain_data_are_refused(tag: str) -> None:
    with pytest.raises(UserError, match=f"the tag !!{tag} is not read"):
        read_yaml(f"a: !!{tag} {{}}\n" if tag != "binary" else "a: !!binary aGk=\n", "x")
