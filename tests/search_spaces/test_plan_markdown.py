"""One plan, in the ways that people and language models lay it out."""

from pathlib import Path

import pytest

from search_spaces.plan_import import import_plan
from search_spaces.plan_import.labels import REMARK, kind_of
from search_spaces.plan_import.markdown import read_markdown
from search_spaces.plan_import.purposes import is_purpose
from search_spaces.plan_import.written import split_items

BULLETS = """
# My plan
### Patch Size
- **Ablated Part**: patch size
- **Action**: REPLACE
- **Replacement**:
  - 2
  - 4
- **Metrics**: FID, Gflops
"""

SAME = {
    "colons inside the bold": """
### Patch Size
* **Ablated Part:** patch size
* **Action:** REPLACE
* **Replacement:**
    * 2
    * 4
* **Metrics:** FID, Gflops
""",
    "no bullets, no bold": """
## Patch Size
Ablated part: patch size
ACTION : REPLACE
Replacement: 2, 4
Metrics: FID, and Gflops
""",
    "items without bullets": """
## Patch Size
**Ablated Part** - patch size
**Action** - REPLACE
**Replacement**:
2
4

**Metrics**: FID; Gflops
""",
    "numbered, items not indented": """
**Patch Size**
1. __Ablated Component__: patch size.
2. __Action__: REPLACE.
3. __Replacements__:
- 2
- 4

4. __Metric__: `FID`, `Gflops`
""",
    "headings as labels": """
## Patch Size
#### Ablated Part
patch size
#### Action
REPLACE
#### Replacement
- 2

- 4
#### Evaluation Metrics
- FID
- Gflops
""",
    "HTML": """
<h3 style="color: red">Patch Size</h3>
<ul><li><strong>Ablated Part</strong>:&nbsp;patch size</li>
<li><b>Action</b>: REPLACE</li><li><b>Replacement</b>: 2, 4</li>
<li><b>Metrics</b>: FID, Gflops</li></ul><!-- **Action**: REMOVE -->
""",
    "a table": """
| Name | Ablated Part | Action | Replacement | Metrics |
|---|:---:|---|---|---|
| Patch Size | patch size | REPLACE | 2<br>4 | FID, Gflops |
""",
    "a code fence and a quote": """
### Patch Size
```
> **Ablated part**: "patch size"
> **Action**: *REPLACE*
> **Replacment**: 2, 4
> **Metrics**: FID, Gflops
```
""",
}  # fmt: skip


@pytest.mark.parametrize("layout", SAME)
def test_every_layout_says_the_same(layout: str) -> None:
    for text in (SAME[layout], SAME[layout].replace("\n", "\r\n")):
        (read,) = read_markdown(text).entries
        assert read.title == "Patch Size"
        assert (read.parts, read.actions) == (["patch size"], ["REPLACE"])
        assert (read.replacements, read.metrics) == (["2", "4"], ["FID", "Gflops"])


def test_the_title_and_several_entries() -> None:
    plan = read_markdown(BULLETS + BULLETS.replace("# My plan", "").replace("Patch Size", "Again"))
    assert plan.title == "My plan"
    assert [entry.title for entry in plan.entries] == ["Patch Size", "Again"]


def test_an_entry_begins_where_a_second_part_is_ablated() -> None:
    plan = read_markdown(
        "**Ablated Part**: patch size\n**Action**: REMOVE\n**Ablated Part**: decoder\n**Action**: ADD\n"
    )
    assert [(entry.parts, entry.actions) for entry in plan.entries] == [
        (["patch size"], ["REMOVE"]),
        (["decoder"], ["ADD"]),
    ]


def test_items_with_colons_bold_words_and_line_breaks_stay_items() -> None:
    text = """
- **Ablated Part**: block
- **Replacement**:
  - **adaLN**: adaptive layer norm
  - cross-attention: over two
    tokens
- **Why**: it matters
"""
    (read,) = read_markdown(text).entries
    assert read.replacements == ["adaLN: adaptive layer norm", "cross-attention: over two tokens"]
    assert read.remarks == [("Why", "it matters")]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("2, 4, and 8", ["2", "4", "8"]),
        ("a (b, c); d", ["a (b, c)", "d"]),
        ("others, e.g. mlp, conv", ["others, e.g. mlp, conv"]),
        ("others such as mlp, conv", ["others such as mlp, conv"]),
        ("**`adaLN`**.", ["adaLN"]),
        ("", []),
    ],
)
def test_items(text: str, items: list[str]) -> None:
    assert split_items(text) == items


@pytest.mark.parametrize(
    ("label", "field"),
    [
        ("Ablated Part", "Ablated Part"),
        ("ablated_part", "Ablated Part"),
        ("AblatedPart", "Ablated Part"),
        ("ABLATED COMPONENT", "Ablated Part"),
        ("Replacments", "Replacement"),
        ("metric", "Metrics"),
        ("Rationale", None),
        ("Hypothesis", None),
    ],
)
def test_labels(label: str, field: str | None) -> None:
    kind = kind_of(label)
    assert (None if kind == REMARK else kind) == field


