"""One plan, in the ways that people and language models lay it out."""

import pytest

from search_spaces.plan_import.labels import field_of
from search_spaces.plan_import.markdown import read_markdown
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
    assert field_of(label) == field