def test_a_label_that_names_an_axis_may_hold_the_purpose(tmp_path: Path) -> None:
    text = """# Plan

---

### Study 1: Feed-forward width
- **Objective**: We want to learn whether a wider MLP pays off.
- **Component**: MLP ratio
- **Action**: REPLACE (with other ratios)
- **Options**: 2; 8

---

### Study 2: Prediction target
- **Objective**: v-prediction
- **Metrics**: FID

---

### Study 3: Prediction
- **Research question**: Does 1 of 2 targets halve the error?
- **Component**: prediction target
- **Objective**: x0; v

---

### Study 4: Positions
- **Focus**: the role of positional information
- **Component**: positional embedding
- **Action**: REMOVE

---

### Study 5: Backbone
- **Objective**: To examine whether transformers are needed.
- **Component**: Transformer backbone
- **Action**: REPLACE
- **Options**: U-Net
"""
    path = tmp_path / "plan.md"
    path.write_text(text)
    plan = import_plan(path, "paper")
    assert [(item.axis, item.values) for item in plan.study.ablations] == [
        ("mlp_ratio", (2.0, 8.0)),
        ("objective", ("v",)),
        ("objective", ("x0", "v")),
        ("position", ()),
    ]
    assert {item.ablation for item in plan.not_understood} == {"Study 5: Backbone"}
    assert any("'We want to learn whether a wider MLP pays off' is a remark" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("label", "text", "purpose"),
    [
        ("Objective", "To find out if 256 frequencies are needed", True),
        ("Main objective", "Understand how the model scales", True),
        ("Objective", "Compare what the network predicts", True),
        ("Focus", "the influence of the class label", True),
        ("Objective", "To predict the velocity", False),
        ("Objective", "Compare noise, x0 and v-prediction", False),
        ("Objective", "Which target is best: x0 or v", False),
        ("Focus", "patch size", False),
        ("Scaling", "To find out if 256 frequencies are needed", False),
    ],
)
def test_purposes(label: str, text: str, purpose: bool) -> None:
    assert is_purpose(label, text) is purpose


_ITEM = """{n}) {title}

{told}

{b}Component: {part}
{b}Change: REPLACE
{b}Options:{options}
{b}Metrics:{metrics}

"""


@pytest.mark.parametrize(
    ("bullet", "options", "metrics"),
    [
        ("- ", "\n  - 4\n  - 8", "\n  - FID\n  - IS"),
        ("* ", " 4, 8", "\n  * FID"),
        ("", " 4, 8", " FID"),
        ("", " 4, 8", " FID, IS"),
    ],
)
def test_a_numbered_title_above_a_paragraph_is_no_item_of_the_list_before_it(
    bullet: str, options: str, metrics: str
) -> None:
    told = {"Tokens": "patch size", "Heads per block": "number of heads", "Blocks": "depth"}
    text = "".join(
        _ITEM.format(n=n, title=title, told="Why it matters.", part=part, b=bullet, options=options, metrics=metrics)
        for n, (title, part) in enumerate(told.items(), 1)
    )
    entries = read_markdown(text).entries
    assert [entry.title for entry in entries] == [*told] and [entry.parts for entry in entries] == [
        [part] for part in told.values()
    ]
    assert all(entry.replacements == ["4", "8"] and set(entry.metrics) <= {"FID", "IS"} for entry in entries)


@pytest.mark.parametrize("label", ["Ablated Part: ", "- Ablated Part: "])
@pytest.mark.parametrize("items", ["1. Lion", "1. Lion\n2. Sophia"])
def test_a_numbered_item_before_the_next_part_stays_an_item(label: str, items: str) -> None:
    text = f"Ablated Part: optimiser\nAction: REPLACE\nReplacement:\n{items}\n\n"
    text += f"It may help.\n\n{label}qk norm\nAction: ADD\n"
    entries = read_markdown(text).entries
    assert [entry.parts for entry in entries] == [["optimiser"], ["qk norm"]]
    assert entries[0].replacements == [item[3:] for item in items.split("\n")]


def test_a_heading_that_numbers_its_label_holds_the_part() -> None:
    text = "### **4. Component: AdamW optimizer**\n- Action: REPLACE\n- Replacement: Lion\n"
    (entry,) = read_markdown(text).entries
    assert entry.parts == ["AdamW optimizer"]


@pytest.mark.parametrize(
    ("styled", "marks"),
    [(styled, marks) for styled in ("**{}**", "{}", "### {}", "**{}:**") for marks in ("ABC", "123")]
    + [("- **{}**", "ABC")],
)
@pytest.mark.parametrize("named", ["Study {} – {}", "Experiment {}: {}", "Ablation {} - {}", "Test {} — {}"])
@pytest.mark.parametrize("before", ["> ", "- ", ""])
def test_a_line_that_names_and_titles_an_entry_is_no_label_of_the_one_before(
    styled: str, named: str, before: str, marks: str
) -> None:
    told = {"Patching": "patch size", "Heads": "number of heads", "Layers": "depth"}
    titles = [named.format(mark, title) for mark, title in zip(marks, told, strict=True)]
    text = "".join(
        f"{styled.format(title)}\nSome words on why this matters.\n\n{before}Ablated Part: {part}\n"
        f"{before}Action: REPLACE\n{before}Replacement: 4, 8\n{before}Metrics: FID\n\n"
        for title, part in zip(titles, told.values(), strict=True)
    )
    entries = read_markdown(text).entries
    assert [entry.parts for entry in entries] == [[part] for part in told.values()]
    assert [entry.title.rstrip(":") for entry in entries] == titles
    assert all(entry.metrics == ["FID"] and not entry.unknown for entry in entries)


def test_items_that_are_named_like_entries_stay_items() -> None:
    text = "- Ablated Part: MLP\n- Replacement:\n  - Variant A: ReLU\n  - Variant B: SiLU\n- Metrics: FID\n"
    (entry,) = read_markdown(text).entries
    assert len(entry.replacements) == 2 and entry.parts == ["MLP"]
